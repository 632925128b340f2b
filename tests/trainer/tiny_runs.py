"""Training runs of two layers on a CPU."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="torch is not installed (extra 'train')")

from trainer.config import TrainConfig
from trainer.presets import preset
from trainer.train import Trainer


def tiny(kind: str = "causal", **overrides: Any) -> TrainConfig:
    config = preset("glm-tiny" if kind == "glm" else "cpm-tiny")
    settings = {
        "model.layers": 2,
        "model.hidden": 32,
        "model.dropout": 0.1,
        "objective.length": 48,
        "optim.batch": 8,
        "optim.micro_batch": 4,
        "optim.steps": 8,
        "run.eval_every": 4,
        "run.eval_samples": 8,
        "run.checkpoint_every": 4,
        "run.log_every": 1,
        "run.tensorboard": False,
        "data.extent_documents": 16,
        "data.block_extents": 4,
        **{key.replace("__", "."): value for key, value in overrides.items()},
    }
    return config.override([f"{key}={json.dumps(value)}" for key, value in settings.items()])


def train(config: TrainConfig, tokens: Path, out: Path, init_from: Path | None = None) -> Trainer:
    trainer = Trainer(config, str(tokens), out, init_from)
    trainer.prepare()
    trainer.run()
    return trainer
