"""SentencePiece's unigram encoder, compiled, over Arrow buffers.

The same Viterbi search as ``unigram::Model::EncodeOptimized`` (sentencepiece
0.2.3): path scores in single precision, set back to zero beyond 100,000, the
first path wins a tie, the same treatment of unknown characters and bytes. It
reads UTF-8 and writes token ids into arrays; no Python object is made per
document or token. sentencepiece walks a trie over bytes; here it is over
characters, which are where its pieces begin and end.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit
from sentencepiece import SentencePieceProcessor

from tokenizer_training import double_array
from tokenizer_training.segmentation import decode, segment

WHITESPACE = "▁"  # U+2581, SentencePiece's escape of the space
CPM_SPACE = "▂"  # U+2582
CPM_NEWLINE = "▃"  # U+2583
_SPACE, _NEWLINE = 0x20, 0x0A
_WHITESPACE, _CPM_SPACE, _CPM_NEWLINE = 0x2581, 0x2582, 0x2583  # the same as code points
_UNKNOWN_PENALTY = 10.0  # unigram_model.cc: kUnkPenalty
_RESET = np.float32(100_000.0)  # unigram_model.cc: kScoreResetThreshold


class UnigramModel(NamedTuple):
    """A unigram vocabulary as arrays."""

    symbols: npt.NDArray[np.int32]  # code point -> symbol of the trie
    cells: npt.NDArray[np.int32]  # (states, 4): base, check, piece id or -1, -
    scores: npt.NDArray[np.float32]  # (states, 4), the same memory: the last column is the piece's score
    unknown_score: float
    unknown_id: int
    byte_ids: npt.NDArray[np.int32]  # (256,), all -1 without byte fallback


def read_model(processor: SentencePieceProcessor) -> UnigramModel:
    """Return the arrays of a loaded unigram model."""
    keys: list[str] = []
    ids: list[int] = []
    byte_ids = np.full(256, -1, np.int32)
    for i in range(processor.vocab_size()):
        piece = processor.id_to_piece(i)
        if processor.is_byte(i):
            byte_ids[int(piece[3:5], 16)] = i
        elif not (processor.is_control(i) or processor.is_unknown(i) or processor.is_unused(i)):
            keys.append(piece)
            ids.append(i)
    score = np.array([processor.get_score(i) for i in ids], np.float32)
    words = np.stack([np.array(ids, np.int32), score.view(np.int32)], axis=1)
    trie = double_array.build(keys, words, np.array([-1, 0], np.int32))
    learned = score[score != 0.0]  # user-defined pieces have score 0; a learned piece's log probability is negative
    least = learned.min() if learned.size else np.float32(0.0)
    return UnigramModel(
        trie.symbols,
        trie.cells,
        trie.cells.view(np.float32),
        float(least - np.float32(_UNKNOWN_PENALTY)),
        processor.unk_id(),
        byte_ids,
    )


class Lattice(NamedTuple):
    """A text of up to ``len(points)`` characters, and the best path to each place in it."""

    points: npt.NDArray[np.int32]  # code points
    symbols: npt.NDArray[np.int32]
    score: npt.NDArray[np.float32]
    begin: npt.NDArray[np.int32]
    piece: npt.NDArray[np.int32]


def lattice(size: int) -> Lattice:
    """Return working memory for texts of up to ``size`` characters."""
    return Lattice(
        np.empty(size, np.int32),
        np.empty(size, np.int32),
        np.empty(size + 1, np.float32),
        np.empty(size + 1, np.int32),
        np.empty(size + 1, np.int32),
    )


@njit(cache=True, nogil=True)
def _utf8_length(point):  # type: ignore[no-untyped-def]
    return 1 if point < 0x80 else 2 if point < 0x800 else 3 if point < 0x10000 else 4


@njit(cache=True, nogil=True)
def _utf8_byte(point, k):  # type: ignore[no-untyped-def]
    """Return byte ``k`` of a character's UTF-8."""
    n = _utf8_length(point)
    if n == 1:
        return point
    if k > 0:
        return 0x80 | (point >> 6 * (n - 1 - k)) & 0x3F
    return (0xC0 if n == 2 else 0xE0 if n == 3 else 0xF0) | point >> 6 * (n - 1)


