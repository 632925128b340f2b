"""Compiled counts of letters by script, and of the characters that tell languages apart."""

from __future__ import annotations

from importlib.resources import files
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

TABLE_SIZE = 0x33480  # to the end of CJK extension J; beyond lie no letters (and the last entry is none)
HAN_RANGES = (
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAD9), (0x20000, 0x2FA1F), (0x30000, 0x33479), (0x3007, 0x3007),
)  # fmt: skip
# Punctuation that is one in five characters of source code and one in a hundred of prose.
CODE_SYMBOLS = "{}[]();=<>_$\\/|&*+#@`~^"

# Classes, in the low three bits of an entry; each is also its column in the counts.
OTHER, HAN, KANA, HANGUL, LATIN, LETTER, CODE_SYMBOL = range(7)
_CLASS_MASK = 7
# Flags of Han characters; flag 1 << n is counted in column FLAGS + n - 3.
SIMPLIFIED = 1 << 3  # OpenCC s2t changes it
TRADITIONAL = 1 << 4  # OpenCC t2s changes it
JAPANESE = 1 << 5  # a form that only Japanese uses: 気 働 込
NOT_JAPANESE = 1 << 6  # not in JIS X 0208: 你 们 这
NEW_FORM = 1 << 7  # a form that Japan and China simplified alike: 学 国 会
KEPT_FORM = 1 << 8  # traditional, and Japan did not simplify it: 東 語 長
OLD_FORM = 1 << 9  # traditional, and Japan did: 學 國 會
MODERN = 1 << 10  # function character of modern Chinese
CLASSICAL = 1 << 11  # function character of classical Chinese
FORMAL = 1 << 12  # the same, but alive in formal modern prose
CANTONESE = 1 << 13
FUNCTION = 1 << 14  # frequent in Chinese, rare in Japanese
MANDARIN = 1 << 15  # function character that Cantonese writing replaces

# Columns of count_script's result.
FLAGS = 7
N_FLAGS = 13
(
    N_SIMPLIFIED, N_TRADITIONAL, N_JAPANESE, N_NOT_JAPANESE, N_NEW_FORM, N_KEPT_FORM, N_OLD_FORM,
    N_MODERN, N_CLASSICAL, N_FORMAL, N_CANTONESE, N_FUNCTION, N_MANDARIN,
) = range(FLAGS, FLAGS + N_FLAGS)  # fmt: skip
N_CLAUSES = 20  # runs of Han between anything else but spaces
N_VERSE = 21  # those of exactly five or seven characters
COLUMNS = 22


class ScriptTable(NamedTuple):
    """Entries as numbers of kinds, so that a text is counted by kind, and what each kind is."""

    kinds: npt.NDArray[np.uint8]  # [TABLE_SIZE]
    entries: npt.NDArray[np.uint16]  # [number of kinds]: class and flags


def script_table() -> ScriptTable:
    """Load the table that :mod:`corpus.kernels.build_script_table` made."""
    with (files("corpus.kernels") / "script_table.npz").open("rb") as file, np.load(file) as arrays:
        entries, kinds = np.unique(arrays["entries"], return_inverse=True)
    if len(entries) > 256:
        raise ValueError(f"script_table.npz has {len(entries)} kinds of characters; the kernel counts 256")
    return ScriptTable(kinds.astype(np.uint8), entries)


@njit(cache=True, nogil=True)
def count_script(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    kinds: npt.NDArray[np.uint8],
    entries: npt.NDArray[np.uint16],
    max_bytes: int,
    counts: npt.NDArray[np.int32],
) -> None:
    """Fill ``counts[n, COLUMNS]`` for ``n`` texts of valid UTF-8, reading about ``max_bytes`` of each at most."""
    n_kinds = len(entries)
    last = len(kinds) - 1
    tally = np.zeros(256, dtype=np.int32)
    is_han = np.zeros(256, dtype=np.uint8)
    for kind in range(n_kinds):
        is_han[kind] = (entries[kind] & _CLASS_MASK) == HAN
    for record in range(len(offsets) - 1):
        position = offsets[record]
        end = min(offsets[record + 1], position + max_bytes)
        row = counts[record]
        tally[:] = 0
        run = 0
        clauses = 0
        verse = 0
        while position < end:
            first = np.int64(data[position])
            if first < 0x80:
                position += 1
                tally[kinds[first]] += 1
                if first == 0x20:
                    continue
            else:
                if first >= 0xE0 and first < 0xF0:
                    code = (first & 0x0F) << 12 | (data[position + 1] & 0x3F) << 6 | (data[position + 2] & 0x3F)
                    position += 3
                elif first < 0xE0:
                    code = (first & 0x1F) << 6 | (data[position + 1] & 0x3F)
                    position += 2
                else:
                    code = (first & 0x07) << 18 | (data[position + 1] & 0x3F) << 12
                    code |= (data[position + 2] & 0x3F) << 6 | (data[position + 3] & 0x3F)
                    position += 4
                kind = kinds[min(code, last)]
                tally[kind] += 1
                if is_han[kind]:
                    run += 1
                    continue
            if run:
                clauses += 1
                verse += run in (5, 7)
                run = 0
        if run:
            clauses += 1
            verse += run in (5, 7)
        row[N_CLAUSES] = clauses
        row[N_VERSE] = verse
        for kind in range(n_kinds):
            count = tally[kind]
            if count:
                entry = np.int64(entries[kind])
                row[entry & _CLASS_MASK] += count
                flags = entry >> 3
                column = FLAGS
                while flags:
                    row[column] += count * (flags & 1)
                    flags >>= 1
                    column += 1
