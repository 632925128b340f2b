"""Which classes the head computes in a step, for training where the head is nearly all of the work.

On a CPU a small model with 50,000 ids spends nine tenths of a step in the
head. Here the normaliser of a batch is estimated from a sample of the classes:
the most frequent ones and the batch's targets count as they are, and some
drawn uniformly from the others stand for all of those (importance sampling
after Bengio and Senécal 2003; one set for a whole batch as in Jean et al. 2015,
"On Using Very Large Target Vocabulary"). The estimate of the normaliser is
unbiased. Validation takes all classes.
"""

from __future__ import annotations

import hashlib
import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.objectives import NO_TARGET
from trainer.randomness import generator

FREQUENT: Final = 0.75  # share of the classes that are the most frequent ones; own choice
_SALT: Final = 3 << 32


class Classes(NamedTuple):
    """The classes of one batch."""

    ids: NDArray[np.int64]  # (classes,), distinct
    log_weights: NDArray[np.float32]  # (classes,): log of how many classes each stands for
    targets: NDArray[Any]  # as given, each id replaced by its place in ``ids``


class ClassSampler:
    """Draws the classes of a batch from ``counts`` ``(vocab,)``: how often each is a target in the train split."""

    def __init__(self, counts: NDArray[np.int64], classes: int, seed: int) -> None:
        self._classes = min(classes, counts.size)
        self._order = np.argsort(-counts, kind="stable")
        self._seed = seed

    def draw(self, targets: NDArray[Any]) -> Classes:
        """Return the classes for ``targets`` of any shape: a function of these, the seed and the counts alone.

        There are as many as was asked for, or more where that does not leave the rest an eighth of them.
        """
        digest = hashlib.blake2b(np.ascontiguousarray(targets).tobytes(), digest_size=8).digest()
        random = generator(self._seed, _SALT, int.from_bytes(digest, "little"))
        chosen = np.zeros(self._order.size, bool)
        chosen[self._order[: int(self._classes * FREQUENT)]] = True
        chosen[targets[targets != NO_TARGET]] = True
        certain, rest = np.flatnonzero(chosen), np.flatnonzero(~chosen)
        drawn = min(max(self._classes - certain.size, self._classes // 8), rest.size)
        others = random.choice(rest, drawn, replace=False, shuffle=False)
        ids = np.concatenate([certain, others])
        weights = np.zeros(ids.size, np.float32)
        weights[certain.size :] = math.log(rest.size / drawn) if drawn else 0.0
        places = np.full(self._order.size, NO_TARGET, targets.dtype)
        places[ids] = np.arange(ids.size)
        return Classes(ids, weights, np.where(targets == NO_TARGET, NO_TARGET, places[targets]))
