"""Counter-based random numbers: a draw depends on its key alone, not on what was drawn before."""

from __future__ import annotations

import numpy as np


def generator(*key: int) -> np.random.Generator:
    """Return a counter-based generator for up to four integers (seed first): no state is shared or kept."""
    words = np.zeros(4, np.uint64)
    words[: len(key)] = np.array([k & 0xFFFFFFFFFFFFFFFF for k in key], np.uint64)
    # Two words are the key, two the upper half of the counter; the lower half counts draws.
    return np.random.Generator(np.random.Philox(key=words[:2], counter=np.array([0, 0, words[2], words[3]], np.uint64)))
