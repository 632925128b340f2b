"""Cross-entropy of the tied head without the full matrix of logits.

Rows of hidden states are taken in chunks; each chunk's logits give its loss
and, in the same pass, the gradients of hidden states and weights, so that
nothing is computed twice and at most one chunk of logits exists (the idea of
Liger's fused linear cross-entropy, Hsu et al. 2024).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

CHUNK_ELEMENTS = 1 << 28  # logits of a chunk on a GPU: 512 MiB in bfloat16
CPU_CHUNK_ELEMENTS = 1 << 22  # on a CPU: what its caches hold nearly


def _chunk(hidden: Tensor, weight: Tensor, targets: Tensor, bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return (summed loss, gradient by the logits in the type of ``hidden``) of one chunk; targets < 0 do not count."""
    logits = (hidden @ weight.t()).float()
    if bias is not None:
        logits += bias
    valid = targets >= 0
    safe = torch.where(valid, targets, 0)
    picked = logits.gather(1, safe[:, None])[:, 0]
    top = logits.amax(dim=-1)
    # In place, one exponential per logit: on a CPU these passes cost a third of the head.
    weights = logits.sub_(top[:, None]).exp_()
    norm = weights.sum(dim=-1)
    loss = torch.where(valid, norm.log() + top - picked, 0.0).sum()
    gradient = weights.mul_(torch.where(valid, norm.reciprocal(), 0.0)[:, None])  # zero where there is no target
    gradient.scatter_add_(1, safe[:, None], -valid[:, None].to(gradient.dtype))
    return loss, gradient.to(hidden.dtype)


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        targets: Tensor,
        bias: Tensor | None,
        step: Callable[..., tuple[Tensor, Tensor]],
        need: bool,
    ) -> Tensor:
        cast = weight.to(hidden.dtype)
        rows = max(1, (CHUNK_ELEMENTS if hidden.is_cuda else CPU_CHUNK_ELEMENTS) // weight.shape[0])
        # Equal chunks: one shape for the compiler.
        count = -(-hidden.shape[0] // rows)
        rows = -(-hidden.shape[0] // count)
        loss = torch.zeros((), dtype=torch.float32, device=hidden.device)
        grad_hidden = torch.empty_like(hidden) if need else None
        grad_weight = torch.zeros_like(weight, dtype=torch.float32) if need else None
        for a in range(0, hidden.shape[0], rows):
            part = hidden[a : a + rows]
            part_loss, gradient = step(part, cast, targets[a : a + rows], bias)
            loss += part_loss
            if grad_hidden is not None and grad_weight is not None:
                grad_hidden[a : a + rows] = gradient @ cast
                if gradient.dtype == torch.float32:
                    grad_weight.addmm_(gradient.t(), part)
                else:
                    grad_weight += gradient.t() @ part
        ctx.save_for_backward(grad_hidden, grad_weight)
        return loss

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        grad_hidden, grad_weight = ctx.saved_tensors
        return grad_hidden * grads[0].to(grad_hidden.dtype), grad_weight * grads[0], None, None, None, None


def linear_cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    step: Callable[..., tuple[Tensor, Tensor]] = _chunk,
    bias: Tensor | None = None,
) -> Tensor:
    """Return the summed cross-entropy (float32) of ``hidden @ weight.T + bias`` against ``targets``.

    ``hidden``: ``(n, size)``, ``weight``: ``(vocabulary, size)``, ``targets``:
    ``(n,)``, negative where there is none. ``step``: :func:`chunk_step`, or it compiled.
    ``bias``: ``(vocabulary,)``, without a gradient.
    """
    need = torch.is_grad_enabled() and (hidden.requires_grad or weight.requires_grad)  # inside forward it is off
    loss: Tensor = _LinearCrossEntropy.apply(hidden, weight, targets, bias, step, need)  # type: ignore[no-untyped-call]
    return loss


chunk_step = _chunk
