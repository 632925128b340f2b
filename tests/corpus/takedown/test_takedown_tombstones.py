"""Tombstones: what they match, what they do not, and that they survive a file."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.config.dedupe import DedupeSettings
from corpus.errors import CorruptionError
from corpus.steps.sign import Sign
from corpus.storage import Store
from corpus.takedown.content import Needle, content_hashes
from corpus.takedown.step import Buried
from corpus.takedown.tombstones import NAME, Tombstones, address_form, host_stone, place_stone, url_stone

TEXTS = ["村口的老槐树今年又开了花，孩子们在树下玩到天黑。", "县图书馆周末照常开放，借书证可以现场办理。", "。。"]


def documents(**changes: list[object]) -> pa.RecordBatch:
    columns = {
        "doc_key": [bytes([n]) * 16 for n in range(3)],
        "url": ["https://a.example/x", "https://blog.a.example/thread?p=2", None],
        "record_id": ["1", "2", "3"],
        "host": ["a.example", "blog.a.example", None],
        "part": [0, 4, 0],
        "text": TEXTS,
    } | changes
    schema = pa.schema(
        [
            ("doc_key", pa.binary(16)),
            ("url", pa.string()),
            ("record_id", pa.string()),
            ("host", pa.string()),
            ("part", pa.int32()),
            ("text", pa.large_string()),
        ]
    )
    return pa.RecordBatch.from_pydict(columns, schema=schema)


@pytest.mark.parametrize(
    ("stone", "rows"),
    [
        (url_stone("HTTP://A.Example:80/x#top"), [0]),
        (url_stone("https://a.example/X"), []),
        (url_stone("https://blog.a.example/thread?p=2"), [1]),
        (place_stone("https://blog.a.example/thread?p=2", 4), [1]),
        (place_stone("https://blog.a.example/thread?p=2", 3), []),
        (host_stone("A.example."), [0]),
        (host_stone(".a.example"), [0, 1]),
        (host_stone("*.a.example"), [0, 1]),
        (host_stone(".example"), [0, 1]),
        (host_stone("xa.example"), []),
        (("key", b"\2" * 16), [2]),
    ],
)
def test_each_kind_matches_what_it_names(stone: tuple[str, bytes], rows: list[int]) -> None:
    mask = Tombstones().with_stones([stone], "r").mask(documents())
    assert mask.nonzero()[0].tolist() == rows


def test_content_is_the_hash_of_the_signatures_whatever_the_address_and_the_width() -> None:
    batch = documents()
    signed = batch.append_column("quality", pa.array([0.5] * 3, pa.float32()))
    sign = Sign(DedupeSettings())
    sign.load()
    hashes = sign.signatures(signed.append_column("n_chars", pa.array([1] * 3, pa.int32())), 0).column("content_hash")
    assert content_hashes(batch.column("text")).to_pylist()[:2] == hashes.to_pylist()[:2]
    stones = Tombstones().with_stones([("content", hashes[1].as_py())], "r")
    copies = documents(text=["縣圖書館 周末照常開放,借書證可以現場辦理", TEXTS[0], "。"])
    assert stones.mask(copies).tolist() == [True, False, False]


def test_a_text_without_letters_has_no_content_hash() -> None:
    assert content_hashes(pa.array(["。。", "", None, "好"], pa.large_string())).is_valid().to_pylist() == [
        False
    ] * 3 + [True]


def test_the_step_counts_what_it_drops_and_what_was_emptied_before() -> None:
    stones = Tombstones().with_stones([url_stone("https://a.example/x")], "r")
    batch = documents(
        url=["https://a.example/x", "https://b.example/", None], record_id=["1", "2", None], text=[*TEXTS[:2], ""]
    )
    outcome = Buried(stones).apply(batch)
    assert [(one.row, one.kind, one.reason) for one in outcome.removals] == [
        (0, "dropped", "tombstone"),
        (2, "dropped", "tombstone"),
    ]
    assert outcome.batch.column("text").to_pylist() == [TEXTS[1]]
    assert Buried(Tombstones()).apply(documents()).batch.num_rows == 3


def test_a_list_survives_its_file_and_its_order_does_not_count(tmp_path: Path) -> None:
    stones = [url_stone("https://a.example/x"), host_stone("b.example"), ("key", b"k" * 16)]
    one = Tombstones().with_stones(stones, "r1").with_stones(stones[:1], "r2")
    other = Tombstones().with_stones(reversed(stones), "r1")
    assert one.fingerprint() == other.fingerprint()
    assert one.to_bytes() == other.to_bytes()
    Store(tmp_path).write_atomic(NAME, one.to_bytes())
    assert Tombstones.read(Store(tmp_path)) == one
    assert b"a.example" not in one.to_bytes()
    assert not Tombstones.read(Store(tmp_path / "nothing"))


def test_a_file_that_is_no_list_is_named(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"PAR1 but no more")
    with pytest.raises(CorruptionError, match="not a table of tombstones"):
        Tombstones.read(Store(tmp_path))
    with pytest.raises(CorruptionError, match="no tombstones here"):
        Tombstones.read(Store(tmp_path / "empty"), str(tmp_path / "missing.parquet"))


@given(st.text(), st.text(alphabet="ab/?#:@[]."))
def test_any_address_has_a_form(left: str, right: str) -> None:
    assert isinstance(address_form(left), str)
    assert address_form(f"http://{right}") == address_form(f"http://{right}")


PIECES = st.lists(
    st.sampled_from(["张", "三", "丰", "1", "３", "-", " ", "，", "繁體", "É", "𠮷", "\u200b"]), max_size=12
)


@given(st.lists(PIECES.map("".join), max_size=6), st.sampled_from(["张三", "13", "繁体", "三", "𠮷"]))
def test_a_needle_finds_the_rows_that_a_plain_search_of_hash_forms_finds(texts: list[str], wanted: str) -> None:
    from corpus.kernels.hash_form import hash_form

    needle = Needle(wanted)
    rows = needle.rows(pa.array(texts, pa.large_string()))
    assert rows == [row for row, text in enumerate(texts) if hash_form(wanted) in hash_form(text)]
    for row in rows:
        for start, end in needle.places(texts[row]):
            assert hash_form(texts[row][start:end]) == needle.form
