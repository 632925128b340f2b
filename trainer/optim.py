"""Optimiser, schedule, and the policy for steps that must not be applied."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from trainer.config import OptimConfig

_WARM = 100  # good steps before a gradient norm can be called a spike
_DECAY = 0.98  # of the running mean of gradient norms: it remembers some fifty steps


def build_optimizer(model: nn.Module, config: OptimConfig, device: torch.device) -> torch.optim.AdamW:
    """Return AdamW; weight decay on matrices and embeddings, none on biases and layer norms."""
    decayed = [p for p in model.parameters() if p.dim() >= 2]
    free = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": free, "weight_decay": 0.0}]
    return torch.optim.AdamW(
        groups, lr=config.lr, betas=(config.beta1, config.beta2), eps=config.eps, fused=device.type in ("cuda", "cpu")
    )


def learning_rate(step: int, config: OptimConfig) -> float:
    """Return the learning rate of the 0-based ``step``: linear warm-up, then cosine to ``lr * min_lr_ratio``."""
    warm = max(1, round(config.warmup_ratio * config.steps))
    if step < warm:
        return config.lr * (step + 1) / warm
    progress = min(1.0, (step - warm) / max(1, config.steps - warm))
    low = config.lr * config.min_lr_ratio
    return low + 0.5 * (config.lr - low) * (1 + math.cos(math.pi * progress))


@dataclass
class StepGuard:
    """Decides whether a step is applied.

    A step whose loss or gradient norm is not finite is not applied; nor is one
    whose norm is more than ``spike_factor`` times the running mean of the good
    steps before it. Its samples stay consumed. After ``max_bad_steps`` such
    steps in a row the run stops. The state is part of checkpoints.
    """

    spike_factor: float
    max_bad_steps: int
    mean_norm: float = 0.0
    good_steps: int = 0
    bad_in_a_row: int = 0

    def accepts(self, loss: float, norm: float) -> str | None:
        """Return None where the step is to be applied, else why not."""
        reason = None
        if not (math.isfinite(loss) and math.isfinite(norm)):
            reason = "not finite"
        elif self.good_steps >= _WARM and norm > self.spike_factor * self.mean_norm:
            reason = "gradient spike"
        if reason is None:
            weight = max(1 - _DECAY, 1 / (self.good_steps + 1))
            self.mean_norm += weight * (norm - self.mean_norm)
            self.good_steps += 1
            self.bad_in_a_row = 0
        else:
            self.bad_in_a_row += 1
        return reason

    @property
    def exhausted(self) -> bool:
        """True where the run has to stop."""
        return self.bad_in_a_row >= self.max_bad_steps

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {k: v for k, v in asdict(self).items() if k in ("mean_norm", "good_steps", "bad_in_a_row")}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a checkpoint's state."""
        for name, value in state.items():
            setattr(self, name, value)
