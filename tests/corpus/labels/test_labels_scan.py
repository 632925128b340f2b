"""The scan, and the automaton that it runs, against a plain search."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.labels.folding import fold
from corpus.labels.lexicon import Lexicon, compile_lexicons
from corpus.labels.scan import KINDS, MAX_COUNT, SATURATION, UNIT, Channels, scan
from corpus.labels.terms import HEAD, HEAD_CHARS, LINE_START, TAIL, build_terms

LETTERS = st.text(alphabet="法院医生药ab1 \n國国", min_size=1, max_size=4)


def channel_per_term(count: int) -> Channels:
    ids = np.arange(count, dtype=np.int32)
    return Channels(count, np.arange(count + 1, dtype=np.int32), ids, np.ones(count, np.int32))


def plain_count(term: str, text: str) -> int:
    """Overlapping occurrences with the automaton's rule about ASCII words."""
    left = "(?<![0-9a-zA-Z])" if term[0].isascii() and term[0].isalnum() else ""
    right = "(?![0-9a-zA-Z])" if term[-1].isascii() and term[-1].isalnum() else ""
    return len(re.findall(f"(?={left}{re.escape(term)}{right})", text))


@settings(max_examples=150, deadline=None)
@given(
    terms=st.lists(LETTERS.map(fold), min_size=1, max_size=6, unique=True),
    texts=st.lists(st.text(alphabet="法院医生药ab1 \n國国X、😀", max_size=60), max_size=4),
)
def test_scan_finds_what_a_plain_search_finds(terms: list[str], texts: list[str]) -> None:
    found = scan(pa.array(texts, pa.large_string()), build_terms(terms), channel_per_term(len(terms)))
    expected = [[int(SATURATION[min(plain_count(term, fold(text)), MAX_COUNT)]) for term in terms] for text in texts]
    assert found.mass.tolist() == expected
    assert (found.distinct == (found.mass > 0)).all()


@given(texts=st.lists(st.text(max_size=40), max_size=5), start=st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_scan_of_a_slice_equals_the_slice_of_the_scan(texts: list[str], start: int) -> None:
    automaton, channels = build_terms(["法院", "a"]), channel_per_term(2)
    column = pa.array([text.encode("utf-8", "ignore").decode() for text in texts], pa.string())
    whole, part = scan(column, automaton, channels), scan(column[start:], automaton, channels)
    assert (whole.mass[start:] == part.mass).all()
    assert (whole.characters[start:] == part.characters).all()


def test_traditional_full_width_and_upper_case_text_match_simplified_terms() -> None:
    automaton = build_terms(["证券交易所", "ipo", "gdp"])
    texts = ["臺灣證券交易所掛牌", "公司準備ＩＰＯ上市", "去年的GDP數字", "sipos GDPR"]
    found = scan(pa.array(texts, pa.large_string()), automaton, channel_per_term(3))
    assert (found.mass > 0).tolist() == [[True, False, False], [False, True, False], [False, False, True], [False] * 3]


def test_conditions_on_place() -> None:
    automaton = build_terms(["是一种", "目的", "吗"], [HEAD, LINE_START, TAIL])
    far = "水" * HEAD_CHARS + "是一种"
    texts = ["甘草是一种药材", far, "目的：略", "略\n目的：略", "其目的不明", "好吗 \n好", "吗啡"]
    found = scan(pa.array(texts, pa.large_string()), automaton, channel_per_term(3))
    assert (found.mass > 0).tolist() == [
        [True, False, False], [False, False, False], [False, True, False], [False, True, False],
        [False, False, False], [False, False, True], [False, False, False],
    ]  # fmt: skip


def test_repetition_saturates_and_negative_weights_undo() -> None:
    lexicon = Lexicon("medical", {"病毒": 3, "电脑病毒": -3})
    automaton, channels = compile_lexicons([lexicon])
    found = scan(pa.array(["病毒", "病毒" * 100, "电脑病毒"], pa.large_string()), automaton, channels)
    assert found.mass[:, 0].tolist() == [3 * UNIT, 3 * int(SATURATION[MAX_COUNT]), 0]
    assert found.distinct[:, 0].tolist() == [1, 1, 1]


def test_characters_are_counted_by_kind() -> None:
    found = scan(pa.array(["他说：“好！”\nabc 12？"], pa.large_string()), build_terms(["x"]), channel_per_term(1))
    counts = dict(zip(KINDS, found.characters[0].tolist(), strict=True))
    assert counts["han"] == 3
    assert counts["latin"] == 3
    assert counts["digit"] == 2
    assert counts["newline"] == counts["question"] == counts["exclamation"] == counts["colon"] == 1
    assert counts["quote"] == 2


def test_a_null_reads_as_empty() -> None:
    found = scan(pa.array([None, "法院"], pa.string()), build_terms(["法院"]), channel_per_term(1))
    assert found.mass[:, 0].tolist() == [0, UNIT]


@pytest.mark.parametrize("term", ["", "长" * 61, "😀"])
def test_terms_that_cannot_be_matched_are_refused(term: str) -> None:
    with pytest.raises(ValueError, match="a term needs"):
        build_terms([term])