@njit(cache=True, nogil=True)
def _search(size, model, best):  # type: ignore[no-untyped-def]
    """Find the best path to every place of the ``size`` characters in ``best``."""
    cells, scores = model.cells, model.scores
    symbols, score, start, piece = best.symbols, best.score, best.begin, best.piece
    states = cells.shape[0]
    root = cells[0, 0]
    unknown_id = model.unknown_id
    unknown_score = np.float32(model.unknown_score)
    score[: size + 1] = -np.inf
    score[0] = 0.0
    frontier = 0
    for i in range(size):
        here = score[i]
        if here < -_RESET or here > _RESET:
            for j in range(i, frontier + 1):
                score[j] = np.float32(score[j] - here)
            here = np.float32(0.0)
        single = False
        state = 0
        base = root
        for j in range(i, size):
            t = base + symbols[j]
            if t < 0 or t >= states or cells[t, 1] != state:
                break
            state = t
            base = cells[t, 0]
            found = cells[t, 2]
            if found >= 0:
                gain = scores[t, 3]
                if gain == 0.0:  # user-defined: by its bytes
                    n = 0
                    for k in range(i, j + 1):
                        n += _utf8_length(best.points[k])
                    gain = np.float32(0.1 * (n - 1))
                candidate = np.float32(gain + here)
                if candidate > score[j + 1]:
                    score[j + 1] = candidate
                    start[j + 1] = i
                    piece[j + 1] = found
                frontier = max(frontier, j + 1)
                if j == i:
                    single = True
        if not single:
            frontier = max(frontier, i + 1)
            candidate = np.float32(unknown_score + here)
            if candidate > score[i + 1]:
                score[i + 1] = candidate
                start[i + 1] = i
                piece[i + 1] = unknown_id


@njit(cache=True, nogil=True)
def _write(size, model, best, out, at):  # type: ignore[no-untyped-def]
    """Write the ids of the best path into ``out[at:]`` and return where they end."""
    byte_fallback = model.byte_ids[0] >= 0
    start, piece = best.begin, best.piece
    end = at
    i = size
    unknown_before = False
    while i > 0:  # from the last id to the first
        found = piece[i]
        if found != model.unknown_id:
            out[end] = found
            end += 1
            unknown_before = False
        else:
            if byte_fallback:
                point = best.points[i - 1]  # an unknown piece is one character
                for k in range(_utf8_length(point) - 1, -1, -1):
                    out[end] = model.byte_ids[_utf8_byte(point, k)]
                    end += 1
            elif not unknown_before:  # sentencepiece merges adjacent unknown characters
                out[end] = found
                end += 1
            unknown_before = True
        i = start[i]
    left, right = at, end - 1
    while left < right:
        out[left], out[right] = out[right], out[left]
        left += 1
        right -= 1
    return end


@njit(cache=True, nogil=True)
def encode_spaces(data, offsets, model, best, end_id, out, ends):  # type: ignore[no-untyped-def]
    """Encode documents ``data[offsets[i]:offsets[i + 1]]``, spaces escaped to U+2581, ``end_id`` after each.

    ``best`` has room for the longest document, ``out`` for three ids per byte
    and one per document. ``ends[i]`` becomes the end of document i in ``out``.
    """
    points, symbols, table = best.points, best.symbols, model.symbols
    at = 0
    for document in range(offsets.size - 1):
        i, stop = offsets[document], offsets[document + 1]
        size = 0
        while i < stop:
            point, length = decode(data, i)
            if point == _SPACE:
                point = _WHITESPACE
            points[size] = point
            symbols[size] = table[point]
            size += 1
            i += length
        _search(size, model, best)
        at = _write(size, model, best, out, at)
        out[at] = end_id
        at += 1
        ends[document] = at


@njit(cache=True, nogil=True)
def encode_words(data, offsets, model, best, dictionary, memory, end_id, out, ends):  # type: ignore[no-untyped-def]
    """Encode documents as CPM does: jieba's words, each after U+2581, space as U+2582, newline as U+2583.

    ``best`` has room for two characters per byte of the longest document,
    ``out`` for six ids per byte and one per document.
    """
    points, symbols, table = best.points, best.symbols, model.symbols
    at = 0
    for document in range(offsets.size - 1):
        n = segment(data, offsets[document], offsets[document + 1], dictionary, memory)
        size = 0
        for i in range(n):
            if memory.starts[i] == 1:
                points[size] = _WHITESPACE
                symbols[size] = table[_WHITESPACE]
                size += 1
            point = memory.points[i]
            if point == _SPACE:
                point = _CPM_SPACE
            elif point == _NEWLINE:
                point = _CPM_NEWLINE
            points[size] = point
            symbols[size] = table[point]
            size += 1
        _search(size, model, best)
        at = _write(size, model, best, out, at)
        out[at] = end_id
        at += 1
        ends[document] = at
