"""Splitting of long texts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from corpus.quality.split import split_text


def test_prefers_paragraphs_then_lines_then_sentences() -> None:
    assert split_text("甲甲甲\n\n乙乙\n丙丙", 6) == ["甲甲甲", "乙乙\n丙丙"]
    assert split_text("甲甲甲\n乙乙乙", 5) == ["甲甲甲", "乙乙乙"]
    assert split_text("甲甲。乙乙。丙丙", 7) == ["甲甲。乙乙。", "丙丙"]
    assert split_text("甲" * 10, 4) == ["甲" * 4, "甲" * 4, "甲" * 2]


def test_short_texts_are_untouched() -> None:
    assert split_text(" 甲乙 \n", 10) == [" 甲乙 \n"]


@given(st.text(alphabet="甲乙。\n ", max_size=200), st.integers(min_value=2, max_value=30))
def test_loses_only_white_space(text: str, limit: int) -> None:
    parts = split_text(text, limit)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(len(part) <= max(limit, len(text) if len(parts) == 1 else 0) for part in parts)
