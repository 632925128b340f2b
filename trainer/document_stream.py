"""Documents in a seeded order, epoch after epoch, as one endless stream of tokens that can be read anywhere.

Documents are ordered in two levels. Extents (runs of consecutive documents of
one shard) are permuted; then the documents of each block (some consecutive
extents of that order) are permuted together. Only the permutation of extents
and the tokens before each block are kept, so the index is small, finding a
token is two binary searches, and reading stays local. The stream is cut into
windows, and the windows of a group (about a block) are permuted, so that the
samples of a batch are not one long document.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.config import DataConfig
from trainer.manifest import ShardCache, TokenManifest
from trainer.randomness import generator

_BLOCKS_KEPT = 4  # a group of windows is as long as an average block: it touches two or three
_GROUPS_KEPT = 2
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Extents:
    """Runs of consecutive documents, with what they hold of each domain (last column: no domain)."""

    shard: npt.NDArray[np.int32]  # (extents,)
    first: npt.NDArray[np.int64]  # first row in the shard
    rows: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.int64]  # (extents, domains + 1)
    prompts: bool  # some document has a prefix without loss

    @staticmethod
    def scan(cache: ShardCache, domains: int, documents: int) -> Extents:
        """Build the index by reading every shard's offsets and domains once (about 9 bytes per document)."""
        shard: list[int] = []
        first: list[int] = []
        rows: list[int] = []
        tokens: list[npt.NDArray[np.int64]] = []
        prompts = False
        for i, columns in enumerate(cache):
            lengths = np.diff(columns.offsets)
            code = np.where(columns.domain < 0, domains, columns.domain).astype(np.int64)
            prompts = prompts or bool((columns.prompt_len > 0).any())
            for start in range(0, lengths.size, documents):
                part = slice(start, min(start + documents, lengths.size))
                shard.append(i)
                first.append(start)
                rows.append(part.stop - start)
                counts = np.bincount(code[part], weights=lengths[part], minlength=domains + 1)
                tokens.append(counts.astype(np.int64))
        return Extents(
            np.array(shard, np.int32),
            np.array(first, np.int64),
            np.array(rows, np.int64),
            np.array(tokens, np.int64).reshape(-1, domains + 1),
            prompts,
        )

    @staticmethod
    def load(manifest: TokenManifest, cache: ShardCache, split: str, config: DataConfig) -> Extents:
        """Read the index from the cache folder, or build and store it there."""
        domains = len(manifest.domains)
        name = hashlib.sha256(f"{manifest.root_hash} {split} {config.extent_documents} 1".encode()).hexdigest()[:24]
        path = Path(config.cache) / f"index-{name}.npz" if config.cache else None
        if path is not None and path.is_file():
            with np.load(path, allow_pickle=False) as stored:
                return Extents(
                    stored["shard"], stored["first"], stored["rows"], stored["tokens"], bool(stored["prompts"])
                )
        built = Extents.scan(cache, domains, config.extent_documents)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f"{secrets.token_hex(4)}-{path.name}")
            np.savez(
                part, shard=built.shard, first=built.first, rows=built.rows, tokens=built.tokens, prompts=built.prompts
            )
            os.replace(part, path)
        return built


@dataclass(frozen=True)
class _Block:
    """The documents of one block in their order, and the tokens before each."""

    shard: npt.NDArray[np.int32]
    begin: npt.NDArray[np.int64]  # in the shard's values
    before: npt.NDArray[np.int64]  # (documents + 1,), tokens before each document in the block
    prompt: npt.NDArray[np.int32]


