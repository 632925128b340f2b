"""`wudao decontaminate`: what is dropped is written down, what remains is a sound corpus."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from corpus.shards.reader import open_corpus, read_corpus
from corpus.shards.verify import verify
from corpus.storage import Store
from pipelines.clean import clean as clean_up
from pipelines.commands.decontaminate import decontaminate
from pipelines.derivation import Derivation

Derive = Callable[..., Derivation]


@pytest.fixture
def questions(tmp_path: Path) -> str:
    rows = [
        {"question": "患者入院后出现發熱、咳嗽，醫生建議做什么检查？", "answer": "胸片"},
        {"question": "与语料毫无关系的一道很长很长的题目在这里。"},
    ]
    path = tmp_path / "eval.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return str(path)


def texts(place: Path) -> list[str]:
    return [text for batch in read_corpus(open_corpus(str(place))) for text in batch["text"].to_pylist()]


def test_documents_with_an_item_are_dropped_and_listed(
    derive: Derive, small_corpus: Path, tmp_path: Path, questions: str
) -> None:
    told = decontaminate(derive(small_corpus, tmp_path / "out"), [questions], "drop", 13, 10)
    everything = texts(small_corpus)
    clean = [text for text in everything if "患者入院" not in text]
    assert texts(tmp_path / "out") == clean
    assert told["contaminated"] == len(everything) - len(clean) > 10
    assert told["by_file"] == {questions: {"items": 1, "documents": told["contaminated"]}}
    clean_up(Store(tmp_path / "out"))
    verdict = verify(Store(tmp_path / "out"))
    assert verdict.problems == []
    listed = pq.read_table(tmp_path / "out/contamination.parquet").to_pylist()
    assert {row["item"] for row in listed} == {1}
    assert listed[0]["excerpt"] == "患者入院后出现发热咳嗽医生建议做"
    assert listed[0]["longest"] == 16


def test_a_view_of_what_remains_and_a_rerun(derive: Derive, small_corpus: Path, tmp_path: Path, questions: str) -> None:
    decontaminate(derive(small_corpus, tmp_path / "out"), [questions], "drop", 13, 10, view=True)
    assert verify(Store(tmp_path / "out")).problems == []
    assert not list((tmp_path / "out").rglob("*.arrow"))
    again = derive(small_corpus, tmp_path / "out")
    decontaminate(again, [questions], "drop", 13, 10, view=True)
    assert again.engine.ran == []  # type: ignore[attr-defined]


def test_tag_lists_and_copies_nothing(derive: Derive, small_corpus: Path, tmp_path: Path, questions: str) -> None:
    told = decontaminate(derive(small_corpus, tmp_path / "out"), [questions], "tag", 13, 10)
    assert not (tmp_path / "out/corpus").exists()
    assert pq.read_table(tmp_path / "out/contamination.parquet").num_rows == told["contaminated"]


def test_a_corpus_without_any_item_stays_whole(derive: Derive, small_corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("一只从未被任何语料提到过的蓝色长颈鹿。\n短。\n", encoding="utf-8")
    told = decontaminate(derive(small_corpus, tmp_path / "out"), [str(tmp_path / "other.txt")], "drop", 13, 10)
    assert told["contaminated"] == 0
    assert told["too_short"] == 1
    assert texts(tmp_path / "out") == texts(small_corpus)
    assert verify(Store(tmp_path / "out")).problems == []
