"""Configurations are checked before a run; the learning rate and the guard of its steps follow theirs."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import pytest

pytest.importorskip("torch", reason="torch is not installed (extra 'train')")

from corpus.errors import ConfigError
from trainer.config import ObjectiveConfig, check
from trainer.optim import StepGuard, learning_rate
from trainer.presets import preset


def test_objective_configuration_is_checked() -> None:
    good = preset("glm-large")
    check(good, world=8)
    with pytest.raises(ConfigError, match="cannot be divided by 3 ranks"):
        check(good, world=3)
    with pytest.raises(ConfigError, match="needs 1026 positions"):
        check(dataclasses.replace(good, objective=ObjectiveConfig(kind="glm", length=1025)), world=1)
    with pytest.raises(ConfigError, match=r"needs model\.positions=block2d"):
        check(dataclasses.replace(preset("cpm-109m"), objective=ObjectiveConfig(kind="glm", length=512)), world=1)
    with pytest.raises(ConfigError, match="no preset 'gpt-5'"):
        preset("gpt-5")
    with pytest.raises(ConfigError, match="optim has no 'learning_rate'"):
        good.override(["optim.learning_rate=1"])
    with pytest.raises(ConfigError, match="'fast' is not a value"):
        good.override(["optim.lr=fast"])
    assert good.override(["optim.lr=1", 'data.weights={"legal": 2}', "run.compile=null"]).optim.lr == 1.0


def test_schedule() -> None:
    optim = dataclasses.replace(preset("glm-large").optim, lr=1.0, steps=1000, warmup_ratio=0.1, min_lr_ratio=0.1)
    rates = [learning_rate(step, optim) for step in range(1001)]
    assert rates[0] == pytest.approx(0.01)
    assert rates[99] == 1.0
    assert rates[1000] == pytest.approx(0.1)
    assert all(a >= b for a, b in pairwise(rates[100:]))


def test_step_guard_refuses_spikes() -> None:
    guard = StepGuard(spike_factor=4.0, max_bad_steps=2)
    assert all(guard.accepts(1.0, 1.0 + 0.1 * (i % 3)) is None for i in range(120))
    assert guard.accepts(1.0, 6.0) == "gradient spike"
    assert guard.accepts(float("inf"), 1.0) == "not finite"
    assert guard.exhausted
    other = StepGuard(4.0, 2)
    other.restore(guard.state())
    assert other.exhausted
    assert other.accepts(1.0, 1.0) is None
    assert not other.exhausted
