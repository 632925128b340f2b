"""jieba 0.42.1's dictionary and HMM tables as arrays, read from the installed package (MIT licence)."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
from functools import lru_cache
from math import log
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tokenizer_training import double_array

JIEBA_VERSION = "0.42.1"
HAN_FIRST, HAN_LAST = 0x4E00, 0x9FD5  # jieba's \u4E00-\u9FD5
_IMPOSSIBLE = -3.14e100  # finalseg.MIN_FLOAT
_STATES = "BEMS"  # alphabetical, so that the larger index wins a tie as the later letter does
_NO_WORD = 1.0  # in Dictionary.weights; every log probability is negative


class Dictionary(NamedTuple):
    """jieba's tables as arrays."""

    symbols: npt.NDArray[np.int32]  # code point -> symbol of the trie of words
    cells: npt.NDArray[np.int32]  # (states, 4): base, check, and a double:
    weights: npt.NDArray[np.float64]  # (states, 2), the same memory: [:, 1] is log(frequency) - log(total), or _NO_WORD
    unknown: float  # the same for a character that is no word: log(1) - log(total)
    start: npt.NDArray[np.float64]  # (4,)
    transition: npt.NDArray[np.float64]  # (4, 4): from, to
    emission: npt.NDArray[np.float64]  # (HAN_LAST - HAN_FIRST + 1, 4)


@lru_cache(maxsize=1)
def load_dictionary() -> Dictionary:
    """Read jieba's dictionary and HMM tables and build the trie (about 2 s, then cached for the process).

    Raises:
        ModuleNotFoundError: jieba is not installed.
        RuntimeError: another version than 0.42.1 is.
    """
    version = importlib.metadata.version("jieba")
    if version != JIEBA_VERSION:
        raise RuntimeError(f"the cpm tokenizer is defined by jieba {JIEBA_VERSION}, but {version} is installed")
    frequency: dict[str, int] = {}
    total = 0
    # jieba.Tokenizer.gen_pfdict: the last entry of a word counts, its total is the sum of all entries.
    for line in (importlib.resources.files("jieba") / "dict.txt").read_bytes().decode("utf-8").splitlines():
        word, count = line.strip().split(" ")[:2]
        frequency[word] = int(count)
        total += int(count)
    log_total = log(total)
    words = sorted(word for word in frequency if frequency[word])
    weight = np.array([log(frequency[word]) - log_total for word in words])
    trie = double_array.build(words, weight.view(np.int32).reshape(-1, 2), np.array([_NO_WORD]).view(np.int32))
    start, transition, emission = _hmm()
    return Dictionary(
        trie.symbols, trie.cells, trie.cells.view(np.float64), log(1) - log_total, start, transition, emission
    )


def _hmm() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    from jieba.finalseg.prob_emit import P as emit
    from jieba.finalseg.prob_start import P as start
    from jieba.finalseg.prob_trans import P as trans

    emission = np.full((HAN_LAST - HAN_FIRST + 1, 4), _IMPOSSIBLE)
    for y, state in enumerate(_STATES):
        for character, value in emit[state].items():
            if HAN_FIRST <= ord(character) <= HAN_LAST:
                emission[ord(character) - HAN_FIRST, y] = value
    transition = np.array([[trans[a].get(b, _IMPOSSIBLE) for b in _STATES] for a in _STATES])
    return np.array([start[state] for state in _STATES]), transition, emission
