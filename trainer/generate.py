"""Text from a checkpoint, to look at: CPM continues a prompt, GLM fills a generation mask.

Works on token ids; the caller has the tokenizer. The whole context is computed
for every token (no cache): meant for samples, not for service.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from trainer import attention, checkpoint
from trainer.blank_infilling import build_prefix
from trainer.checkpoint import Checkpoint
from trainer.distributed import Place
from trainer.model import Inputs, Transformer
from trainer.objectives import Batch, SpecialTokens


def load_model(path: Path, device: str = "cpu") -> tuple[Transformer, Checkpoint]:
    """Load the model of a checkpoint (or of a run's newest one) for inference."""
    found = checkpoint.read(path)
    place = Place(0, 1, torch.device(device), torch.float32)
    model = Transformer(found.config.model)
    checkpoint.restore_weights(found, model, place)
    return model.to(place.device).eval(), found


@torch.no_grad()
def generate(
    model: Transformer,
    found: Checkpoint,
    prompt: list[int],
    length: int,
    *,
    temperature: float = 0.8,
    top_k: int = 40,
    seed: int = 0,
) -> list[int]:
    """Return up to ``length`` new ids after ``prompt``; ends at the end-of-document token (or GLM's end of piece).

    ``temperature`` 0 takes the most probable token.
    """
    config = found.config
    special = SpecialTokens.of(found.meta["tokenizer"], config.objective.kind)
    random = torch.Generator().manual_seed(seed)
    device = model.tokens.weight.device
    made: list[int] = []
    stop = {special.eod}
    if special.glm is not None:
        stop.add(special.glm.eop)
    for _ in range(length):
        batch = _batch(prompt, made, special, config.model.max_positions)
        if batch is None:
            break
        logits = _logits(model, batch, device)
        logits[special.glm.sop if special.glm else special.pad] = -torch.inf
        logits[int(found.meta["tokenizer"]["vocab_size"]) :] = -torch.inf
        token = _choose(logits, temperature, top_k, random)
        if token in stop:
            break
        made.append(token)
    return made


def _batch(prompt: list[int], made: list[int], special: SpecialTokens, positions: int) -> Batch | None:
    """Return the batch whose last position predicts the next token, or None where the context is full."""
    if special.glm is not None:
        text = np.array([special.glm.cls, *prompt, *made, special.eod], np.int64)
        example = build_prefix(text, 1 + len(prompt), special.glm)
        if len(made) + 1 >= positions or len(prompt) + 2 >= positions:
            return None
        shape = (1, example.ids.size)
        return Batch(
            example.ids[None],
            example.targets[None],
            example.positions[None],
            example.block_positions[None],
            np.zeros(shape, np.int32),
            np.full(shape, example.separator, np.int32),
        )
    # A document begins after an end-of-document token, as in the stream.
    ids = np.array([prompt + made if prompt + made else [special.eod]], np.int64)
    if ids.shape[1] > positions:
        return None
    places = np.arange(ids.shape[1])[None]
    zeros = np.zeros(ids.shape, np.int32)
    return Batch(ids, np.full_like(ids, -100), places, None, zeros, zeros)


def _logits(model: Transformer, batch: Batch, device: torch.device) -> torch.Tensor:
    block = None if batch.block_positions is None else torch.from_numpy(batch.block_positions).to(device)
    inputs = Inputs(
        torch.from_numpy(batch.ids).to(device),
        torch.from_numpy(batch.positions).to(device),
        block,
        attention.plan(batch, "dense", device),
    )
    hidden = model.trunk(*inputs[:4])[0, -1]
    return (hidden.float() @ model.tokens.weight.float().t()).cpu()


def _choose(logits: torch.Tensor, temperature: float, top_k: int, random: torch.Generator) -> int:
    if temperature <= 0:
        return int(logits.argmax())
    if top_k:
        limit = torch.topk(logits, min(top_k, logits.numel())).values[-1]
        logits = logits.masked_fill(logits < limit, -torch.inf)
    return int(torch.multinomial(torch.softmax(logits / temperature, -1), 1, generator=random))


def describe(found: Checkpoint) -> dict[str, Any]:
    """Return what a person wants to know about a checkpoint before reading its samples."""
    return {
        "preset": found.config.name,
        "step": found.meta["step"],
        "consumed": found.meta["consumed"],
        "tokenizer": found.meta["tokenizer"]["name"],
    }
