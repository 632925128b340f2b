"""Keys and digests of many records at once."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.identity import document_key, document_keys, payload_digest, payload_digests

NAMES = st.one_of(st.none(), st.just(""), st.text(max_size=80), st.just("网址" * 60))
RECORDS = st.lists(st.tuples(NAMES, NAMES, st.binary(max_size=20).map(payload_digest)), max_size=20)


@given(RECORDS, st.integers(0, 3))
def test_keys_of_many_are_those_of_one(records, start):
    urls, names, payloads = zip(*records, strict=True) if records else ((), (), ())
    columns = [pa.array(urls, pa.string()), pa.array(names, pa.string()), pa.array(payloads, pa.binary(16))]
    keys = document_keys(*(column[start:] for column in columns))
    keys.validate(full=True)
    assert keys.to_pylist() == [document_key(*record, 0) for record in records[start:]]


def test_what_lies_under_a_null_is_no_name():
    names = pa.array(["甲", "乙"])
    hidden = pa.Array.from_buffers(pa.string(), 2, [pa.py_buffer(b"\2"), *names.buffers()[1:]])
    payloads = pa.array([payload_digest(b"1")] * 2, pa.binary(16))
    assert document_keys(hidden, names, payloads)[0].as_py() == document_key(None, "甲", payload_digest(b"1"), 0)


@given(st.lists(st.binary(max_size=300), max_size=8), st.integers(0, 3))
def test_digests_of_many_are_those_of_one(payloads, start):
    found = payload_digests(pa.array(payloads, pa.large_binary())[start:])
    assert found.to_pylist() == [payload_digest(payload) for payload in payloads[start:]]


# Borders of words and of blocks.
@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 127, 128, 129, 255, 256, 257, 100_000])
def test_digests_of_every_size(size):
    payloads = [bytes(at * 31 % 251 for at in range(size)), b"\xff" * size]
    assert payload_digests(pa.array(payloads, pa.binary())).to_pylist() == [payload_digest(one) for one in payloads]
