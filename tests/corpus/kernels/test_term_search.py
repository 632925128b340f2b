"""The filter in front of the automaton against plain search for the terms."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.kernels.aho_corasick import fold_ascii
from corpus.kernels.buffers import text_buffers
from corpus.kernels.term_search import possible_beginnings, term_begins
from corpus.kernels.text_counts import CATEGORIES, POINTS, Lexicon, load_tables
from corpus.kernels.text_signals import measure
from corpus.kernels.utf8 import decode
from corpus.quality.lexicon import make_lexicon

# Few characters, so that terms overlap, contain one another and begin alike; "𠮷" and "😀" lie beyond the basic plane.
ALPHABET = "加微信代办Aa1é𠮷😀，\n "
TERMS = st.lists(st.text(alphabet="加微信代办Aa1é𠮷😀", min_size=1, max_size=4), min_size=1, max_size=8)
TEXTS = st.text(alphabet=ALPHABET, max_size=60)


def folded(text: str) -> str:
    return "".join(chr(fold_ascii.py_func(ord(character))) for character in text)


def entries_of(text: str, lexicon: Lexicon) -> tuple[np.ndarray, int]:
    data = np.frombuffer(text.encode(), np.uint8)
    codes, infos = np.zeros(len(text) + 1, np.int32), np.zeros(len(text) + 1, np.uint32)
    n_points = decode(data, 0, len(data), lexicon.entries, lexicon.automaton, codes, infos)
    assert codes.tolist() == [*map(ord, text), 10]
    return infos, n_points


def begins_at(place: int, infos: np.ndarray, lexicon: Lexicon) -> bool:
    automaton = lexicon.automaton
    return bool(term_begins(infos, place, automaton.base, automaton.check, automaton.out_start))


def occurrences(text: str, term: str) -> int:
    return sum(folded(text).startswith(folded(term), place) for place in range(len(text)))


@settings(max_examples=200, deadline=None)
@given(TERMS, st.lists(TEXTS, min_size=1, max_size=3))
def test_every_term_is_found(terms: list[str], texts: list[str]) -> None:
    data, offsets = text_buffers(pa.array(texts, pa.large_string()))
    counts = measure(data, offsets, load_tables(), make_lexicon([], [("url", 1, term) for term in terms]))
    column = POINTS + CATEGORIES.index("url")
    for row, text in enumerate(texts):
        assert counts[row, column] == sum(occurrences(text, term) for term in terms), (terms, text)


@settings(max_examples=200, deadline=None)
@given(TERMS, TEXTS)
def test_no_beginning_is_missed(terms: list[str], text: str) -> None:
    lexicon = make_lexicon([], [("url", 1, term) for term in terms])
    infos, n_points = entries_of(text, lexicon)
    places = np.zeros(len(infos), np.int32)
    possible = places[: possible_beginnings(infos, n_points, lexicon.followers, places)].tolist()
    for place in range(len(text)):
        if any(folded(text).startswith(folded(term), place) for term in terms):
            assert place in possible
            assert begins_at(place, infos, lexicon)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("加微信", True),
        ("加微", False),
        ("加薪", False),
        ("加", False),
        ("信", False),
        ("赚", True),
        ("加微信号", True),
    ],
)
def test_a_beginning_counts_only_where_the_term_is_whole(text: str, found: bool) -> None:
    lexicon = make_lexicon([], [("contact", 1, "加微信"), ("promotion", 1, "赚")])
    infos, _ = entries_of(text, lexicon)
    assert begins_at(0, infos, lexicon) == found


def test_entries_hold_class_and_symbol() -> None:
    from corpus.kernels.character_classes import FUNCTION, classes

    lexicon = make_lexicon(["词"])
    assert (lexicon.entries & 0xFFFF == classes()).all()
    assert (lexicon.entries >> 16 == lexicon.automaton.symbols).all()
    # The walk takes a character for a function character by its number, the classes by their flag.
    assert ((load_tables().function_index[:-1] != 0) == ((classes() & FUNCTION) != 0)).all()
