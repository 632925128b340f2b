"""Samples from token shards: every sample is a function of (seed, global index).

A stream (:mod:`trainer.document_stream`) puts the documents of an epoch in
order and cuts them into windows. With domain weights there is one stream per
domain and a short periodic table says which stream a global index belongs to.
The state of a run is the number of samples that it has consumed; the number
of ranks plays no part.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from corpus.errors import ConfigError
from trainer.config import DataConfig
from trainer.document_stream import DocumentStream, Extents
from trainer.manifest import ShardCache, TokenManifest

_PERIOD = 4096  # length of the mixing table: weights are met to 1/4096


class TokenDataset:
    """Windows of ``length + 1`` tokens by global index, mixed from domains by weight.

    Window w of a stream begins at token ``w * length``, so that neighbours
    share one token: the target of the one's last input is the first input of
    the other's.
    """

    def __init__(self, manifest: TokenManifest, split: str, length: int, config: DataConfig) -> None:
        self.length = length
        shards = manifest.of_split(split)
        if not shards:
            raise ConfigError(f"{manifest.root_url}: the {split!r} split holds no tokens")
        self._cache = ShardCache(manifest, shards)
        extents = Extents.load(manifest, self._cache, split, config)
        names = [*manifest.domains, "none"]
        weights = config.weights if split == "train" else {}
        for name in weights:
            if name not in names:
                raise ConfigError(f"data.weights: the shards have no domain {name!r}; they have {', '.join(names)}")
        chosen = [(i, weights[name]) for i, name in enumerate(names) if weights.get(name, 0) > 0]
        if weights and not chosen:
            raise ConfigError("data.weights: no domain has a positive weight")
        self.streams = [DocumentStream(self._cache, extents, config, i, i + 1) for i, _ in chosen] or [
            DocumentStream(self._cache, extents, config, None, 0)
        ]
        for (i, _), stream in zip(chosen, self.streams, strict=False):
            if not stream.total:
                raise ConfigError(f"data.weights: the {split!r} split holds no tokens of {names[i]!r}")
        self._pattern = mixing_pattern([weight for _, weight in chosen] or [1.0])
        counts = np.cumsum(self._pattern[:, None] == np.arange(len(self.streams)), axis=0)
        self._before = np.concatenate([np.zeros((1, len(self.streams)), np.int64), counts])  # draws before each place

    @property
    def tokens(self) -> int:
        """Tokens of one epoch over all streams."""
        return sum(stream.total for stream in self.streams)

    def samples_of(self, stream: int, index: int) -> int:
        """Return how many of the global samples ``0 .. index - 1`` come from ``stream``."""
        period, place = divmod(index, len(self._pattern))
        return int(period * self._before[-1, stream] + self._before[place, stream])

    def read(self, first: int, count: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]:
        """Return the samples ``first .. first + count``: tokens ``(count, length + 1)`` and which bear no loss."""
        which = self._pattern[np.arange(first, first + count) % len(self._pattern)]
        tokens: npt.NDArray[Any] | None = None
        silent: npt.NDArray[np.bool_] | None = None
        for s, stream in enumerate(self.streams):
            rows = np.flatnonzero(which == s)
            if not rows.size:
                continue
            k = self.samples_of(s, first)
            windows = stream.windows(k, rows.size, self.length)
            for row, window in zip(rows.tolist(), windows.tolist(), strict=True):
                run, quiet = stream.read(window * self.length, self.length + 1)
                if tokens is None:
                    tokens = np.empty((count, self.length + 1), run.dtype)
                tokens[row] = run
                if quiet is not None:
                    if silent is None:
                        silent = np.zeros((count, self.length + 1), bool)
                    silent[row] = quiet
        if tokens is None:
            raise ValueError("count must be positive")
        return tokens, silent


def mixing_pattern(weights: list[float]) -> npt.NDArray[np.int64]:
    """Return a periodic sequence of stream numbers in which every prefix is as close to ``weights`` as it can be.

    At each place the stream that is furthest behind its share is drawn
    (Megatron's greedy blending); no prefix is off by more than one sample per
    stream. Weights are first rounded to multiples of 1/4096 of their sum, so
    that the sequence repeats.
    """
    if len(weights) == 1:
        return np.zeros(1, np.int64)
    share = np.array(weights, np.float64) / sum(weights)
    quota = np.floor(share * _PERIOD).astype(np.int64)
    quota = np.maximum(quota, 1)
    for i in np.argsort(-(share * _PERIOD - quota), kind="stable"):
        if quota.sum() >= _PERIOD:
            break
        quota[i] += 1
    period = int(quota.sum())
    drawn = np.zeros(len(weights), np.int64)
    pattern = np.empty(period, np.int64)
    for n in range(period):
        deficit = quota * (n + 1) - drawn * period
        deficit[drawn >= quota] = np.iinfo(np.int64).min
        pattern[n] = int(np.argmax(deficit))
        drawn[pattern[n]] += 1
    return pattern