class DocumentStream:
    """An endless stream of tokens: all documents (or those of one domain), epoch after epoch, each in its own order."""

    def __init__(self, cache: ShardCache, extents: Extents, config: DataConfig, domain: int | None, salt: int) -> None:
        self._cache = cache
        self._extents = extents
        self._config = config
        self._domain = domain
        self._salt = salt
        self._tokens = extents.tokens.sum(axis=1) if domain is None else extents.tokens[:, domain]
        self.total = int(self._tokens.sum())  # tokens of one epoch
        self._epochs: OrderedDict[int, tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = OrderedDict()
        self._blocks: OrderedDict[tuple[int, int], _Block] = OrderedDict()
        self._groups: OrderedDict[tuple[int, int], IntArray] = OrderedDict()

    def read(self, start: int, count: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]:
        """Return tokens ``start .. start + count`` and, where documents have prompts, which of them bear no loss."""
        first = self._cache[0].values
        tokens = np.empty(count, first.dtype)
        silent = np.zeros(count, bool) if self._extents.prompts else None
        done = 0
        while done < count:
            epoch, position = divmod(start + done, self.total)
            order, before = self._epoch(epoch)
            b = int(np.searchsorted(before, position, side="right")) - 1
            block = self._block(epoch, b, order)
            offset = position - int(before[b])
            take = min(count - done, int(before[b + 1]) - position)
            self._copy(
                block, offset, tokens[done : done + take], None if silent is None else silent[done : done + take]
            )
            done += take
        return tokens, silent

    def windows(self, first: int, count: int, length: int) -> IntArray:
        """Return which windows are the samples ``first .. first + count``: a permutation within each group."""
        blocks = -(-self._tokens.size // self._config.block_extents)
        size = max(1, min(self._config.shuffle_samples, self.total // blocks // length))
        indices = np.arange(first, first + count)
        result = np.empty(count, np.int64)
        for group in range(first // size, (first + count - 1) // size + 1):
            order = self._groups.get((group, size))
            if order is None:
                order = generator(self._config.seed, self._salt + (2 << 32), group).permutation(size)
                self._groups[group, size] = order
                if len(self._groups) > _GROUPS_KEPT:
                    self._groups.popitem(last=False)
            mine = indices // size == group
            result[mine] = group * size + order[indices[mine] % size]
        return result

    def _copy(self, block: _Block, offset: int, out: npt.NDArray[Any], silent: npt.NDArray[np.bool_] | None) -> None:
        d = int(np.searchsorted(block.before, offset, side="right")) - 1
        last = int(np.searchsorted(block.before, offset + out.size, side="left"))
        cache = self._cache
        shards = block.shard[d:last].tolist()
        begins = block.begin[d:last].tolist()
        lengths = np.diff(block.before[d : last + 1]).tolist()
        skip = offset - int(block.before[d])
        at, size = 0, out.size
        for i, (shard, begin, length) in enumerate(zip(shards, begins, lengths, strict=True)):
            n = min(length - skip, size - at)
            out[at : at + n] = cache[shard].values[begin + skip : begin + skip + n]
            if silent is not None:
                silent[at : at + max(0, min(int(block.prompt[d + i]) - skip, n))] = True
            at += n
            skip = 0

    def _epoch(self, epoch: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return (order of extents, tokens before each block) of an epoch."""
        found = self._epochs.get(epoch)
        if found is None:
            order = generator(self._config.seed, self._salt, epoch).permutation(self._tokens.size)
            edges = np.arange(0, order.size, self._config.block_extents)
            sums = np.add.reduceat(self._tokens[order], edges)
            found = order, np.concatenate([np.zeros(1, np.int64), np.cumsum(sums)])
            self._epochs[epoch] = found
            if len(self._epochs) > 2:
                self._epochs.popitem(last=False)
        return found

    def _block(self, epoch: int, b: int, order: npt.NDArray[np.int64]) -> _Block:
        found = self._blocks.get((epoch, b))
        if found is not None:
            self._blocks.move_to_end((epoch, b))
            return found
        size = self._config.block_extents
        parts = [self._documents(int(e)) for e in order[b * size : (b + 1) * size]]
        shard, begin, length, prompt = (np.concatenate(column) for column in zip(*parts, strict=True))
        shuffled = generator(self._config.seed, self._salt + (1 << 32), epoch, b).permutation(shard.size)
        before = np.concatenate([np.zeros(1, np.int64), np.cumsum(length[shuffled])])
        found = _Block(shard[shuffled], begin[shuffled], before, prompt[shuffled])
        self._blocks[epoch, b] = found
        if len(self._blocks) > _BLOCKS_KEPT:
            self._blocks.popitem(last=False)
        return found

    def _documents(self, extent: int) -> tuple[npt.NDArray[Any], ...]:
        """Return shard, begin, length and prompt length of an extent's documents."""
        e = self._extents
        i, first, rows = int(e.shard[extent]), int(e.first[extent]), int(e.rows[extent])
        columns = self._cache[i]
        edges = columns.offsets[first : first + rows + 1]
        begin, length, prompt = edges[:-1], np.diff(edges), columns.prompt_len[first : first + rows]
        if self._domain is not None:
            domains = e.tokens.shape[1] - 1
            code = columns.domain[first : first + rows]
            mine = (code < 0) if self._domain == domains else (code == self._domain)
            begin, length, prompt = begin[mine], length[mine], prompt[mine]
        return np.full(begin.size, i, np.int32), begin, length, prompt
