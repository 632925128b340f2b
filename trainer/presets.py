"""Named configurations: CPM-1 and GLM's Chinese models as published, and tiny ones for a CPU."""

from __future__ import annotations

import dataclasses
from typing import Any

from corpus.errors import ConfigError
from trainer.config import ModelConfig, ObjectiveConfig, OptimConfig, RunConfig, TrainConfig


def _cpm(layers: int, hidden: int, heads: int, **optim: Any) -> TrainConfig:
    """CPM-1: lr 1.5e-4, 3,072 samples of 1,024 tokens (card); cosine to 1e-5, warm-up 1 %, decay .01 (code)."""
    return TrainConfig(
        model=ModelConfig(layers=layers, hidden=hidden, heads=heads, max_positions=1024),
        objective=ObjectiveConfig(kind="causal", length=1024),
        optim=OptimConfig(**{"lr": 1.5e-4, "min_lr_ratio": 1 / 15, "batch": 3072, "steps": 20_000, **optim}),
    )


def _glm(layers: int, hidden: int, heads: int, objective: ObjectiveConfig, optim: OptimConfig) -> TrainConfig:
    """THUDM/GLM: positions and block positions of 1,025 rows each, no more than 1,024 tokens."""
    return TrainConfig(
        model=ModelConfig(layers=layers, hidden=hidden, heads=heads, positions="block2d", max_positions=1025),
        objective=objective,
        optim=optim,
    )


def _tiny(model: ModelConfig, objective: ObjectiveConfig, steps: int) -> TrainConfig:
    """For a CPU, both within ten minutes on two cores: a step of the head computes a sixth of 50,000 pieces."""
    return TrainConfig(
        model=model,
        objective=objective,
        optim=OptimConfig(
            lr=3e-3,
            batch=8,
            micro_batch=8,
            steps=steps,
            warmup_ratio=0.05,
            weight_decay=0.1,
            min_lr_ratio=0.05,
            unigram_start=True,
            sampled_classes=8192,
        ),
        run=RunConfig(eval_every=200, eval_samples=128, checkpoint_every=400),
    )


def presets() -> dict[str, TrainConfig]:
    """Return the presets by name. Sizes without embeddings of another vocabulary: see docs and facts of each model."""
    large = ObjectiveConfig(kind="glm", length=512)
    ten = ObjectiveConfig(
        kind="glm", length=512, token_share=0.5, sentence_share=0.3, block_mask_prob=0.0, mode_group=21
    )
    small: dict[str, Any] = {"layers": 2, "hidden": 128, "heads": 4, "dropout": 0.0}
    table = {
        "cpm-109m": _cpm(12, 768, 12),
        "cpm-334m": _cpm(24, 1024, 16),
        "cpm-1.3b": _cpm(24, 2048, 32),
        "cpm-2.6b": _cpm(32, 2560, 32),
        "glm-large-zh": _glm(
            24,
            1024,
            16,
            large,
            OptimConfig(lr=4e-4, weight_decay=0.01, beta2=0.98, eps=1e-6, warmup_ratio=0.04, batch=1024, steps=250_000),
        ),
        "glm-10b-zh": _glm(
            48,
            4096,
            64,
            ten,
            OptimConfig(
                lr=1e-4, weight_decay=0.1, beta2=0.95, warmup_ratio=0.04, batch=1344, micro_batch=1, steps=150_000
            ),
        ),
        "cpm-tiny": _tiny(
            ModelConfig(max_positions=256, **small), ObjectiveConfig(kind="causal", length=128), steps=1500
        ),
        "glm-tiny": _tiny(
            ModelConfig(positions="block2d", max_positions=257, **small),
            ObjectiveConfig(kind="glm", length=128, mode_group=8),
            steps=600,
        ),
    }
    return {name: dataclasses.replace(config, name=name) for name, config in table.items()}


def preset(name: str) -> TrainConfig:
    """Return a preset; ``glm-large`` and ``glm-10b`` are short for the Chinese ones.

    Raises:
        ConfigError: there is no such preset.
    """
    table = presets()
    found = table.get(name) or table.get(f"{name}-zh")
    if found is None:
        raise ConfigError(f"there is no preset {name!r}; there are {', '.join(table)}")
    return found
