"""Frequencies of targets: the entropy that a model has to beat, and a start from them.

A tied head without a bias, as GPT-2 has it, spends the first part of a run on
learning how frequent each token is. :func:`start_from` gives it that from the
first step (Karpathy 2019, "A Recipe for Training Neural Networks": initialise
the last layer to the frequencies in the data) without another parameter: one
dimension of the final layer norm is made a constant, and that column of the
embedding holds the log frequencies.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.loader import BatchBuilder
from trainer.model import Transformer
from trainer.objectives import NO_TARGET

START_TOKENS: Final = 1 << 24  # of the train split, counted for the start
ENTROPY_TOKENS: Final = 1 << 21  # of the validation split, counted for its entropy
SMOOTHING: Final = 0.5  # added to every count (Jeffreys): ids that do not occur keep a finite logit
# Output of the constant dimension. The column is log frequency / SCALE: a deviation of about .2, so that it does not
# drown the other dimensions, which it shares with the input, and a step of the optimiser moves a logit by 10 lr only.
SCALE: Final = 10.0


def target_counts(builder: BatchBuilder, vocab: int, limit: int) -> NDArray[np.int64]:
    """Return how often each id ``(vocab,)`` is a target in one epoch of the split, or about ``limit`` tokens."""
    size, data = 64, builder.dataset
    counts = np.zeros(vocab, np.int64)
    for first in range(0, max(1, min(data.tokens, limit) // data.length), size):
        targets = builder.build(first, size).targets
        counts += np.bincount(targets[targets != NO_TARGET], minlength=vocab)
    return counts


def entropy(counts: NDArray[np.int64]) -> float:
    """Return the entropy in nats of ``counts``: the loss of a model that knows the frequencies and nothing else."""
    share = counts[counts > 0] / max(int(counts.sum()), 1)
    return float(-(share * np.log(share)).sum())


@torch.no_grad()
def start_from(model: Transformer, counts: NDArray[np.int64]) -> None:
    """Let an initialised ``model`` predict the frequencies of ``counts`` ``(vocab,)`` before its first step."""
    smoothed = counts + SMOOTHING
    logs = np.log(smoothed / smoothed.sum())
    column = torch.from_numpy((logs - logs.mean()) / SCALE)
    model.tokens.weight[:, 0] = column.to(model.tokens.weight)
    model.norm.weight[0] = 0.0
    model.norm.bias[0] = SCALE
