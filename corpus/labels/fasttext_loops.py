"""The compiled loops of :mod:`corpus.labels.fasttext_kernel`: tokens, hashes, rows, sums.

fastText hashes words with FNV-1a over signed bytes and word n-grams by
``h = h * 116049371 + hash`` over 64 bits (``src/dictionary.cc``).
"""

from __future__ import annotations

import numba as nb
import numpy as np

from corpus.labels.tokens import MAX_LETTERS

NGRAM_FACTOR = np.uint64(116049371)
ROWS = 1 << 11  # selected rows that are gathered before they are summed: independent look-ups hide the memory's latency
MAX_NGRAMS = 64
SCRATCH = 1 << 12  # bytes first set aside for one whitespace-separated token
OTHER, SPACE, LETTER, DIGIT = 0, 1, 2, 3  # kinds of folded characters
LABEL_BYTES = np.frombuffer(b"__label__", np.uint8).copy()


@nb.njit(cache=True, nogil=True, inline="always")
def _mix(value, byte):  # type: ignore[no-untyped-def]
    """One FNV-1a step of fastText: bytes are signed, so those from 0x80 on set the upper bits."""
    wide = np.uint32(byte)
    if byte >= 0x80:
        wide |= np.uint32(0xFFFFFF00)
    return np.uint32((value ^ wide) * np.uint32(16777619))


@nb.njit(cache=True, nogil=True, inline="always")
def _find(token, size, value, slots, words, offsets):  # type: ignore[no-untyped-def]
    mask = np.uint32(len(slots) - 1)
    slot = value & mask
    while slots[slot] >= 0:
        index = slots[slot]
        start = offsets[index]
        if offsets[index + 1] - start == size:
            same = True
            for place in range(size):
                if words[start + place] != token[place]:
                    same = False
                    break
            if same:
                return np.int64(index)
        slot = (slot + np.uint32(1)) & mask
    return np.int64(-1)


@nb.njit(cache=True, nogil=True, inline="always")
def _take(word, value, bucket, nwords, partial, word_ngrams, rows, used):  # type: ignore[no-untyped-def]
    """Append a token's row and those of the word n-grams that end with it to ``rows``; return how many it then holds.

    ``partial`` uint64[word_ngrams + 1] holds the unfinished n-grams, the one
    begun last first, and in its last element their number.
    """
    if word >= 0:
        rows[used] = word
        used += 1
    if word_ngrams > 1:
        # A division costs more than all else here: buckets that are powers of two are masked instead.
        masked = bucket & (bucket - 1) == 0
        signed = np.uint64(np.int64(np.int32(value)))
        live = np.int64(partial[word_ngrams])
        for back in range(live):
            begun = partial[back] * NGRAM_FACTOR + signed
            partial[back] = begun
            cell = np.int64(begun & np.uint64(bucket - 1)) if masked else np.int64(begun % np.uint64(bucket))
            rows[used] = nwords + cell
            used += 1
        keep = min(live, word_ngrams - 2)
        for back in range(keep, 0, -1):
            partial[back] = partial[back - 1]
        partial[0] = signed
        partial[word_ngrams] = np.uint64(keep + 1)
    return used


@nb.njit(cache=True, nogil=True)
def _sum_rows(product, rows, used, total):  # type: ignore[no-untyped-def]
    """Add the rows of ``product`` (columns padded to a multiple of four) to ``total``."""
    for label in range(0, product.shape[1], 4):
        first = second = third = fourth = 0.0
        for index in range(used):
            row = rows[index]
            first += product[row, label]
            second += product[row, label + 1]
            third += product[row, label + 2]
            fourth += product[row, label + 3]
        total[label] += first
        total[label + 1] += second
        total[label + 2] += third
        total[label + 3] += fourth


@nb.njit(cache=True, nogil=True, inline="always")
def _decode(data, place, end):  # type: ignore[no-untyped-def]
    """Return the code point at ``place`` (-1 beyond the basic plane) and its width in bytes."""
    byte = data[place]
    code = np.int32(-1)
    width = np.int64(1)
    if byte < 0x80:
        code = np.int32(byte)
    elif byte >= 0xE0 and byte < 0xF0 and place + 2 < end:
        code = np.int32(
            (np.int32(byte & 0x0F) << 12) | (np.int32(data[place + 1] & 0x3F) << 6) | np.int32(data[place + 2] & 0x3F)
        )
        width = np.int64(3)
    elif byte >= 0xC0 and byte < 0xE0 and place + 1 < end:
        code = np.int32((np.int32(byte & 0x1F) << 6) | np.int32(data[place + 1] & 0x3F))
        width = np.int64(2)
    elif byte >= 0xF0:
        width = min(np.int64(4), end - place)
    return code, width


