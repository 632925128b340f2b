"""The kernel against fastText itself, and the reader against damaged files."""

from __future__ import annotations

from pathlib import Path

import fasttext
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.labels.fasttext_kernel import FastTextScorer
from corpus.labels.fasttext_loops import ROWS
from corpus.labels.fasttext_model import ModelError, read_model
from corpus.labels.tokens import tokens

SENTENCES = [
    ("medical", "医生说孩子发烧三天，需要化验血常规，先吃退烧药。"),
    ("medical", "術後第二天患者血壓平穩，傷口沒有紅腫。"),
    ("medical", "中药房今天到了一批当归和黄芪，质量很好。"),
    ("legal", "法院开庭审理此案，原告要求被告赔偿两万元。"),
    ("legal", "第十二条 违反前款规定的，由主管部门责令改正。"),
    ("legal", "律师建议双方先行调解，调解不成再起诉。"),
    ("finance", "该股早盘高开低走，收盘跌3.2%，成交额12亿元。"),
    ("finance", "央行开展1000亿元逆回购操作，利率不变。"),
    ("none", "周末一家人去爬山，山顶风很大，拍了很多照片。"),
    ("none", "Python 3 的 list 可以直接排序，见 docs。"),
]
TEXTS = [text for _, text in SENTENCES] + ["", "   \n\t", "😀😀 ok", "ＡＢＣ１２３ abc", "长" * 3000, "a" * 200]


def train(folder: Path, lines: list[str], **options: object) -> tuple[Path, fasttext.FastText._FastText]:
    source = folder / "train.txt"
    source.write_text("\n".join(lines * 5) + "\n", encoding="utf-8")
    model = fasttext.train_supervised(str(source), dim=8, epoch=20, lr=0.5, minCount=1, thread=1, verbose=0, **options)
    model.save_model(str(folder / "model.bin"))
    return folder / "model.bin", model


def reference(model: fasttext.FastText._FastText, lines: list[str], labels: list[str]) -> np.ndarray:
    """fastText's probabilities; its predict adds 1e-5 to each (std_log in loss.cc)."""
    found = np.zeros((len(lines), len(labels)))
    for row, line in enumerate(lines):
        for score, label in model.f.predict(line + "\n", len(labels), -1.0, "strict"):
            found[row, labels.index(label.removeprefix("__label__"))] = score - 1e-5
    return found


@pytest.mark.parametrize("bucket", [1000, 1024])
@pytest.mark.parametrize("ngrams", [1, 2, 4])
def test_character_tokens_score_as_fasttext_does(tmp_path: Path, ngrams: int, bucket: int) -> None:
    lines = [f"__label__{label} {' '.join(tokens(text))}" for label, text in SENTENCES]
    path, model = train(tmp_path, lines, wordNgrams=ngrams, bucket=bucket, loss="softmax")
    scorer = FastTextScorer.load(path)
    mine = scorer.scores(pa.array(TEXTS, pa.large_string()))
    theirs = reference(model, [" ".join(tokens(text)) for text in TEXTS], scorer.labels)
    assert np.abs(mine - theirs).max() < 1e-5


def test_one_vs_all_scores_as_fasttext_does(tmp_path: Path) -> None:
    lines = [f"__label__{label} {' '.join(tokens(text))}" for label, text in SENTENCES]
    path, model = train(tmp_path, lines, wordNgrams=2, bucket=4096, loss="ova")
    scorer = FastTextScorer.load(path)
    texts = TEXTS[: len(SENTENCES)]
    theirs = reference(model, [" ".join(tokens(text)) for text in texts], scorer.labels)
    assert np.abs(scorer.scores(pa.array(texts, pa.large_string())) - theirs).max() < 1e-5


def test_subwords_score_as_fasttext_does(tmp_path: Path) -> None:
    def spaced(text: str) -> str:
        return " ".join(text.replace("，", " ， ").split())

    lines = [f"__label__{label} {spaced(text)}" for label, text in SENTENCES]
    path, model = train(tmp_path, lines, minn=1, maxn=3, wordNgrams=2, bucket=500, loss="softmax")
    scorer = FastTextScorer.load(path, tokens="whitespace")
    texts = [spaced(text) for text in TEXTS] + ["未见 的 词 __label__legal x </s> 不读"]
    mine = scorer.scores(pa.array(texts, pa.string()))
    assert np.abs(mine - reference(model, texts, scorer.labels)).max() < 1e-5


@pytest.fixture(scope="module")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lines = [f"__label__{label} {' '.join(tokens(text))}" for label, text in SENTENCES]
    return train(tmp_path_factory.mktemp("model"), lines, wordNgrams=3, bucket=256, loss="ova")[0]


@given(texts=st.lists(st.text(alphabet=st.characters(codec="utf-8"), max_size=30), max_size=4))
@settings(max_examples=80, deadline=None)
def test_tokens_of_the_kernel_are_those_of_the_reference(small_model: Path, texts: list[str]) -> None:
    scorer = FastTextScorer.load(small_model)
    spaced = [" ".join(tokens(text)) for text in texts]
    plain = FastTextScorer.load(small_model, tokens="whitespace")
    assert np.allclose(
        scorer.logits(pa.array(texts, pa.large_string())), plain.logits(pa.array(spaced, pa.large_string())), atol=1e-9
    )


def test_scores_do_not_depend_on_batching(small_model: Path) -> None:
    scorer = FastTextScorer.load(small_model)
    texts = [*TEXTS, "证" * (3 * ROWS)]
    whole = scorer.logits(pa.array(texts, pa.large_string()))
    single = np.concatenate([scorer.logits(pa.array([text], pa.large_string())) for text in texts])
    assert (whole == single).all()


def test_only_the_head_is_read(small_model: Path) -> None:
    head = FastTextScorer.load(small_model, max_tokens=6)
    texts = pa.array(["法院审理此案后休庭", "法院审理此案再上诉"], pa.large_string())
    first, second = head.logits(texts)
    assert (first == second).all()


@pytest.mark.parametrize("cut", [0, 4, 60, 200, -100])
def test_a_cut_file_is_refused(small_model: Path, tmp_path: Path, cut: int) -> None:
    damaged = tmp_path / "cut.bin"
    damaged.write_bytes(small_model.read_bytes()[:cut])
    with pytest.raises(ModelError):
        read_model(damaged)


@given(place=st.integers(0, 400), value=st.integers(0, 255))
@settings(max_examples=150, deadline=None)
def test_a_changed_byte_never_does_more_than_raise(
    small_model: Path, tmp_path_factory: pytest.TempPathFactory, place: int, value: int
) -> None:
    content = bytearray(small_model.read_bytes())
    content[place] = value
    damaged = tmp_path_factory.getbasetemp() / "changed.bin"
    damaged.write_bytes(content)
    try:
        model = read_model(damaged)
    except ModelError:
        return
    assert model.input.shape[1] == model.output.shape[1]
