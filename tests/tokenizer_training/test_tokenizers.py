"""Trained tokenizers: round trip, determinism, layout, agreement with their reference implementations."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tokenizer_training
from corpus.config.tokenizer import TokenizerSettings
from tokenizer_training.tokenizer import SentencePieceTokenizer, Tokenizer

SUBJECTS = [
    "县医院的护士",
    "老李",
    "镇上的小学",
    "新来的工程师",
    "图书馆的管理员",
    "农业合作社",
    "巡回法庭",
    "夜班司机",
]
ACTIONS = [
    "整理了去年的记录",
    "把通知贴在门口",
    "讨论灌溉的办法",
    "审理了一起租赁纠纷",
    "检查每一台机器",
    "量了三次血压",
]
ENDINGS = [
    "，直到天黑才回家。",
    "；大家都说好！",
    "，结果会在下周公布。",
    "。\n\n第二天又下雨了，",
    "，共花费 3,250.5 元。",
]


def documents(count: int, seed: int = 1) -> list[str]:
    generator = random.Random(seed)
    return [
        "".join(
            generator.choice(SUBJECTS) + generator.choice(ACTIONS) + generator.choice(ENDINGS)
            for _ in range(generator.randint(1, 12))
        )
        for _ in range(count)
    ]


SETTINGS = TokenizerSettings(vocabulary_size=900, minimum_characters_per_piece=1)


@pytest.fixture(scope="module", params=["cpm", "glm", "bpe"])
def tokenizer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    pytest.importorskip({"cpm": "jieba", "glm": "sentencepiece", "bpe": "tokenizers"}[request.param])
    folder = tmp_path_factory.mktemp(request.param)
    tokenizer_training.train(request.param, iter(documents(300)), folder, SETTINGS)
    return tokenizer_training.load(folder)


def texts(*values: str) -> pa.LargeStringArray:
    return pa.array(list(values), pa.large_string())


def test_round_trip_keeps_spaces_lines_and_unseen_characters(tokenizer: Tokenizer) -> None:
    cases = [
        "县医院的护士把通知贴在门口。",
        "  两个空格  和\n\n换行\r\n与制表\t",
        "全角ＡＢＣ，（！）：《》与半角ABC,(!)不混",
        "龘齉𠮷野家 emoji 😀 ñ ü",
        "",
        "\n",
        " ",
        "<eod> <|endoftext|> [MASK] <n> <unk>",
    ]
    encoded = tokenizer.encode_batch(texts(*cases))
    for row, text in zip(encoded.to_pylist(), cases, strict=True):
        assert row[-1] == tokenizer.eod_id
        assert tokenizer.eod_id not in row[:-1]
        assert tokenizer.decode(row) == text


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="▁▂▃"), max_size=40))
def test_round_trip_on_any_text(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_stated_losses_are_all(tokenizer: Tokenizer) -> None:
    changed = [mark for mark in "▁▂▃" if tokenizer.decode(tokenizer.encode(f"甲{mark}乙")) != f"甲{mark}乙"]
    assert len(changed) == len(tokenizer.meta["losses"])


def test_type_and_batching(tokenizer: Tokenizer) -> None:
    batch = documents(40, seed=7)
    whole = tokenizer.encode_batch(texts(*batch))
    assert whole.type == pa.large_list(pa.field("item", pa.uint16(), nullable=False))
    parts = [tokenizer.encode_batch(texts(*batch)[i : i + 7]).to_pylist() for i in range(0, 40, 7)]
    assert [row for part in parts for row in part] == whole.to_pylist()
    assert np.max(whole.values.to_numpy()) < tokenizer.vocab_size <= tokenizer.padded_vocab_size
    assert tokenizer.padded_vocab_size % 128 == 0
    assert tokenizer.encode_batch(texts()).to_pylist() == []
    with pytest.raises(ValueError, match="null"):
        tokenizer.encode_batch(pa.array([None], pa.large_string()))


def test_same_texts_give_the_same_bytes(tokenizer: Tokenizer, tmp_path: Path) -> None:
    artifact = tokenizer_training.train(tokenizer.kind, iter(documents(300)), tmp_path, SETTINGS)
    assert artifact.sha256 == tokenizer.sha256
    for path in sorted(tmp_path.iterdir()):
        assert path.read_bytes() == (tokenizer.folder / path.name).read_bytes(), path.name


def test_ids_equal_sentencepiece(tokenizer: Tokenizer) -> None:
    if not isinstance(tokenizer, SentencePieceTokenizer):
        pytest.skip("byte-level BPE is run by the tokenizers library itself")
    batch = [*documents(100, seed=3), "龘龘 未知𠮷\n\n", "   ", "、。、" * 50, "".join(documents(400, seed=5))]
    expected = tokenizer._processor.encode(tokenizer.prepare(batch))
    assert [row[:-1] for row in tokenizer.encode_batch(texts(*batch)).to_pylist()] == expected


def test_special_ids_have_the_published_layout(tokenizer: Tokenizer) -> None:
    special, pieces = tokenizer.special_ids, tokenizer.meta["pieces"]
    if tokenizer.kind == "cpm":  # CPM-1: unk 0, s 1, /s 2, sep 4, pad 5, mask 6, eod 7
        assert [special[name] for name in ("unk", "bos", "eos", "sep", "pad", "mask", "eod")] == [0, 1, 2, 4, 5, 6, 7]
    elif tokenizer.kind == "glm":  # cog-pretrain: 50,000 pieces, then the tokens in this order
        names = ("eod", "sep", "cls", "mask", "sop", "eop", "smask", "gmask", "dblock")
        assert [special[name] - pieces for name in names] == [0, 1, 2, 3, 6, 7, 8, 9, 10]
        assert special["pad"] == special["eod"]
        assert tokenizer.encode("。")[0] in tokenizer.meta["sentence_end_ids"]
        assert tokenizer.encode("水")[0] not in tokenizer.meta["sentence_end_ids"]


def test_a_newline_costs_one_token(tokenizer: Tokenizer) -> None:
    assert len(tokenizer.encode("甲\n\n\n乙")) - len(tokenizer.encode("甲\n乙")) <= 2


def test_small_sample_lowers_the_vocabulary_and_says_so(tmp_path: Path) -> None:
    artifact = tokenizer_training.train("glm", iter(documents(60)), tmp_path, TokenizerSettings())
    assert artifact.meta["pieces"] < 2000
    assert "pieces instead of 50000" in artifact.messages[0]


@pytest.mark.parametrize("kind", ["glm", "bpe"])
def test_empty_sample_is_one_clear_sentence(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("tokenizers" if kind == "bpe" else "sentencepiece")
    with pytest.raises(ValueError, match="holds no text"):
        tokenizer_training.train(kind, iter(["", " \n"]), tmp_path, TokenizerSettings())


def test_folder_without_tokenizer_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is not a tokenizer"):
        tokenizer_training.load(tmp_path)
    with pytest.raises(ValueError, match="unknown tokenizer kind 'wordpiece'"):
        tokenizer_training.train("wordpiece", iter([]), tmp_path, TokenizerSettings())


def test_changed_model_changes_the_hash(tokenizer: Tokenizer, tmp_path: Path) -> None:
    for path in tokenizer.folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    model = tmp_path / tokenizer.meta["model"]
    model.write_bytes(model.read_bytes() + b"\n")
    from tokenizer_training import artifact

    assert artifact.hash_files(tmp_path, tokenizer.meta) != tokenizer.sha256


def test_transformers_loads_it(tokenizer: Tokenizer) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    if tokenizer.kind == "cpm":
        pytest.importorskip("rjieba", reason="CpmTokenizer needs rjieba")
        loaded = transformers.CpmTokenizer.from_pretrained(str(tokenizer.folder))
        assert loaded.convert_tokens_to_ids("<eod>") == tokenizer.eod_id
        assert loaded.vocab_size == tokenizer.vocab_size
        assert isinstance(tokenizer, SentencePieceTokenizer)
        for text in documents(20, seed=11):
            prepared = tokenizer.prepare([text])[0]
            assert loaded.encode(prepared, add_special_tokens=False) == tokenizer.encode(text)
        return
    loaded = transformers.AutoTokenizer.from_pretrained(str(tokenizer.folder))
    for text in [*documents(30, seed=11), "  两个空格\n\n换行 龘😀"]:
        ids = loaded.encode(text, add_special_tokens=False)
        assert ids == tokenizer.encode(text)
        assert loaded.decode(ids) == text
    assert loaded.eos_token_id == tokenizer.eod_id
