"""Artifacts from SentencePiece models that others trained."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

import tokenizer_training
from tokenizer_training.published import import_model, model_properties

spm = pytest.importorskip("sentencepiece")

TEXT = [
    "县医院的护士把通知贴在门口，讨论灌溉的办法。",
    "巡回法庭审理了一起租赁纠纷；结果会在下周公布！",
    "第二天又下雨了 夜班司机没来",
] * 40


def write_model(path: Path, **options: object) -> Path:
    writer = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT),
        model_writer=writer,
        vocab_size=300,
        hard_vocab_limit=False,
        minloglevel=2,
        num_threads=1,
        **options,
    )
    path.write_bytes(writer.getvalue())
    return path


def test_cog_pretrain_like_model_maps_line_breaks_to_its_piece(tmp_path: Path) -> None:
    model = write_model(tmp_path / "cog.model", user_defined_symbols=["<n>"])
    artifact = import_model("glm", model, tmp_path / "glm", "cog-pretrain")
    tokenizer = tokenizer_training.load(tmp_path / "glm")
    assert artifact.meta["newline"] == "<n>"
    assert tokenizer.special_ids["gmask"] == tokenizer.meta["pieces"] + 9
    ids = tokenizer.encode("老师\n通知")
    assert tokenizer.decode(ids) == "老师\n通知" or "\n" in tokenizer.decode(ids)
    reference = spm.SentencePieceProcessor(model_file=str(model))
    assert ids == reference.encode("老师<n>通知")
    assert any("normaliser" in loss for loss in artifact.meta["losses"])


def test_cpm_vocabulary_keeps_its_own_special_ids(tmp_path: Path) -> None:
    pytest.importorskip("jieba")
    model = write_model(tmp_path / "cpm.model", user_defined_symbols=["▃", "<sep>", "<pad>", "<mask>", "<eod>", "▂"])
    import_model("cpm", model, tmp_path / "cpm", "CPM-1")
    tokenizer = tokenizer_training.load(tmp_path / "cpm")
    assert tokenizer.eod_id == 7
    assert tokenizer.decode(tokenizer.encode("护士 通知\n司机")) == "护士 通知\n司机"


def test_identity_unigram_models_run_compiled(tmp_path: Path) -> None:
    plain = write_model(tmp_path / "plain.model", normalization_rule_name="identity", user_defined_symbols=["\n"])
    assert model_properties(plain.read_bytes()) == (True, True)
    bpe = write_model(tmp_path / "bpe.model", model_type="bpe")
    assert model_properties(bpe.read_bytes()) == (False, False)


def test_what_is_no_such_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.model").write_bytes(b"not a model")
    with pytest.raises(ValueError, match="is not a SentencePiece model"):
        import_model("glm", tmp_path / "x.model", tmp_path / "out", "x")
    model = write_model(tmp_path / "plain.model")
    with pytest.raises(ValueError, match="no piece for a line break"):
        import_model("glm", model, tmp_path / "out", "x")
    with pytest.raises(ValueError, match="no piece <eod>"):
        import_model("cpm", model, tmp_path / "out", "x")
    with pytest.raises(ValueError, match="not 'bpe'"):
        import_model("bpe", model, tmp_path / "out", "x")
