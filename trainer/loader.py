"""Micro-batches for one rank, built ahead of time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from types import TracebackType
from typing import Generic, TypeVar

from trainer.config import ObjectiveConfig, TrainConfig
from trainer.data import TokenDataset
from trainer.manifest import TokenManifest
from trainer.objectives import Batch, SpecialTokens, build_batch, dataset_length


class BatchBuilder:
    """Builds the batch of any range of samples of a split. Picklable: a worker process opens the shards itself."""

    def __init__(self, manifest: TokenManifest, split: str, config: TrainConfig) -> None:
        self._manifest = manifest
        self._split = split
        self._data = config.data
        self._objective: ObjectiveConfig = config.objective
        self._special = SpecialTokens.of(manifest.tokenizer, config.objective.kind)
        self._dataset: TokenDataset | None = None

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_dataset": None}

    @property
    def dataset(self) -> TokenDataset:
        """The dataset, opened at first use."""
        if self._dataset is None:
            self._dataset = TokenDataset(self._manifest, self._split, dataset_length(self._objective), self._data)
        return self._dataset

    def build(self, first: int, count: int) -> Batch:
        """Return the batch of the samples ``first .. first + count``."""
        # Validation draws its masks from another seed than training does.
        seed = self._data.seed if self._split == "train" else self._data.seed + 1
        return build_batch(self.dataset, first, count, self._objective, self._special, seed)


_builder: BatchBuilder | None = None  # of this worker process; set once by its initialiser


def _adopt(builder: BatchBuilder) -> None:
    global _builder
    _builder = builder


def _build(first: int, count: int) -> Batch:
    if _builder is None:
        raise RuntimeError("a loader's worker was started without its builder")
    return _builder.build(first, count)


Ready = TypeVar("Ready")


class Loader(Generic[Ready]):
    """Yields this rank's micro-batches of every step, in order, from a number of consumed samples on.

    Step s takes the samples ``s * batch .. (s + 1) * batch``; each rank takes
    one contiguous part of them, cut into micro-batches. ``finish`` (copying to
    the device, say) is applied to each on the loader's thread. Use as a
    context manager.
    """

    def __init__(
        self,
        builder: BatchBuilder,
        config: TrainConfig,
        rank: int,
        world: int,
        finish: Callable[[Batch], Ready],
    ) -> None:
        self._builder = builder
        self._batch = config.optim.batch
        self._micro = config.optim.micro_batch
        self._share = config.optim.batch // world
        self._rank = rank
        self._ahead = max(1, config.data.prefetch)
        self._workers = config.data.workers
        self._finish = finish
        self._thread: ThreadPoolExecutor | None = None
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Loader[Ready]:
        if self._workers:
            self._pool = ProcessPoolExecutor(self._workers, get_context("spawn"), _adopt, (self._builder,))
        self._thread = ThreadPoolExecutor(1, "loader")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        executors: list[Executor | None] = [self._thread, self._pool]
        for executor in executors:
            if executor is not None:
                executor.shutdown(wait=True, cancel_futures=True)

    def ranges(self, consumed: int) -> Iterator[int]:
        """Yield the first sample of each of this rank's micro-batches, without end."""
        step = consumed
        while True:
            start = step + self._rank * self._share
            yield from range(start, start + self._share, self._micro)
            step += self._batch

    def batches(self, consumed: int, steps: int) -> Iterator[list[Ready]]:
        """Yield the micro-batches of each of ``steps`` steps; nothing beyond them is built."""
        if self._thread is None:
            raise RuntimeError("use the loader as a context manager")
        per_step = self._share // self._micro
        remaining = steps * per_step
        starts = self.ranges(consumed)
        waiting: deque[Future[Ready]] = deque()
        for _ in range(steps):
            step: list[Ready] = []
            for _ in range(per_step):
                while remaining and len(waiting) <= self._ahead:
                    waiting.append(self._submit(self._thread, next(starts)))
                    remaining -= 1
                step.append(waiting.popleft().result())
            yield step

    def _submit(self, thread: ThreadPoolExecutor, first: int) -> Future[Ready]:
        if self._pool is None:
            return thread.submit(lambda: self._finish(self._builder.build(first, self._micro)))
        built = self._pool.submit(_build, first, self._micro)
        return thread.submit(lambda: self._finish(built.result()))
