"""Keys of many records at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from corpus.identity import document_key, document_keys, payload_digest

NAMES = st.one_of(st.none(), st.just(""), st.text(max_size=80), st.just("半个\ud83d"))


@given(st.lists(st.tuples(NAMES, NAMES, st.binary(max_size=20).map(payload_digest)), max_size=20))
def test_keys_of_many_are_those_of_one(records):
    urls, names, payloads = zip(*records, strict=True) if records else ((), (), ())
    assert document_keys(urls, names, payloads) == [document_key(*record, 0) for record in records]
