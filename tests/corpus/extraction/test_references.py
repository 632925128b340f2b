"""Character references: as Python resolves them, and those that it refuses."""

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.extraction.references import unescape


@pytest.mark.parametrize("length", [8, 4300, 4301, 50_000])
@pytest.mark.parametrize("end", [";", "", "号"])
def test_a_number_of_any_length_is_one_character(length: int, end: str) -> None:
    """Python's int raises ValueError from 4,301 digits on (found by benchmarks/input_mutations.py)."""
    kept = end if end != ";" else ""
    assert unescape(f"门牌&#{'9' * length}{end}") == f"门牌\ufffd{kept}"
    assert unescape(f"门牌&#x{'f' * length}{end}") == f"门牌\ufffd{kept}"
    assert unescape(f"&#{'0' * length}20013;&#x{'0' * length}56fd;") == "中国"


@given(st.text(alphabet="&#xX0123456789abcdefF;中 ", max_size=60))
def test_shorter_ones_are_what_python_makes_of_them(text: str) -> None:
    assert unescape(text) == html.unescape(text)
