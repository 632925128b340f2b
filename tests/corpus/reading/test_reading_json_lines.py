"""Lines read by compiled loops say what a general parser and single records say, damaged and odd ones too."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.config.input import InputSettings
from corpus.kernels.json_tokens import MAX_DEPTH
from corpus.reading.fields import FieldMap
from corpus.reading.json_columns import JsonLines
from corpus.reading.json_values import JsonFault, parse_object
from corpus.reading.records import Batcher, Quarantined, Rows

SENTENCE = "千里之行，始于足下。"
STRINGS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", " ", "\u3000题\x1c", "\n\t\f", "\v", "\x00", "\u00a0", "a\u2028", "😀", "\\u4e00", '"引"', SENTENCE]
    ),
)
NUMBERS = st.one_of(
    st.integers(-(10**20), 10**20), st.floats(allow_nan=True), st.sampled_from([-0.0, 0, 10**18 - 1, 1e300])
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, STRINGS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(STRINGS, inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(
    [
        "text",
        "content",
        "html",
        "url",
        "meta.url",
        "meta",
        "id",
        "uid",
        "title",
        "date",
        "label",
        "正文",
        "x",
        "",
        "备注",
    ]
)
ROWS = st.lists(st.tuples(KEYS, VALUES | st.just(SENTENCE)), max_size=5)
# What a line has that no writer of JSON makes.
BROKEN = st.sampled_from(
    [b"", b" ", b"\r", b"\t", b"\x0b", b"{}", b"[]", b"null", b"{", b'{"text"', b'{"text":"a",}', b"\xff", b'{"text":"\xe4"}',
     b'{"text":"\xed\xa0\x80"}', b'{"text":"\xc0\xaf"}', b'{"text":"\\x"}', b'{"text":"\\ud800"}', b'{"text":"\\ud83d\\ude00"}',
     b'{"text":"\\uD83D\\u0041"}', b'{"text":"a","id":01}', b'{"text":"a","id":-0}', b'{"text":"a","id":1.}',
     b'{"text":"a","id":1e400}', b'{"text":"a","id":1E5}', b'{"text":"a","id":1} x', b'{"text":"a","text":"b"}',
     b'{"\\u0074ext":"a"}', b'{"text":"a"}{"text":"b"}', b'{"text":"a","x":tru}', b'{"text":"a","x":[1,]}',
     b'{"text":"a","x":{"y" 1}}', b'{"text":"a","x":[{"y":[]},{}],"id":7}', b'{"text":"a","x":[1}}', b'{"text":"\t"}',
     b'{"text":"\xf4\x90\x80\x80"}', b'{"text":"\xf0\x9f\x98\x80"}', b'\xef\xbb\xbf{"text":"a"}', b'{"text":"\\/\\b"}']
)  # fmt: skip


@st.composite
def lines(draw: Any) -> bytes:
    if draw(st.integers(0, 5)) == 0:
        return draw(BROKEN)
    pairs = draw(ROWS)
    spaces = draw(st.sampled_from(["", " ", "\t", "\r"]))
    ascii_only = draw(st.booleans())
    body = ",".join(
        f"{json.dumps(key, ensure_ascii=ascii_only)}{spaces}:{spaces}{json.dumps(value, ensure_ascii=ascii_only)}"
        for key, value in pairs
    )
    line = f"{spaces}{{{body}}}{spaces}".encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 7)) == 0 and line:
        at = draw(st.integers(0, len(line) - 1))
        line = line[:at] + draw(st.binary(max_size=2)).replace(b"\n", b"") + line[at + 1 :]
    return line


def batches(items: Any) -> list[Any]:
    batcher = Batcher(1 << 23, 4096)
    found = [*batcher.batches("甲.jsonl", items), *batcher.rest()]
    for batch in found:
        batch.records.validate(full=True)
    return [
        (batch.records.to_pylist(), batch.skipped, batch.quarantined.to_pylist(), batch.n_read, batch.records.schema)
        for batch in found
    ]


def one_by_one(block: bytes, fields: FieldMap, first: int, end: int | None) -> Any:
    offset = first
    for line in block[:-1].split(b"\n"):
        if end is not None and offset >= end:
            return
        if line and not line.isspace():
            row = parse_object(line)
            if isinstance(row, JsonFault):
                yield Quarantined(offset, "malformed_json", row.detail)
            else:
                yield fields.record(row, offset)
        offset += len(line) + 1


def as_block(data: bytes) -> np.ndarray:
    return np.frombuffer(bytearray(data), np.uint8)


@given(
    found=st.lists(lines(), max_size=30),
    end=st.none() | st.integers(0, 400),
    names=st.sampled_from(
        [{}, {"html_field": "html"}, {"text_field": "content", "html_field": "html"}, {"url_field": "meta.url"},
         {"title_field": "text"}]
    ),
)  # fmt: skip
def test_lines_say_what_single_records_say(found, end, names):
    block = b"\n".join([*found, b""])
    fields = FieldMap(InputSettings(**names))
    end = None if end is None else 50 + end
    together = batches(JsonLines(fields).items(as_block(block), 50, end, "甲.jsonl"))
    assert together == batches(one_by_one(block, fields, 50, end))


def rows_of(block: bytes, **names: str) -> list[Rows]:
    items = JsonLines(FieldMap(InputSettings(**names))).items(as_block(block), 0, None, "a.jsonl")
    return [item for item in items if isinstance(item, Rows)]


@pytest.mark.parametrize("ascii_only", [True, False])
def test_common_lines_need_no_general_parser(ascii_only, monkeypatch):
    monkeypatch.setattr("corpus.reading.json_columns.parse_object", None)
    rows = [
        {"id": 7, "text": "第一段。\n第二段：“引文”。😀", "meta": None, "score": 0.25, "tags": ["诗", {"年": 1987}]},
        {"uid": "b-2", "html": "<p>网页</p>", "url": " http://a.cn/2 ", "date": "2021年3月5日"},
        {"content": "　\t正文", "text": "", "label": ["列表"], "timestamp": 1614902400, "title": "　题　"},
    ]
    block = "".join(json.dumps(row, ensure_ascii=ascii_only) + "\n" for row in rows).encode()
    (found,) = rows_of(block)
    told = found.records.to_pylist()
    assert [row["payload"].decode() for row in told] == [rows[0]["text"], "<p>网页</p>", "　\t正文"]
    assert [row["format"] for row in told] == ["text", "html", "text"]
    assert [row["record_id"] for row in told] == ["7", "b-2", None]
    assert [row["url"] for row in told] == [None, "http://a.cn/2", None]
    assert [row["title"] for row in told] == [None, None, "题"]
    assert [row["given_label"] for row in told] == [None, None, None]
    assert told[1]["published_at"] == told[2]["published_at"]
    assert found.sizes.tolist() == [len(row["payload"]) for row in told]


def test_deep_nesting_is_left_to_the_general_parser():
    deep = [b"[" * depth + b"]" * depth for depth in (MAX_DEPTH, MAX_DEPTH + 1)]
    block = b"".join(b'{"text": "\xe6\xb7\xb1", "x": %b}\n' % value for value in deep)
    (found,) = rows_of(block)
    assert found.records.num_rows == 1
    assert len(batches(JsonLines(FieldMap(InputSettings())).items(as_block(block), 0, None, "a.jsonl"))[0][0]) == 2


def test_an_object_under_the_first_part_of_a_dotted_name_is_looked_into():
    block = '{"text": "有出处", "meta": {"url": "http://a.cn/1"}}\n'.encode()
    assert rows_of(block) == []
    (batch,) = batches(JsonLines(FieldMap(InputSettings())).items(as_block(block), 0, None, "a.jsonl"))
    assert batch[0][0]["url"] == "http://a.cn/1"