@nb.njit(cache=True, nogil=True)
def score_characters(  # type: ignore[no-untyped-def]
    data, offsets, fold, kinds, hash_of, word_of, slots, words, word_offsets, product, bucket, word_ngrams,
    eos_hash, eos_word, max_tokens, sums,
):  # fmt: skip
    nwords = len(word_offsets) - 1
    token = np.empty(64, np.uint8)
    partial = np.zeros(word_ngrams + 1, np.uint64)
    rows = np.empty(ROWS, np.int64)
    for row in range(len(offsets) - 1):
        place = offsets[row]
        end = offsets[row + 1]
        total = sums[row]
        partial[:] = 0
        features = 0
        used = 0
        in_digits = False
        read = 0
        while place < end and (max_tokens == 0 or read < max_tokens):
            code, width = _decode(data, place, end)
            if code >= 0:
                code = np.int32(fold[code])
                kind = kinds[code]
                if kind == SPACE:
                    in_digits = False
                    place += width
                    continue
                if kind == DIGIT and in_digits:
                    place += width
                    continue
                in_digits = kind == DIGIT
            else:
                kind = np.uint8(OTHER)
                in_digits = False
            if kind == LETTER or code < 0:
                value = np.uint32(2166136261)
                size = 0
                if code < 0:
                    while size < width:
                        token[size] = data[place]
                        value = _mix(value, data[place])
                        size += 1
                        place += 1
                else:
                    while kind == LETTER and size < MAX_LETTERS:
                        token[size] = code
                        value = _mix(value, np.uint8(code))
                        size += 1
                        place += width
                        if place >= end:
                            break
                        code, width = _decode(data, place, end)
                        if code < 0:
                            break
                        code = np.int32(fold[code])
                        kind = kinds[code]
                word = _find(token, size, value, slots, words, word_offsets)
            else:
                place += width
                if kind == DIGIT:
                    code = np.int32(48)
                value = hash_of[code]
                word = np.int64(word_of[code])
            used = _take(word, value, bucket, nwords, partial, word_ngrams, rows, used)
            read += 1
            if used > ROWS - MAX_NGRAMS:
                _sum_rows(product, rows, used, total)
                features += used
                used = 0
        used = _take(eos_word, eos_hash, bucket, nwords, partial, word_ngrams, rows, used)
        _sum_rows(product, rows, used, total)
        features += used
        if features:
            for label in range(len(total)):
                total[label] /= features


@nb.njit(cache=True, nogil=True, inline="always")
def _subwords(token, size, product, bucket, nwords, minn, maxn, total):  # type: ignore[no-untyped-def]
    """Add the rows of the hashed character n-grams of ``<token>``; return how many."""
    features = 0
    for start in range(size):
        if (token[start] & 0xC0) == 0x80:
            continue
        value = np.uint32(2166136261)
        place = start
        length = 1
        while place < size and length <= maxn:
            value = _mix(value, token[place])
            place += 1
            while place < size and (token[place] & 0xC0) == 0x80:
                value = _mix(value, token[place])
                place += 1
            if length >= minn and not (length == 1 and (start == 0 or place == size)):
                ngram = nwords + np.int64(np.uint64(value) % np.uint64(bucket))
                for label in range(len(total)):
                    total[label] += product[ngram, label]
                features += 1
            length += 1
    return features


@nb.njit(cache=True, nogil=True)
def score_whitespace(  # type: ignore[no-untyped-def]
    data, offsets, slots, words, word_offsets, product, bucket, word_ngrams, minn, maxn, eos_hash, eos_word,
    max_tokens, sums,
):  # fmt: skip
    nwords = len(word_offsets) - 1
    bracketed = np.empty(SCRATCH + 2, np.uint8)
    partial = np.zeros(word_ngrams + 1, np.uint64)
    rows = np.empty(ROWS, np.int64)
    for row in range(len(offsets) - 1):
        place = offsets[row]
        end = offsets[row + 1]
        total = sums[row]
        partial[:] = 0
        features = 0
        used = 0
        read = 0
        while place < end and (max_tokens == 0 or read < max_tokens):
            while place < end and (data[place] == 32 or (9 <= data[place] <= 13) or data[place] == 0):
                place += 1
            start = place
            while place < end and not (data[place] == 32 or (9 <= data[place] <= 13) or data[place] == 0):
                place += 1
            size = place - start
            if size == 0:
                continue
            if size + 2 > len(bracketed):
                bracketed = np.empty(2 * size, np.uint8)
            if (
                size == 4
                and data[start] == 60
                and data[start + 1] == 47
                and data[start + 2] == 115
                and data[start + 3] == 62
            ):
                break  # the end-of-line token, written out: fastText stops there
            if size >= 9 and data[start] == 95 and data[start + 1] == 95:
                labelled = True
                for index in range(9):
                    if data[start + index] != LABEL_BYTES[index]:
                        labelled = False
                        break
                if labelled:
                    continue
            read += 1
            value = np.uint32(2166136261)
            for index in range(size):
                bracketed[index + 1] = data[start + index]
                value = _mix(value, data[start + index])
            word = _find(data[start:place], size, value, slots, words, word_offsets)
            used = _take(word, value, bucket, nwords, partial, word_ngrams, rows, used)
            if used > ROWS - MAX_NGRAMS:
                _sum_rows(product, rows, used, total)
                features += used
                used = 0
            if maxn > 0:
                bracketed[0] = 60
                bracketed[size + 1] = 62
                features += _subwords(bracketed, size + 2, product, bucket, nwords, minn, maxn, total)
        used = _take(eos_word, eos_hash, bucket, nwords, partial, word_ngrams, rows, used)
        _sum_rows(product, rows, used, total)
        features += used
        if features:
            for label in range(len(total)):
                total[label] /= features
