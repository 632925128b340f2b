"""Builds the table behind the hash form: ``python -m corpus.kernels.hash_form_tables``.

Writes ``hash_form.npz`` beside this file. The table is committed, so that a
newer Python (newer Unicode data) or a newer OpenCC never changes a hash form
without a change of this repository. Sources: Python's ``unicodedata`` (Unicode
14.0 when built) for NFKC, case folding and categories; OpenCC's ``t2s``
characters (Apache-2.0), asked one character at a time, for simplification.
"""

from __future__ import annotations

import sys
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

TABLE_PATH: Final = Path(__file__).with_name("hash_form.npz")

CODE_POINTS: Final = sys.maxunicode + 1
DROPPED: Final = 0
SEQUENCE: Final = 1 << 31  # value: SEQUENCE | length << 24 | offset into the sequences array
CONTEXT: Final = 1 << 30  # NFKC may join or reorder it with what stands before: decided by plain Python

# Hangul vowel and final consonant jamo compose with the syllable before them although their combining class is 0.
_JAMO_MEDIAL_FINAL = range(0x1161, 0x1200)


def is_dropped(character: str) -> bool:
    """Whether the hash form leaves out ``character``: punctuation, symbols, spaces, controls, format characters.

    Unassigned and private-use characters stay: they are often newer ideographs
    or glyphs of a legacy charset.
    """
    category = unicodedata.category(character)
    return category[0] in "PSZ" or category in ("Cc", "Cf", "Cs")


def simplification() -> dict[str, str]:
    """Return traditional -> simplified for single characters, from OpenCC's ``t2s``."""
    import opencc

    converter = opencc.OpenCC("t2s")
    ranges = [(0x2E80, 0xA000), (0xF900, 0xFB00), (0x20000, 0x323B0)]
    pairs = ((chr(code), converter.convert(chr(code))) for start, stop in ranges for code in range(start, stop))
    return {source: target for source, target in pairs if source != target}


def needs_context(character: str) -> bool:
    """Whether NFKC of a text with ``character`` may differ from the NFKC of its characters one by one.

    True where the character's decomposition starts with a combining mark or
    with a character that some composition takes as its second part.
    """
    first = unicodedata.normalize("NFKD", character)[0]
    if unicodedata.combining(first) or ord(first) in _JAMO_MEDIAL_FINAL:
        return True
    return first in _second_parts()


@cache
def _second_parts() -> frozenset[str]:
    decompositions = (unicodedata.decomposition(chr(code)).split() for code in range(CODE_POINTS))
    pairs = (parts for parts in decompositions if len(parts) == 2 and not parts[0].startswith("<"))
    return frozenset(chr(int(parts[1], 16)) for parts in pairs)


def build() -> dict[str, np.ndarray]:
    """Return the arrays of the file.

    ``codes`` and ``values`` hold the code points that do not map to
    themselves, ``sequences`` the mappings to several code points, and
    ``traditional`` the pairs of simplification for the plain reference.
    """
    simplified = simplification()
    values = np.arange(CODE_POINTS, dtype=np.uint32)
    sequences: list[int] = []
    seen: dict[str, int] = {}
    for code in (*range(0xD800), *range(0xE000, CODE_POINTS)):
        character = chr(code)
        mapped = "".join(simplified.get(part, part) for part in unicodedata.normalize("NFKC", character))
        mapped = "".join(part for part in mapped.casefold() if not is_dropped(part))
        # The kernel's output buffer holds one code point for each input byte; the few longer ones go to plain Python.
        if needs_context(character) or len(mapped) > len(character.encode()):
            values[code] = CONTEXT
        elif len(mapped) == 1:
            values[code] = ord(mapped)
        elif not mapped:
            values[code] = DROPPED
        else:
            if mapped not in seen:
                seen[mapped] = len(sequences)
                sequences.extend(map(ord, mapped))
            values[code] = SEQUENCE | len(mapped) << 24 | seen[mapped]
    codes = np.nonzero((values != np.arange(CODE_POINTS, dtype=np.uint32)) | (values == DROPPED))[0]
    pairs = sorted(simplified.items())
    return {
        "codes": codes.astype(np.uint32),
        "values": values[codes],
        "sequences": np.array(sequences, dtype=np.uint32),
        "traditional": np.array([[ord(source), ord(target)] for source, target in pairs], dtype=np.uint32),
    }


if __name__ == "__main__":
    arrays: dict[str, Any] = build()
    np.savez_compressed(TABLE_PATH, **arrays)
