"""The automaton against a plain search, with every kind of folding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.kernels.aho_corasick import BMP, Automaton, ascii_folding, build, next_state, symbol_beyond
from corpus.labels.folding import fold_table

ALPHABET = "医院药國国东東aAＡ1１ \n𠀀😀"
PLAIN = np.arange(BMP, dtype=np.uint16)
FOLDINGS = {"none": PLAIN, "ascii": ascii_folding(), "script": fold_table()}


def folded(text: str, fold: np.ndarray) -> str:
    return "".join(chr(int(fold[ord(char)])) if ord(char) < BMP else char for char in text)


def found(automaton: Automaton, text: str) -> list[tuple[int, int]]:
    """Return (end, term) of every match, as the kernels walk."""
    state, matches = 0, []
    for end, code in enumerate(map(ord, text), 1):
        symbol = int(automaton.symbols[code]) if code < BMP else symbol_beyond(automaton, code)
        state = next_state(automaton, state, symbol) if symbol else 0
        matches += [
            (end, int(term))
            for term in automaton.out_terms[automaton.out_start[state] : automaton.out_start[state + 1]]
        ]
    return matches


@pytest.mark.parametrize("name", list(FOLDINGS))
@settings(max_examples=80, deadline=None)
@given(
    terms=st.lists(st.text(alphabet=ALPHABET, min_size=1, max_size=5), max_size=12),
    text=st.text(alphabet=ALPHABET + "无", max_size=60),
)
def test_finds_what_a_plain_search_finds(name: str, terms: list[str], text: str) -> None:
    fold = FOLDINGS[name]
    text, plain = folded(text, fold), [folded(term, fold) for term in terms]
    expected = [
        (end, number)
        for end in range(1, len(text) + 1)
        for number, term in enumerate(plain)
        if text[:end].endswith(term)
    ]
    matches = found(build(terms, fold), text)
    assert sorted(matches) == expected
    lengths = [(end, -len(plain[number])) for end, number in matches]
    assert lengths == sorted(lengths)  # longest first


def test_many_terms_are_found_each_by_itself() -> None:
    """Wide and narrow nodes of a double array that is filled densely, and had to grow."""
    draw = np.random.default_rng(5)
    terms = sorted(
        {"".join(map(chr, 0x4E00 + draw.integers(0, 3000, size))) for size in draw.integers(1, 6, 4000).tolist()}
    )
    automaton = build(terms, PLAIN)
    for number, term in enumerate(terms):
        assert (len(term), number) in found(automaton, term)
    assert automaton.base.nbytes < 8 * 4 * sum(map(len, terms))


def test_no_terms_match_nothing() -> None:
    assert found(build([], PLAIN), "什么也没有😀") == []


def test_an_empty_term_is_refused() -> None:
    with pytest.raises(ValueError, match="empty term"):
        build(["药", ""], PLAIN)
