"""The training loop.

Whatever the number of ranks, step s sees the same samples and the loss is the
mean over the targets of the whole step. Random numbers of dropout are seeded
by (seed, step, rank), so a resumed run repeats the uninterrupted one; on a CPU
bit for bit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from corpus.errors import ConfigError, WudaoError
from trainer import attention, checkpoint, distributed, manifest
from trainer.config import TrainConfig, check
from trainer.distributed import Place
from trainer.loader import BatchBuilder, Loader
from trainer.logs import RunLog
from trainer.model import Inputs, Transformer, training_flops
from trainer.objectives import NO_TARGET, Batch
from trainer.optim import StepGuard, build_optimizer, learning_rate
from trainer.sampled_head import ClassSampler
from trainer.unigrams import ENTROPY_TOKENS, START_TOKENS, entropy, start_from, target_counts

# Dense bfloat16 peak in FLOP/s, from the vendors' data sheets (SXM parts, no sparsity).
PEAK_FLOPS = {"H100": 989e12, "H200": 989e12, "H800": 989e12, "B200": 2250e12, "A100": 312e12, "A800": 312e12}


class TrainingError(WudaoError):
    """A run that cannot go on."""


@dataclass(frozen=True)
class Summary:
    """How a run ended."""

    step: int
    train_loss: float
    valid_loss: float | None
    unigram_entropy: float | None


class Prepared(NamedTuple):
    """A micro-batch on its device, with what was counted while it was still in NumPy."""

    inputs: Inputs
    tokens: int
    targets: int
    flops: int


def to_inputs(batch: Batch, kind: str, device: torch.device) -> Inputs:
    """Copy a batch to its device. Where few positions bear loss, the head sees only these (padded to few shapes)."""
    flat = batch.targets.ravel()
    places = np.flatnonzero(flat != NO_TARGET)
    targets, where = batch.targets, None
    bucket = max(256, flat.size // 16)
    size = max(bucket, -(-places.size // bucket) * bucket)
    if size < flat.size:
        where = np.zeros(size, np.int64)
        where[: places.size] = places
        targets = np.full(size, NO_TARGET, np.int64)
        targets[: places.size] = flat[places]

    def send(array: Any) -> torch.Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(array))
        return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor

    return Inputs(
        send(batch.ids),
        send(batch.positions),
        None if batch.block_positions is None else send(batch.block_positions),
        attention.plan(batch, kind, device),
        send(targets),
        None if where is None else send(where),
    )


class Trainer:
    """One run: construct, then :meth:`run`. Everything that can be wrong is found before the first step."""

    def __init__(self, config: TrainConfig, tokens: str, out: Path, init_from: Path | None = None) -> None:
        self.config = config
        self.tokens = tokens
        self.out = out
        self.init_from = init_from
        self.step = 0
        self.consumed = 0
        self.sampler: ClassSampler | None = None

    def prepare(self) -> None:
        """Check the configuration and the data, build the model, load the newest checkpoint of the run.

        Raises:
            ConfigError, CorruptionError: one sentence each.
        """
        check(self.config, distributed.world_size())
        cache = self.config.data.cache or str(self.out / "cache")
        self.shards = manifest.read_manifest(self.tokens, cache)
        tokenizer = self.shards.tokenizer
        vocab = self.config.model.vocab or int(tokenizer["padded_vocab_size"])
        if vocab < int(tokenizer["vocab_size"]):
            raise ConfigError(
                f"model.vocab = {vocab}, but the tokenizer of the shards has {tokenizer['vocab_size']} ids; "
                f"leave model.vocab at 0 or tokenise with the model's tokenizer"
            )
        self.config = replace(
            self.config,
            model=replace(self.config.model, vocab=vocab),
            data=replace(self.config.data, cache=cache),
        )
        found = checkpoint.latest(self.out / "checkpoints")
        start = None if self.init_from is None or found is not None else checkpoint.read(self.init_from)
        if found is not None:
            checkpoint.check_resume(found, self.config, tokenizer["sha256"], self.shards.root_hash)
        elif start is not None:
            checkpoint.check_weights(start, self.config, tokenizer["sha256"])
        self.builder = BatchBuilder(self.shards, "train", self.config)
        self.place: Place = distributed.start(self.config.run)
        self.kind = attention.backend(self.config.run.attention, self.place.device, self.place.dtype)
        manifest.verify(self.shards, self.config.data.verify, self.place.rank, self.place.world)
        if self.builder.dataset.tokens < self.builder.dataset.length + 1:
            raise ConfigError(
                f"{self.tokens}: the train split is shorter than one sample of {self.builder.dataset.length}"
            )
        self.validation = BatchBuilder(self.shards, "valid", self.config) if self.shards.of_split("valid") else None
        self._build_model(fresh=found is None and start is None)
        if found is not None:
            checkpoint.restore(found, self.model, self.optimizer, self.place)
            self.step, self.consumed = found.meta["step"], found.meta["consumed"]
            self.guard.restore(found.meta["guard"])
        elif start is not None:
            checkpoint.restore_weights(start, self.model, self.place)

    def _build_model(self, fresh: bool) -> None:
        run, model, optim = self.config.run, self.config.model, self.config.optim
        bare = Transformer(model)
        bare.initialise(self.config.data.seed)
        if optim.unigram_start or optim.sampled_classes:
            counts = target_counts(self.builder, model.vocab, START_TOKENS)
            if fresh and optim.unigram_start:
                start_from(bare, counts)
            if optim.sampled_classes:
                self.sampler = ClassSampler(counts, optim.sampled_classes, self.config.data.seed)
        bare.to(self.place.device)
        if self.kind == "flex" and self.place.device.type == "cuda":
            from torch.nn.attention.flex_attention import flex_attention

            compiled = torch.compile(flex_attention, dynamic=False)
            for block in bare.blocks:
                block.attention.flex = compiled  # type: ignore[union-attr]
        self.model: nn.Module = distributed.wrap(bare, run, self.place)
        self.optimizer = build_optimizer(self.model, self.config.optim, self.place.device)
        self.guard = StepGuard(run.spike_factor, run.max_bad_steps)

    def run(self, report: Callable[[str], None] = lambda line: None) -> Summary:
        """Train to the last step and return how it ended; ``report`` gets one line per log entry on the first rank.

        Raises:
            TrainingError: too many steps in a row could not be applied.
        """
        run, optim = self.config.run, self.config.optim
        log = RunLog(self.out, run.tensorboard)
        if self.place.first:
            log.open(self.step)
        loss, valid, floor = math.nan, None, None
        began, seen_flops, seen_tokens, seen_steps = time.perf_counter(), 0, 0, 0
        with Loader(self.builder, self.config, self.place.rank, self.place.world, self.prepare_batch) as loader:
            for batches in loader.batches(self.consumed, optim.steps - self.step):
                loss, norm, reason, tokens, flops = self._step(batches)
                seen_tokens, seen_flops, seen_steps = seen_tokens + tokens, seen_flops + flops, seen_steps + 1
                if self.guard.exhausted:
                    raise TrainingError(
                        f"step {self.step}: {self.guard.bad_in_a_row} steps in a row were not applied ({reason}); "
                        f"the last checkpoint in {self.out / 'checkpoints'} is sound, lower "
                        f"optim.lr and start again from it"
                    )
                if self.step % run.log_every == 0 or reason or self.step == optim.steps:
                    seconds = time.perf_counter() - began
                    rate, mfu = seen_tokens / seconds, self._utilisation(seen_flops / seconds)
                    if self.place.first:
                        lr = learning_rate(self.step - 1, optim)
                        values = {"loss": loss, "grad_norm": norm, "lr": lr, "tokens_per_second": rate, "mfu": mfu}
                        ms = 1e3 * seconds / seen_steps
                        log.write(self.step, "train", **values, step_ms=ms, consumed=self.consumed, not_applied=reason)
                        report(
                            f"step {self.step}/{optim.steps}  loss {loss:.4f}  norm {norm:.2f}  lr {lr:.2e}  "
                            f"{rate:,.0f} tokens/s"
                            + (f"  MFU {mfu:.1%}" if mfu else "")
                            + (f"  NOT APPLIED: {reason}" if reason else "")
                        )
                    began, seen_flops, seen_tokens, seen_steps = time.perf_counter(), 0, 0, 0
                if self.validation is not None and (self.step % run.eval_every == 0 or self.step == optim.steps):
                    valid = self.evaluate(self.validation)
                    if self.place.first:
                        if floor is None:
                            floor = entropy(target_counts(self.validation, self.config.model.vocab, ENTROPY_TOKENS))
                        log.write(self.step, "valid", loss=valid, unigram_entropy=floor)
                        report(f"step {self.step}  valid loss {valid:.4f}  (unigram entropy {floor:.4f})")
                    began, seen_flops, seen_tokens, seen_steps = time.perf_counter(), 0, 0, 0
                if self.step % run.checkpoint_every == 0 or self.step == optim.steps:
                    self.save()
                    began, seen_flops, seen_tokens, seen_steps = time.perf_counter(), 0, 0, 0
        if self.place.first:
            log.close()
        return Summary(self.step, loss, valid, floor)

    def prepare_batch(self, batch: Batch) -> Prepared:
        """Copy a micro-batch to the device and count its work."""
        config, tokens, targets = self.config.model, batch.tokens, batch.target_count
        pairs = batch.attended_pairs()
        if self.sampler is None:
            flops = training_flops(config, tokens, targets, pairs)
            return Prepared(to_inputs(batch, self.kind, self.place.device), tokens, targets, flops)
        classes = self.sampler.draw(batch.targets)
        inputs = to_inputs(replace(batch, targets=classes.targets), self.kind, self.place.device)._replace(
            classes=torch.from_numpy(classes.ids).to(self.place.device),
            class_log_weights=torch.from_numpy(classes.log_weights).to(self.place.device),
        )
        flops = training_flops(config, tokens, targets, pairs, classes.ids.size)
        return Prepared(inputs, tokens, targets, flops)

    def _step(self, batches: list[Prepared]) -> tuple[float, float, str | None, int, int]:
        """Do one step; return (loss, gradient norm, why it was not applied, tokens and FLOPs over all ranks)."""
        optim = self.config.optim
        torch.manual_seed((self.config.data.seed * 1_000_003 + self.step) * 4096 + self.place.rank)
        targets, tokens, flops = self.place.sum(
            sum(b.targets for b in batches), sum(b.tokens for b in batches), sum(b.flops for b in batches)
        )
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        total = torch.zeros((), device=self.place.device)
        for i, batch in enumerate(batches):
            with distributed.accumulate(self.model, i == len(batches) - 1), self.place.autocast():
                loss = self.model(batch.inputs)
                # DDP and FSDP average over ranks; what is wanted is the sum over all targets / their number.
                (loss * (self.place.world / max(targets, 1.0))).backward()
            total += loss.detach()
        norm = float(distributed.clip(self.model, optim.clip))
        mean = self.place.sum(float(total))[0] / max(targets, 1.0)
        reason = self.guard.accepts(mean, norm)
        if reason is None:
            for group in self.optimizer.param_groups:
                group["lr"] = learning_rate(self.step, optim)
            self.optimizer.step()
        self.step += 1
        self.consumed += optim.batch
        return mean, norm, reason, int(tokens), int(flops)

    @torch.no_grad()
    def evaluate(self, builder: BatchBuilder) -> float:
        """Return the mean loss in nats over ``run.eval_samples`` samples."""
        size = self.config.optim.micro_batch
        count = -(-self.config.run.eval_samples // (size * self.place.world)) * size * self.place.world
        loss = targets = 0.0
        self.model.eval()
        for first in range(self.place.rank * size, count, size * self.place.world):
            batch = builder.build(first, size)
            with self.place.autocast():
                loss += float(self.model(to_inputs(batch, self.kind, self.place.device)))
            targets += batch.target_count
        self.model.train()
        loss, targets = self.place.sum(loss, targets)
        return loss / max(targets, 1.0)

    def save(self) -> Path:
        """Write a checkpoint of the present step."""
        meta = {
            "step": self.step,
            "consumed": self.consumed,
            "config": self.config.to_dict(),
            "resume_hash": self.config.resume_hash(),
            "model_hash": self.config.model_hash(),
            "tokenizer": self.shards.tokenizer,
            "tokenizer_sha256": self.shards.tokenizer["sha256"],
            "data_hash": self.shards.root_hash,
            "guard": self.guard.state(),
            "torch": torch.__version__,
        }
        folder = self.out / "checkpoints"
        keep = self.config.run.keep_checkpoints
        return checkpoint.save(folder, self.step, self.model, self.optimizer, meta, self.place, keep)

    def _utilisation(self, flops_per_second: float) -> float | None:
        """Return model FLOPs utilisation against the peak of all devices, None where the peak is not known."""
        peak = device_peak(self.place.device)
        return None if peak is None else flops_per_second / (peak * self.place.world)


def device_peak(device: torch.device) -> float | None:
    """Return the bfloat16 peak of a GPU in FLOP/s, None for a device that is not in the table."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return next((peak for part, peak in PEAK_FLOPS.items() if part in name), None)
