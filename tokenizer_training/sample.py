"""Which documents a tokenizer is trained on: a pure function of their keys, domains and sizes.

A document is in the sample iff the hash of its key lies below its domain's
rate, so that the sample does not depend on the order of documents or the
number of shards, and a corpus that grows a little has nearly the same sample.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.config.tokenizer import TokenizerSettings

NO_DOMAIN = "none"  # name of documents without a domain in weights and sizes
_ROUNDS = 64  # water filling ends after at most one round per domain; there are at most 32


def rates(bytes_by_domain: dict[str, int], settings: TokenizerSettings) -> dict[str, float]:
    """Return the share of each domain's documents to take so that the sample has about ``settings.sample_bytes``.

    A domain's part of the budget is proportional to weight x size; what a
    domain cannot fill goes to the others in the same proportion. Rates are
    multiples of 1e-6.

    Raises:
        ValueError: a weight is negative, or names a domain that the corpus does not have.
    """
    weights = settings.domain_weights
    for name, weight in weights.items():
        if name not in bytes_by_domain:
            raise ValueError(
                f"tokenizer.domain_weights: the corpus has no domain {name!r}; "
                f"it has {', '.join(sorted(bytes_by_domain))}"
            )
        if weight < 0:
            raise ValueError(f"tokenizer.domain_weights: the weight of {name!r} is negative ({weight})")
    names = sorted(name for name, size in bytes_by_domain.items() if size > 0 and weights.get(name, 1.0) > 0)
    result = dict.fromkeys(bytes_by_domain, 0.0)
    budget = float(settings.sample_bytes)
    open_names = names
    for _ in range(_ROUNDS):
        mass = sum(weights.get(name, 1.0) * bytes_by_domain[name] for name in open_names)
        full = [name for name in open_names if mass and budget * weights.get(name, 1.0) / mass >= 1.0]
        if not full:
            for name in open_names:
                result[name] = np.floor(1e6 * budget * weights.get(name, 1.0) / mass) / 1e6
            break
        for name in full:
            result[name] = 1.0
            budget -= bytes_by_domain[name]
        open_names = [name for name in open_names if name not in full]
    return result


def select(
    doc_keys: pa.FixedSizeBinaryArray, domains: Sequence[str | None], rate: dict[str, float], seed: int
) -> npt.NDArray[np.bool_]:
    """Return which documents are in the sample. ``domains``: the primary domain of each, None without one."""
    raw = np.frombuffer(doc_keys.buffers()[1] or b"", np.uint64).reshape(-1, 2)
    words = raw[doc_keys.offset : doc_keys.offset + len(doc_keys)]
    hashed = _mix(words[:, 0] ^ _mix(words[:, 1] + np.uint64(seed)))
    limits = np.array([rate[NO_DOMAIN if domain is None else domain] for domain in domains], np.float64)
    # 53 bits, as an exact double in [0, 1).
    chosen: npt.NDArray[np.bool_] = (hashed >> np.uint64(11)).astype(np.float64) * 2.0**-53 < limits
    return chosen


def _mix(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """splitmix64's output function (Steele, Lea and Flood 2014)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
