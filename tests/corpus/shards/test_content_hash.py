"""The content hash: independent of batching, sensitive to every value."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.shards.content_hash import content_hash

SCHEMA = pa.schema(
    [
        pa.field("doc_key", pa.binary(4)),
        pa.field("text", pa.large_string()),
        pa.field("title", pa.string()),
        pa.field("n", pa.int32()),
        pa.field("score", pa.float32()),
        pa.field("domains", pa.list_(pa.struct([("name", pa.string()), ("score", pa.float32())]))),
        pa.field("at", pa.timestamp("s", tz="UTC")),
    ]
)

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "doc_key": st.binary(min_size=4, max_size=4),
            "text": st.text(alphabet="人民法院判决书abc。", max_size=12),
            "title": st.none() | st.text(alphabet="公告标题", max_size=4),
            "n": st.none() | st.integers(-(2**31), 2**31 - 1),
            "score": st.none() | st.floats(0, 1, width=32),
            "domains": st.none()
            | st.lists(
                st.fixed_dictionaries({"name": st.sampled_from(["医疗", "法律"]), "score": st.just(0.5)}), max_size=2
            ),
            "at": st.none() | st.integers(0, 2**31),
        }
    ),
    max_size=12,
)


def batches(rows: list[dict], cut: int) -> list[pa.RecordBatch]:
    whole = pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
    return [whole.slice(0, cut), whole.slice(cut)]


@given(ROWS, st.integers(0, 12), st.integers(0, 12))
def test_how_rows_are_cut_into_batches_does_not_show(rows: list[dict], one: int, other: int) -> None:
    assert content_hash(SCHEMA, batches(rows, one)) == content_hash(SCHEMA, batches(rows, other))


@given(ROWS.filter(bool), st.data())
def test_every_value_counts(rows: list[dict], data: st.DataObject) -> None:
    before = content_hash(SCHEMA, batches(rows, 0))
    row = data.draw(st.integers(0, len(rows) - 1))
    changed = [dict(one) for one in rows]
    changed[row]["text"] = rows[row]["text"] + "。"
    assert content_hash(SCHEMA, batches(changed, 0)) != before
    changed = [dict(one) for one in rows]
    changed[row]["title"] = "" if rows[row]["title"] is None else None
    assert content_hash(SCHEMA, batches(changed, 0)) != before


def test_a_border_between_values_counts() -> None:
    left = [{"doc_key": b"0000", "text": "甲乙"}, {"doc_key": b"0001", "text": "丙"}]
    right = [{"doc_key": b"0000", "text": "甲"}, {"doc_key": b"0001", "text": "乙丙"}]
    assert content_hash(SCHEMA, batches(left, 1)) != content_hash(SCHEMA, batches(right, 1))


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_what_buffer_holds_no_texts_does_not_show(kind: pa.DataType) -> None:
    schema = pa.schema([("text", kind)])
    columns = [
        pa.array([None, None], kind),
        pa.nulls(2, kind),
        pa.array(["公告", None, None], kind).slice(1),
        pa.array(["公告", "题"], kind).filter(pa.array([False, False])).take(pa.array([None, None], pa.int64())),
    ]
    hashes = {content_hash(schema, [pa.RecordBatch.from_arrays([column], schema=schema)]) for column in columns}
    assert len(hashes) == 1
