"""Text from a checkpoint, to look at: CPM continues a prompt, GLM continues it or fills a mask in it.

Works on token ids; the caller has the tokenizer (``wudao generate``). The whole context is computed
for every token (no cache): meant for samples, not for service.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from corpus.errors import ConfigError
from trainer import attention, checkpoint
from trainer.checkpoint import Checkpoint
from trainer.config import TrainConfig
from trainer.distributed import Place
from trainer.model import Inputs, Transformer
from trainer.objectives import NO_TARGET, Batch, SpecialTokens


def load_model(path: Path, device: str = "cpu") -> tuple[Transformer, Checkpoint]:
    """Load the model of a checkpoint (or of a run's newest one) for inference.

    Raises:
        ConfigError: there is no checkpoint or no such device.
        CorruptionError: the checkpoint cannot be read.
    """
    found = checkpoint.read(path)
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ConfigError(f"--device {device}: this machine has no CUDA device; use cpu")
    try:
        place = Place(0, 1, torch.device(device), torch.float32)
    except RuntimeError:
        raise ConfigError(f"--device {device}: there is no such kind of device; use cpu or cuda") from None
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

    A prompt for GLM may hold one mask token (``mask``, ``smask``, ``gmask``),
    which is then filled; without one the text is continued. ``temperature`` 0
    takes the most probable token. The result is a function of weights, prompt
    and these values.

    Raises:
        ConfigError: the model cannot continue this prompt, in one sentence.
    """
    config = found.config
    tokenizer = found.meta["tokenizer"]
    special = SpecialTokens.of(tokenizer, config.objective.kind)
    context = _context(prompt, special, config)
    random = torch.Generator().manual_seed(seed)
    device = model.tokens.weight.device
    stop = {special.eod} if special.glm is None else {special.eod, special.glm.eop}
    forbidden = sorted({int(i) for i in tokenizer["special_ids"].values()} - stop)
    made: list[int] = []
    while len(made) < length and _fits(len(context), len(made), special, config.model.max_positions):
        logits = _logits(model, _batch(context, made, special), device)
        logits[forbidden] = -torch.inf
        logits[int(tokenizer["vocab_size"]) :] = -torch.inf
        token = _choose(logits, temperature, top_k, random)
        if token in stop:
            break
        made.append(token)
    return made


def _context(prompt: list[int], special: SpecialTokens, config: TrainConfig) -> list[int]:
    """Return the ids that stand before the first new one: for GLM part A."""
    kind, limit = config.objective.kind, config.model.max_positions
    if kind == "mlm":
        raise ConfigError(
            "a model of the mlm objective fills single masks and cannot write text; take a causal or glm one"
        )
    if special.glm is None:
        if not prompt and config.objective.document_mask:
            raise ConfigError(
                "the prompt is empty, but this model was trained with objective.document_mask, where the first token "
                "of a document is never predicted; give it the beginning of a text"
            )
        # Without borders between documents a new one begins after an end-of-document token, as in the stream.
        context = prompt or [special.eod]
    else:
        blanks = sum(i in (special.glm.mask, special.glm.smask, special.glm.gmask) for i in prompt)
        if blanks > 1:
            raise ConfigError(f"the prompt has {blanks} masks, but one at a time is filled")
        context = [special.glm.cls, *prompt, special.eod if blanks else special.glm.gmask]
    if not _fits(len(context), 0, special, limit):
        raise ConfigError(f"the prompt has {len(prompt)} tokens, too many for a model of {limit} positions; shorten it")
    return context


def _fits(context: int, made: int, special: SpecialTokens, positions: int) -> bool:
    if special.glm is None:
        return context + made <= positions
    return context <= positions and made + 1 < positions  # block positions count from 1


def _batch(context: list[int], made: list[int], special: SpecialTokens) -> Batch:
    """Return the batch whose last position predicts the next token."""
    if special.glm is None:
        ids = np.array([context + made], np.int64)
        places = np.arange(ids.shape[1])[None]
        zeros = np.zeros(ids.shape, np.int32)
        return Batch(ids, np.full_like(ids, NO_TARGET), places, None, zeros, zeros)
    masks = (special.glm.mask, special.glm.smask, special.glm.gmask)
    place = next(i for i, token in enumerate(context) if token in masks)
    ids = np.array([[*context, special.glm.sop, *made]], np.int64)
    positions = np.full(ids.shape, place, np.int64)
    positions[0, : len(context)] = np.arange(len(context))
    blocks = np.zeros(ids.shape, np.int64)
    blocks[0, len(context) :] = np.arange(1, len(made) + 2)
    shape = ids.shape
    zeros, separator = np.zeros(shape, np.int32), np.full(shape, len(context), np.int32)
    return Batch(ids, np.full_like(ids, NO_TARGET), positions, blocks, zeros, separator)


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
    """Return what a caller needs before it can write prompts: whose weights these are, and which tokenizer's ids."""
    return {
        "preset": found.config.name,
        "objective": found.config.objective.kind,
        "step": found.meta["step"],
        "tokenizer": found.meta["tokenizer"],
    }


def serve(
    prompts: Iterable[str], checkpoint_path: Path, device: str, count: int, length: int, **sampling: Any
) -> Iterator[str]:
    """Yield JSON lines: a description (:func:`describe`), then ``count`` samples (lists of ids) per line of prompts.

    ``prompts`` are JSON arrays of ids, one a line. Sample k of a prompt is
    drawn with seed ``seed + k``.
    """
    model, found = load_model(checkpoint_path, device)
    yield json.dumps(describe(found))
    seed = sampling.pop("seed")
    for line in prompts:
        prompt = json.loads(line)
        for k in range(count):
            yield json.dumps(generate(model, found, prompt, length, seed=seed + k, **sampling))
