"""One canonical form per character: simplified, half-width, lower case.

Folding character by character costs a table look-up, so a lexicon written in
simplified script reads traditional, full-width and upper-case text without
further terms. Phrase conversions (OpenCC's 軟件 -> 软件 of another region) are
left to the lexicons, which name both words where usage differs.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

BMP = 0x10000
# The blocks with characters that OpenCC's t2s tables change: CJK extension A, the main block, compatibility forms.
_HAN_BLOCKS = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF))


@lru_cache(maxsize=1)
def fold_table() -> npt.NDArray[np.uint16]:
    """Return ``uint16[65536]``: the folded code point of every code point of the basic plane.

    Source of the script pairs: OpenCC's ``t2s`` configuration, asked for one
    character at a time; characters without a one-to-one form stay.
    """
    from opencc import OpenCC

    table = np.arange(BMP, dtype=np.uint16)
    han = "".join(chr(code) for first, last in _HAN_BLOCKS for code in range(first, last + 1))
    converted = OpenCC("t2s").convert("\n".join(han)).split("\n")
    for before, after in zip(han, converted, strict=True):
        if len(after) == 1 and ord(after) < BMP:
            table[ord(before)] = ord(after)
    for code in range(0xFF01, 0xFF5F):
        table[code] = code - 0xFEE0
    table[0x3000] = 0x20
    characters = [chr(code) for code in table.tolist()]  # surrogates are no letters: lower() leaves them
    for code, (character, lower) in enumerate(zip(characters, map(str.lower, characters), strict=True)):
        if lower != character and len(lower) == 1 and ord(lower) < BMP:
            table[code] = ord(lower)
    table.flags.writeable = False
    return table


@lru_cache(maxsize=1)
def _folded() -> dict[int, int]:
    """Return the code points that :func:`fold_table` changes, for ``str.translate``."""
    table = fold_table()
    changed = np.flatnonzero(table != np.arange(BMP, dtype=np.uint16))
    return dict(zip(changed.tolist(), table[changed].tolist(), strict=True))


def fold(text: str) -> str:
    """Return ``text`` folded character by character; characters beyond the basic plane stay."""
    return text.translate(_folded())
