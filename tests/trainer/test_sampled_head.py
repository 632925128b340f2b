"""The head over a sample of the classes: an unbiased normaliser, exact where nothing is left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="torch is not installed (extra 'train')")

from trainer.head import linear_cross_entropy  # noqa: E402
from trainer.objectives import NO_TARGET  # noqa: E402
from trainer.sampled_head import ClassSampler  # noqa: E402

VOCABULARY, HIDDEN, ROWS = 500, 16, 24


def counts() -> Any:
    return (10_000 / np.arange(1, VOCABULARY + 1)).astype(np.int64)[::-1].copy()


def problem(seed: int) -> tuple[Any, Any, Any]:
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(ROWS, HIDDEN, generator=generator)
    weight = 0.3 * torch.randn(VOCABULARY, HIDDEN, generator=generator)
    targets = torch.randint(VOCABULARY, (ROWS,), generator=generator)
    targets[3] = NO_TARGET
    return hidden, weight, targets


def sampled_loss(hidden: Any, weight: Any, targets: Any, classes: int, seed: int) -> Any:
    drawn = ClassSampler(counts(), classes, seed).draw(targets.numpy())
    chosen, bias = weight[torch.from_numpy(drawn.ids)], torch.from_numpy(drawn.log_weights)
    return linear_cross_entropy(hidden, chosen, torch.from_numpy(drawn.targets), bias=bias)


@given(classes=st.integers(8, 600), seed=st.integers(0, 2**32), width=st.integers(1, 80))
def test_classes_are_distinct_hold_the_targets_and_stand_for_all(classes: int, seed: int, width: int) -> None:
    targets = np.random.default_rng(seed).integers(0, VOCABULARY, (3, width))
    targets[1] = NO_TARGET
    sampler = ClassSampler(counts(), classes, seed)
    drawn = sampler.draw(targets)
    assert np.unique(drawn.ids).size == drawn.ids.size
    assert (drawn.targets[1] == NO_TARGET).all()
    assert np.array_equal(drawn.ids[drawn.targets[[0, 2]]], targets[[0, 2]])
    assert np.exp(drawn.log_weights.astype(np.float64)).sum() == pytest.approx(VOCABULARY, rel=1e-5)
    again = sampler.draw(targets.copy())
    assert np.array_equal(again.ids, drawn.ids)


def test_with_every_class_it_is_the_full_head() -> None:
    results = []
    for classes in (0, VOCABULARY, 8192):
        hidden, weight, targets = problem(1)
        hidden.requires_grad_()
        weight.requires_grad_()
        full = classes == 0
        loss = (
            linear_cross_entropy(hidden, weight, targets) if full else sampled_loss(hidden, weight, targets, classes, 5)
        )
        loss.backward()
        results.append((loss.detach(), hidden.grad, weight.grad))
    for others in results[1:]:
        for one, other in zip(results[0], others, strict=True):
            torch.testing.assert_close(other, one, rtol=1e-5, atol=1e-6)


def test_the_normaliser_is_unbiased() -> None:
    hidden, weight, targets = problem(2)
    valid = targets != NO_TARGET
    exact = (hidden @ weight.t()).double().exp().sum(dim=1)[valid]
    total = torch.zeros_like(exact)
    draws = 400
    for seed in range(draws):
        drawn = ClassSampler(counts(), 120, seed).draw(targets.numpy())
        logits = hidden @ weight[torch.from_numpy(drawn.ids)].t() + torch.from_numpy(drawn.log_weights)
        total += logits.double().exp().sum(dim=1)[valid]
    assert float((total / draws / exact - 1).abs().max()) < 0.05
    assert float((total / draws / exact).mean()) == pytest.approx(1.0, abs=0.01)


def test_the_loss_is_near_the_full_one() -> None:
    hidden, weight, targets = problem(3)
    full = float(linear_cross_entropy(hidden, weight, targets))
    losses = [float(sampled_loss(hidden, weight, targets, 120, seed)) for seed in range(50)]
    assert float(np.mean(losses)) == pytest.approx(full, rel=0.02)
