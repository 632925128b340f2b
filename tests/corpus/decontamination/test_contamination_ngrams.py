"""Evaluation items in documents: found through typography and script, never by chance, explained."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.decontamination.items import EvaluationItems, files_digest, read_items
from corpus.decontamination.ngrams import NgramIndex
from corpus.errors import ConfigError
from corpus.kernels.hash_form import hash_form

QUESTION = "下列关于光合作用的说法，正确的是哪一项？"
PASSAGE = "老船长把罗盘锁进抽屉，从此再也没有提起那一年冬天的风暴。"


def index(*texts: str, size: int = 13, max_items: int = 10) -> NgramIndex:
    count = len(texts)
    items = EvaluationItems(("set.jsonl",), texts, tuple(range(count)), (0,) * count, tuple(range(1, count + 1)))
    built = NgramIndex(items, size, max_items)
    built.load()
    return built


def texts(*values: str) -> pa.Array:
    return pa.array(values, pa.large_string())


def test_an_item_is_found_in_other_typography_and_script() -> None:
    built = index(QUESTION, PASSAGE)
    found = built.matches(
        texts(
            "今天上课讲到光合作用。",
            "題目：下列關於 光合作用 的說法、正確的是哪一項?（單選）",
            f"前言。{PASSAGE}后记。",
            "老船长把罗盘锁进抽屉。",  # ten characters: below thirteen
        )
    )
    assert [(match.row, match.item) for match in found] == [(1, 0), (2, 1)]
    assert found[1].excerpt == hash_form(PASSAGE)
    assert found[1].longest == len(hash_form(PASSAGE))
    assert found[1].ngrams == len(hash_form(PASSAGE)) - 12


def test_an_ngram_of_many_items_is_a_template() -> None:
    stem = "阅读下面的短文并回答后面的问题"
    questions = [f"{stem}：第{n}题，{chr(0x4E00 + 40 * n) * 14}" for n in range(6)]
    document = texts(f"试卷说明：{stem}。")
    assert not index(*questions, max_items=5).matches(document)
    assert index(*questions, max_items=6).matches(document)
    assert index(*questions, max_items=5).templates >= 1


def test_the_longest_run_is_reported() -> None:
    built = index(PASSAGE)
    document = PASSAGE[:15] + "……" + PASSAGE[10:26]
    (match,) = built.matches(texts(document))
    assert match.excerpt in hash_form(PASSAGE)
    assert match.longest == len(match.excerpt) == max(len(hash_form(PASSAGE[:15])), len(hash_form(PASSAGE[10:26])))


@given(
    st.lists(st.text("甲乙丙", max_size=12), min_size=1, max_size=5),
    st.lists(st.text("甲乙丙，", max_size=20), max_size=8),
    st.integers(2, 5),
)
def test_matches_are_what_a_set_of_ngrams_gives(items: list[str], documents: list[str], size: int) -> None:
    built = index(*items, size=size, max_items=len(items))
    grams = {item[i : i + size] for item in items for i in range(len(item) - size + 1)}
    expected = {
        row: count
        for row, document in enumerate(documents)
        if (
            count := sum(hash_form(document)[i : i + size] in grams for i in range(len(hash_form(document)) - size + 1))
        )
    }
    counted: dict[int, int] = {}
    for match in built.matches(texts(*documents)):
        counted[match.row] = counted.get(match.row, 0) + match.ngrams
    assert counted == expected
    assert built.too_short == sum(len(item) < size for item in items)


def test_documents_beyond_a_chunk_keep_their_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corpus.decontamination.ngrams.CHUNK_BYTES", 100)
    filler = "河边的柳树一年比一年高了，桥却还是那座桥。"
    column = texts(*([filler] * 7), PASSAGE, filler, "", PASSAGE)
    assert [match.row for match in index(PASSAGE).matches(column)] == [7, 10]
    assert [match.row for match in index(PASSAGE).matches(column.slice(5))] == [2, 5]
    assert index(PASSAGE).matches(column.slice(0, 0)) == []


def test_files_of_every_kind_are_read(tmp_path: Path) -> None:
    rows = [{"id": 1, "question": QUESTION, "choices": {"A": "叶绿体", "B": ["线粒体", "液泡"]}}, {"question": PASSAGE}]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n\n", "utf-8")
    (tmp_path / "b.json").write_text(json.dumps(rows), "utf-8")
    with gzip.open(tmp_path / "c.txt.gz", "wt", encoding="utf-8") as stream:
        stream.write(f"{QUESTION}\n\n{PASSAGE}\n")
    (tmp_path / "d.csv").write_text(f"id,question\n1,{QUESTION}\n", "utf-8")
    pq.write_table(pa.Table.from_pylist(rows[1:]), tmp_path / "e.parquet")
    paths = [str(path) for path in sorted(tmp_path.iterdir())]
    items = read_items(paths)
    assert items.pieces[:4] == (QUESTION, "叶绿体", "线粒体", "液泡")
    assert [items.numbers[k] for k in range(len(items)) if items.file_of[k] == 2] == [1, 3]  # lines of the text file
    assert sum(piece == PASSAGE for piece in items.pieces) == 4
    assert files_digest(paths) == files_digest(list(paths))
    assert files_digest(paths) != files_digest(paths[:-1])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", b'{"q": "x"}\n{broken'),
        ("b.txt", b"\xff\xfe\x00"),
        ("c.docx", b"x"),
        ("d.json.gz", b"x"),
        ("e.parquet", b"PAR1"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=name):
        read_items([str(tmp_path / name)])
    with pytest.raises(ConfigError, match="nowhere"):
        read_items([str(tmp_path / "nowhere.jsonl")])
