"""Character tokens: what the domain labeller's fastText models read.

A token is one folded character; a run of ASCII letters is one token (cut every
32 letters), a run of ASCII digits is the token "0", white space separates.
This module is the reference; the kernel in :mod:`corpus.labels.fasttext_kernel`
yields the same tokens without building strings.
"""

from __future__ import annotations

import re
from functools import lru_cache

from corpus.labels.folding import fold_table

MAX_LETTERS = 32
# White space and invisible separators, as code points: C0 and C1 controls, Unicode spaces, zero-width space, BOM.
SPACES = (
    *range(0x21),
    *range(0x7F, 0xA1),
    0x1680,
    *range(0x2000, 0x200C),
    0x2028,
    0x2029,
    0x202F,
    0x205F,
    0x3000,
    0xFEFF,
)

_SPACE_CLASS = "".join(f"\\u{code:04x}" for code in SPACES)
_TOKEN = re.compile(f"[a-z]{{1,{MAX_LETTERS}}}|[0-9]+|[^{_SPACE_CLASS}]")


@lru_cache(maxsize=1)
def _translation() -> dict[int, int]:
    return {code: int(folded) for code, folded in enumerate(fold_table()) if code != folded}


def tokens(text: str) -> list[str]:
    """Return the tokens of ``text``."""
    found: list[str] = _TOKEN.findall(text.translate(_translation()))
    return ["0" if token[0] in "0123456789" else token for token in found]
