"""One Transformer for CPM and GLM: pre-LN, fused QKV, tied head; learned, 2-D block or rotary positions.

With learned positions it is GPT-2 (CPM); with two position tables, one of
them for places inside a blank, it is GLM. Weights keep Megatron's layout:
``qkv`` is query, key and value one after the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainer.attention import Plan, attend
from trainer.config import ModelConfig
from trainer.head import chunk_step, linear_cross_entropy


class Inputs(NamedTuple):
    """A batch on its device."""

    ids: Tensor  # (rows, width)
    positions: Tensor
    block_positions: Tensor | None
    plan: Plan
    targets: Tensor | None = None  # (rows, width), or (n,) with ``where``; negative: no loss
    where: Tensor | None = None  # (n,) flat places of the targets; None: everywhere
    classes: Tensor | None = None  # (classes,) that the head computes and targets are places in; None: all
    class_log_weights: Tensor | None = None


class Attention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.rotary = config.positions == "rotary"
        self.base = config.rotary_base
        self.qkv = nn.Linear(config.hidden, 3 * config.hidden)
        self.out = nn.Linear(config.hidden, config.hidden)
        self.flex: Callable[..., Tensor] | None = None

    def forward(self, x: Tensor, positions: Tensor, plan: Plan) -> Tensor:
        rows, width, hidden = x.shape
        q, k, v = (part.view(rows, width, self.heads, -1) for part in self.qkv(x).split(hidden, dim=-1))
        if self.rotary:
            q, k = rotate(q, positions, self.base), rotate(k, positions, self.base)
        out: Tensor = self.out(attend(q, k, v, plan, self.flex).reshape(rows, width, hidden))
        return out


def rotate(x: Tensor, positions: Tensor, base: float) -> Tensor:
    """Apply rotary embeddings (Su et al. 2021), halves convention, to ``(rows, width, heads, size)``."""
    half = x.shape[-1] // 2
    frequency = base ** (-torch.arange(half, device=x.device, dtype=torch.float32) / half)
    angle = positions[..., None].float() * frequency
    cos, sin = angle.cos()[:, :, None], angle.sin()[:, :, None]
    a, b = x[..., :half].float(), x[..., half:].float()
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1).to(x.dtype)


class Block(nn.Module):
    """Attention and MLP, each behind its layer norm."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.hidden, eps=config.layer_norm_eps)
        self.attention = Attention(config)
        self.norm2 = nn.LayerNorm(config.hidden, eps=config.layer_norm_eps)
        self.up = nn.Linear(config.hidden, 4 * config.hidden)
        self.down = nn.Linear(4 * config.hidden, config.hidden)
        self.dropout = config.dropout
        self.approximate = "tanh" if config.gelu == "tanh" else "none"

    def forward(self, x: Tensor, positions: Tensor, plan: Plan) -> Tensor:
        x = x + self._drop(self.attention(self.norm1(x), positions, plan))
        return x + self._drop(self.down(F.gelu(self.up(self.norm2(x)), approximate=self.approximate)))

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training) if self.dropout else x


class Transformer(nn.Module):
    """The model. ``forward`` gives the summed loss where there are targets, else logits."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        if config.vocab <= 0:
            raise ValueError("model.vocab must be set before a model is built")
        self.config = config
        self.tokens = nn.Embedding(config.vocab, config.hidden)
        self.positions = None if config.positions == "rotary" else nn.Embedding(config.max_positions, config.hidden)
        self.block_positions = (
            nn.Embedding(config.max_positions, config.hidden) if config.positions == "block2d" else None
        )
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.hidden, eps=config.layer_norm_eps)
        self.head_step: Callable[..., tuple[Tensor, Tensor]] = chunk_step

    def initialise(self, seed: int) -> None:
        """Draw weights from N(0, init_std), of output projections / sqrt(2 layers); biases are zero, norms one."""
        generator = torch.Generator(device="cpu").manual_seed(seed)
        narrow = self.config.init_std / math.sqrt(2 * self.config.layers)
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                if parameter.dim() < 2:
                    parameter.fill_(1.0 if "norm" in name and name.endswith("weight") else 0.0)
                    continue
                std = narrow if name.endswith(("out.weight", "down.weight")) else self.config.init_std
                drawn = torch.empty(parameter.shape, dtype=torch.float32).normal_(0.0, std, generator=generator)
                parameter.copy_(drawn)

    def trunk(self, ids: Tensor, positions: Tensor, block_positions: Tensor | None, plan: Plan) -> Tensor:
        """Return final hidden states ``(rows, width, hidden)``."""
        x = self.tokens(ids)
        if self.positions is not None:
            x = x + self.positions(positions)
        if self.block_positions is not None and block_positions is not None:
            x = x + self.block_positions(block_positions)
        if torch.is_autocast_enabled(x.device.type):
            x = x.to(torch.get_autocast_dtype(x.device.type))  # the residual stream too: half the memory traffic
        if self.config.dropout:
            x = F.dropout(x, self.config.dropout, self.training)
        for block in self.blocks:
            x = block(x, positions, plan)
        out: Tensor = self.norm(x)
        return out

    def forward(self, inputs: Inputs) -> Tensor:
        hidden = self.trunk(inputs.ids, inputs.positions, inputs.block_positions, inputs.plan)
        flat = hidden.reshape(-1, hidden.shape[-1])
        if torch.is_autocast_enabled(flat.device.type):
            flat = flat.to(torch.get_autocast_dtype(flat.device.type))
        if inputs.targets is None:
            return (flat @ self.tokens.weight.to(flat.dtype).t()).float().view(*hidden.shape[:-1], -1)
        if inputs.where is not None:
            flat = flat.index_select(0, inputs.where)
        with torch.autocast(flat.device.type, enabled=False):
            weight, targets = self.tokens.weight, inputs.targets.reshape(-1)
            if inputs.classes is not None:
                weight = F.embedding(inputs.classes, weight)
            return linear_cross_entropy(flat, weight, targets, self.head_step, inputs.class_log_weights)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compile the trunk as a whole, and the head's chunk; shapes are static."""
        self.trunk = torch.compile(self.trunk, dynamic=False)  # type: ignore[method-assign]
        self.head_step = torch.compile(chunk_step, dynamic=False)


def matmul_parameters(config: ModelConfig) -> tuple[int, int]:
    """Return weights that every token is multiplied with: (in the blocks, in the head)."""
    return config.layers * 12 * config.hidden**2, config.vocab * config.hidden


def training_flops(config: ModelConfig, tokens: int, targets: int, pairs: int, classes: int = 0) -> int:
    """Return the floating-point operations of forward and backward for what really had to be computed.

    6 per weight and token in the blocks, 6 per weight and target in the head
    (of ``classes`` where not all are computed),
    and 12 x layers x hidden per query-key pair that the mask allows (scores
    and sums, both forward once and backward twice). Padding, recomputation and
    masked blocks count nothing.
    """
    blocks, head = matmul_parameters(config)
    head = classes * config.hidden if classes else head
    return 6 * blocks * tokens + 6 * head * targets + 12 * config.layers * config.hidden * pairs
