"""The training sample: deterministic, within its budget, weighted by domain."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pytest

from corpus.config.tokenizer import TokenizerSettings
from tokenizer_training import sample


def keys(count: int) -> pa.FixedSizeBinaryArray:
    return pa.array([hashlib.blake2b(str(i).encode(), digest_size=16).digest() for i in range(count)], pa.binary(16))


def test_rates_fill_the_budget_by_weight_and_size() -> None:
    sizes = {"medical": 10_000, "legal": 40_000, "none": 150_000}
    settings = TokenizerSettings(sample_bytes=50_000, domain_weights={"medical": 2.0})
    rates = sample.rates(sizes, settings)
    assert rates["medical"] == pytest.approx(2 * rates["legal"], abs=2e-6)
    assert rates["legal"] == rates["none"]
    assert sum(rates[name] * size for name, size in sizes.items()) == pytest.approx(50_000, abs=1)


def test_what_a_full_domain_cannot_take_goes_to_the_others() -> None:
    sizes = {"medical": 1_000, "none": 99_000}
    rates = sample.rates(sizes, TokenizerSettings(sample_bytes=50_000, domain_weights={"medical": 50.0}))
    assert rates["medical"] == 1.0
    assert rates["none"] == pytest.approx(49_000 / 99_000, abs=1e-6)
    assert sample.rates(sizes, TokenizerSettings(sample_bytes=10**9)) == {"medical": 1.0, "none": 1.0}


def test_weights_name_domains_that_exist() -> None:
    with pytest.raises(ValueError, match="no domain 'medcial'"):
        sample.rates({"medical": 10}, TokenizerSettings(domain_weights={"medcial": 2.0}))


def test_selection_does_not_depend_on_order_or_batching() -> None:
    all_keys = keys(4000)
    domains = ["medical" if i % 4 == 0 else None for i in range(4000)]
    rate = {"medical": 0.5, "none": 0.1}
    whole = sample.select(all_keys, domains, rate, seed=0)
    order = np.random.default_rng(0).permutation(4000)
    shuffled = sample.select(all_keys.take(pa.array(order)), [domains[i] for i in order], rate, seed=0)
    assert np.array_equal(whole[order], shuffled)
    assert np.array_equal(sample.select(all_keys[1000:], domains[1000:], rate, seed=0), whole[1000:])
    assert whole[::4].mean() == pytest.approx(0.5, abs=0.05)
    assert np.delete(whole, np.s_[::4]).mean() == pytest.approx(0.1, abs=0.02)
    assert not np.array_equal(whole, sample.select(all_keys, domains, rate, seed=1))
