"""Attention under the mask of :mod:`trainer.objectives`, three ways with one result.

``dense``: the mask as a matrix; the oracle, and what a CPU runs. ``flex``:
``flex_attention`` with the mask as a block-sparse function. ``varlen``: flash
attention over packed segments; GLM's mask is the union of two calls, full
attention inside parts (part A and part B of each example are parts of their
own) and causal attention over whole examples, the first taken for queries of
part A, the second for those of part B. The second call also computes queries
of A and the first those of B, which are thrown away: about 4 % of a step of
GLM-large, for shapes that never change.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from corpus.errors import ConfigError
from trainer.objectives import PADDING, Batch, segment_starts

varlen_attn: Callable[..., Any] | None
try:
    from torch.nn.attention.varlen import varlen_attn
except ImportError:  # torch before 2.10
    varlen_attn = None
_TAKES_WINDOW = varlen_attn is not None and "window_size" in signature(varlen_attn).parameters  # 2.10 had is_causal

_SMALLEST_TABLE = 64  # entries of a table of segment borders; sizes are powers of two so that few shapes occur


class Plan(NamedTuple):
    """The mask of one batch on its device, in the form that ``kind`` needs."""

    kind: str  # "causal" (no borders in any row), "dense", "flex", "varlen"
    mask: Tensor | None = None  # dense: (rows, 1, width, width) bool
    blocks: Any = None  # flex: a BlockMask
    whole: Tensor | None = None  # varlen: (n,) int32, borders of examples over the flattened batch
    parts: Tensor | None = None  # varlen: borders of their parts A and B; None where everything is causal
    in_context: Tensor | None = None  # varlen: (rows * width,) bool, queries of part A
    longest: int = 0  # varlen: upper bound of a segment's length


def backend(name: str, device: torch.device, dtype: torch.dtype) -> str:
    """Return the attention to use for ``name`` (``auto``: the best that the device has).

    Raises:
        ConfigError: ``varlen`` is asked for where it does not exist.
    """
    fast = device.type == "cuda" and dtype in (torch.bfloat16, torch.float16)
    if name == "auto":
        return "varlen" if fast and varlen_attn is not None else "flex" if device.type == "cuda" else "dense"
    if name == "varlen" and device.type == "cuda" and (not fast or varlen_attn is None):
        raise ConfigError(
            "run.attention=varlen needs bfloat16 and a torch with torch.nn.attention.varlen (2.10 or newer)"
        )
    return name


def plan(batch: Batch, kind: str, device: torch.device) -> Plan:
    """Return the plan of ``batch`` for attention ``kind``."""
    if not batch.context_end.any() and not batch.segment.any():
        return Plan("causal")
    if kind == "dense":
        return Plan("dense", mask=_dense_mask(batch, device))
    if kind == "flex":
        return Plan("flex", blocks=_block_mask(batch, device))
    return _varlen_plan(batch, device)


def _dense_mask(batch: Batch, device: torch.device) -> Tensor:
    segment = torch.from_numpy(batch.segment).to(device)
    context = torch.from_numpy(batch.context_end).to(device)
    places = torch.arange(segment.shape[1], device=device)
    seen = (places[None, None, :] <= places[None, :, None]) | (places[None, None, :] < context[:, :, None])
    return (seen & (segment[:, :, None] == segment[:, None, :]))[:, None]


def _block_mask(batch: Batch, device: torch.device) -> Any:
    from torch.nn.attention.flex_attention import create_block_mask

    segment = torch.from_numpy(batch.segment).to(device)
    context = torch.from_numpy(batch.context_end).to(device)

    def seen(b: Tensor, h: Tensor, q: Tensor, k: Tensor) -> Tensor:
        return (segment[b, q] == segment[b, k]) & ((k <= q) | (k < context[b, q]))

    rows, width = batch.segment.shape
    return create_block_mask(seen, rows, None, width, width, device=device)


def _varlen_plan(batch: Batch, device: torch.device) -> Plan:
    rows, width = batch.segment.shape
    starts = segment_starts(batch.segment)
    row = np.arange(rows)[:, None] * width
    whole = np.unique((row + starts).ravel())
    # An upper bound that rarely changes: compiled code depends on it.
    longest = max(256, 1 << int(np.diff(np.append(whole, rows * width)).max() - 1).bit_length())
    if not batch.context_end.any():
        return Plan("varlen", whole=_table(whole, rows * width, device), longest=longest)
    places = np.arange(width)[None, :]
    in_context = places < batch.context_end
    inside = np.where(batch.segment != PADDING, batch.context_end, places)
    # Each example's part A begins with the example, its part B where part A ends.
    parts = np.unique(np.concatenate([whole, (row + np.minimum(inside, width)).ravel()]))
    parts = parts[parts < rows * width]
    return Plan(
        "varlen",
        whole=_table(whole, rows * width, device),
        parts=_table(parts, rows * width, device),
        in_context=torch.from_numpy(in_context.ravel()).to(device),
        longest=longest,
    )


def _table(starts: Any, total: int, device: torch.device) -> Tensor:
    """Return segment borders padded with empty segments at the end."""
    size = max(_SMALLEST_TABLE, 1 << int(starts.size).bit_length())
    table = np.full(size, total, np.int32)
    table[: starts.size] = starts
    return torch.from_numpy(table).to(device)


def attend(q: Tensor, k: Tensor, v: Tensor, plan: Plan, flex: Callable[..., Tensor] | None = None) -> Tensor:
    """Return attention outputs ``(rows, width, heads, size)`` for inputs of the same shape."""
    if plan.kind == "varlen":
        return _varlen(q, k, v, plan)
    q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
    if plan.kind == "causal":
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    elif plan.kind == "dense":
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=plan.mask)
    elif plan.kind == "flex":
        out = (flex or _flex())(q, k, v, block_mask=plan.blocks)
    else:
        raise ValueError(f"unknown attention {plan.kind!r}")
    return out.transpose(1, 2)


def _flex() -> Callable[..., Tensor]:
    from torch.nn.attention.flex_attention import flex_attention

    return flex_attention


def _varlen(q: Tensor, k: Tensor, v: Tensor, plan: Plan) -> Tensor:
    shape = q.shape
    q, k, v = (x.reshape(-1, *shape[2:]) for x in (q, k, v))
    if plan.whole is None:
        raise ValueError("a varlen plan holds the borders of its segments")
    out = _segments(q, k, v, plan.whole, plan.longest, causal=True)
    if plan.parts is not None and plan.in_context is not None:
        full = _segments(q, k, v, plan.parts, plan.longest, causal=False)
        out = torch.where(plan.in_context[:, None, None], full, out)
    return out.view(shape)


def _segments(q: Tensor, k: Tensor, v: Tensor, borders: Tensor, longest: int, *, causal: bool) -> Tensor:
    if q.is_cuda and varlen_attn is not None:
        window: dict[str, Any] = {"window_size": (-1, 0 if causal else -1)} if _TAKES_WINDOW else {"is_causal": causal}
        out: Tensor = varlen_attn(q, k, v, borders, borders, longest, longest, **window)
        return out
    # Without the kernel (CPU): one segment at a time. Slow; the same sums.
    edges = torch.unique(borders).tolist()
    pieces = []
    for a, b in pairwise(edges):
        one_q, one_k, one_v = (x[a:b].transpose(0, 1)[None] for x in (q, k, v))
        pieces.append(F.scaled_dot_product_attention(one_q, one_k, one_v, is_causal=causal)[0].transpose(0, 1))
    return torch.cat(pieces)
