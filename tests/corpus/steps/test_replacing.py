"""Values replaced in the buffers of a column."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.kernels.buffers import large_string_array, text_buffers
from corpus.steps.replacing import replace_values

TEXTS = st.lists(st.text(max_size=9), max_size=12)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
@given(texts=TEXTS, front=st.integers(0, 3), changes=st.dictionaries(st.integers(0, 11), st.text(max_size=30)))
def test_replaced_values(kind, texts, front, changes):
    column = pa.array(["前"] * front + texts, kind).slice(front)
    changed = {row: text for row, text in changes.items() if row < len(texts)}
    data, offsets = replace_values(*text_buffers(column), {row: text.encode() for row, text in changed.items()})
    found = large_string_array(data, offsets)
    found.validate(full=True)
    assert found.to_pylist() == [changed.get(row, text) for row, text in enumerate(texts)]


def test_without_changes_nothing_is_copied():
    data, offsets = text_buffers(pa.array(["春", "夏"], pa.large_string()))
    assert replace_values(data, offsets, {})[0] is data
