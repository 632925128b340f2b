"""Where GLM's blanks lie: lengths from a truncated Poisson distribution, places drawn without overlap."""

from __future__ import annotations

from math import exp, factorial

import numpy as np
import numpy.typing as npt

_MAX_SPAN = 39  # the reference's range(1, max_block_length = 40)

IntArray = npt.NDArray[np.int64]
Span = tuple[int, int]


def span_lengths(total: int, mean: float, random: np.random.Generator) -> list[int]:
    """Draw lengths from the truncated Poisson distribution until their sum reaches ``total``."""
    weights = np.array([exp(-mean) * mean**k / factorial(k) for k in range(1, _MAX_SPAN + 1)])
    edges = np.cumsum(weights / weights.sum())
    lengths: list[int] = []
    while sum(lengths) < total:
        # Enough for the whole text in one draw nearly always: the mean is above 3.
        for value in np.searchsorted(edges, random.random(total // 2 + 8), side="right"):
            if sum(lengths) >= total:
                break
            lengths.append(min(int(value) + 1, _MAX_SPAN))
    return lengths


def place_spans(lengths: list[int], total: int, offset: int, random: np.random.Generator) -> list[Span]:
    """Place spans in this order with at least one token between them: independent starts, sorted."""
    free = total - sum(lengths) - len(lengths) + 1
    places = np.sort(random.integers(0, free + 1, len(lengths)))
    spans = []
    for place, length in zip(places.tolist(), lengths, strict=True):
        spans.append((offset + place, offset + place + length))
        offset += length + 1
    return spans


def spans_in_documents(
    text: IntArray, lengths: list[int], ratio: float, eod: int, cls: int, random: np.random.Generator
) -> list[Span] | None:
    """Distribute spans over the documents of a text, or return None where they do not fit.

    Documents by rising length take ``ratio`` of their length each, the longest
    takes the rest; [CLS] and [EOS] are never masked.
    """
    documents: list[tuple[int, int]] = []  # (first token, length) without [CLS] and [EOS]
    start = 0
    for end in [*np.flatnonzero(text == eod).tolist(), text.size]:
        first = start + 1 if start < text.size and text[start] == cls else start
        if end - first > 0:
            documents.append((first, end - first))
        start = end + 1
    documents.sort(key=lambda document: document[1])
    spans: list[Span] = []
    used = 0
    for i, (offset, length) in enumerate(documents):
        longest = i == len(documents) - 1
        budget = length if longest else int(length * ratio)
        taken, size = 0, 0
        # In the longest document the gaps between spans count against its length.
        while (
            used + taken < len(lengths)
            and size + lengths[used + taken] + (taken if longest else 0) <= budget
            and (longest or size + lengths[used + taken] + taken <= length)
        ):
            size += lengths[used + taken]
            taken += 1
        if taken:
            spans += place_spans(lengths[used : used + taken], length, offset, random)
            used += taken
    return spans if used == len(lengths) else None
