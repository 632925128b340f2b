"""The kernels of neighbouring symbols against the same in plain Python."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.kernels.buffers import text_buffers
from corpus.kernels.neighbours import (
    AFTER_NEXT,
    DIGITS,
    GAP,
    LETTERS,
    OTHER,
    count_pairs,
    count_symbols,
    read_symbols,
    weigh_neighbours,
)

# One, two, three and four bytes; runs that count as one; gaps.
CHARACTERS = "山水人的了，。é12ab \n𠮷😀ア"
PLACES = {
    **dict(zip("山水人的了，。", range(4, 11), strict=True)),
    **{"\n": GAP, " ": GAP, "1": DIGITS, "2": DIGITS, "a": LETTERS, "b": LETTERS},
}
SIZE = 11
TEXTS = st.lists(st.text(alphabet=CHARACTERS, max_size=40), max_size=5)


def table() -> np.ndarray:
    places = np.full(65536, OTHER, dtype=np.uint16)
    for character, place in PLACES.items():
        places[ord(character)] = place
    return places


def symbols_of(text: str) -> list[int]:
    result: list[int] = []
    for character in text:
        symbol = PLACES.get(character, OTHER)
        if symbol <= LETTERS and result[-1:] == [symbol]:
            continue
        result.append(symbol)
    return result


@given(st.text(alphabet=CHARACTERS, max_size=60))
def test_symbols(text: str) -> None:
    data = np.frombuffer(text.encode(), np.uint8)
    out = np.empty(len(data) + 1, np.uint16)
    n = read_symbols(data, 0, len(data), table(), out)
    assert out[:n].tolist() == symbols_of(text)


@given(TEXTS)
def test_counts(texts: list[str]) -> None:
    data, offsets = text_buffers(pa.array(texts, pa.large_string()))
    rows = [symbols_of(text) for text in texts]
    single = Counter(symbol for row in rows for symbol in row)
    assert {k: int(v) for k, v in enumerate(count_symbols(data, offsets, table())) if v} == dict(single)
    counts = count_pairs(data, offsets, table(), SIZE)
    for distance in (1, 2):
        pairs = Counter(
            (row[i], row[i + distance])
            for row in rows
            for i in range(len(row) - distance)
            if distance == 1 or row[i + 1] > GAP
        )
        found = counts[distance - 1]
        assert {(int(a), int(b)): int(found[a, b]) for a, b in np.argwhere(found)} == dict(pairs)


@settings(max_examples=200)
@given(TEXTS, st.integers(0, 2**32 - 1))
def test_weights(texts: list[str], seed: int) -> None:
    near, beyond = np.random.default_rng(seed).integers(0, 256, size=(2, SIZE, SIZE))
    packed = (near | beyond << AFTER_NEXT).astype(np.uint16).reshape(-1)
    data, offsets = text_buffers(pa.array(texts, pa.large_string()))
    expected = []
    for text in texts:
        row = symbols_of(text)
        n = len(row)
        close = sum(near[a, b] for a, b in pairwise(row))
        close += sum(beyond[a, c] for a, b, c in zip(row, row[1:], row[2:], strict=False) if b > GAP)
        far = [(row[i], row[(i + step) % n]) for i in range(n) for step in (n // 2, n // 3)]
        expected.append([n, close, sum(near[a, b] + beyond[a, b] for a, b in far)])
    assert weigh_neighbours(data, offsets, table(), packed).tolist() == expected


def test_no_text() -> None:
    data, offsets = text_buffers(pa.array([], pa.large_string()))
    assert weigh_neighbours(data, offsets, table(), np.zeros(SIZE**2, np.uint16)).shape == (0, 3)
