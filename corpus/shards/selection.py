"""Which documents of a corpus belong to a subset: conditions, strata, and a rank that orders a sample.

Everything here is a function of single rows. What needs all rows (how many of
each stratum are taken) is decided between the passes, in
:mod:`corpus.shards.quota`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpus.errors import ConfigError
from corpus.shards.where import Where

REST = "*"  # in a mix: documents of none of the domains that it names
MIN_SCORE = 0.0  # labels carry only domains at or above their threshold already

# One row for each document of a shard that satisfies the conditions.
CANDIDATES = pa.schema(
    [
        pa.field("shard", pa.int32(), nullable=False),  # index of the shard that holds the row
        pa.field("row", pa.int32(), nullable=False),  # row in that shard
        pa.field("rank", pa.uint64(), nullable=False),  # uniform; the smallest ranks of a stratum are its sample
        pa.field("stratum", pa.int8(), nullable=False),  # index into the mix; 0 without one
        pa.field("n_chars", pa.int64(), nullable=False),
        pa.field("tokens", pa.int64(), nullable=False),  # 0 where the corpus has no token shards
    ]
)


@dataclass(frozen=True)
class Selection:
    """What ``wudao extract`` is asked for.

    ``domains`` and ``source_types``: any of them; empty means all.
    ``min_score`` applies to the domains named in ``domains`` and ``mix``.
    ``mix``: (domain or ``*``, share) in the order given; a document counts for
    the best of its domains that the mix names. Shares are of tokens, of
    characters where there are no token shards, of documents with ``sample``.
    """

    domains: tuple[str, ...] = ()
    min_score: float = MIN_SCORE
    source_types: tuple[str, ...] = ()
    split: str | None = None
    where: str | None = None
    sample: int | None = None
    tokens: int | None = None
    mix: tuple[tuple[str, float], ...] = ()
    seed: int = 0

    def conditions(self) -> dict[str, Any]:
        """Return the part that decides row by row, as JSON values."""
        return {
            "domains": sorted(self.domains),
            "min_score": self.min_score,
            "source_types": sorted(self.source_types),
            "split": self.split,
            "where": self.where,
            "strata": [name for name, _ in self.mix],
            "seed": self.seed,
        }

    def to_json(self) -> dict[str, Any]:
        """Return the whole selection as JSON values, for the manifest."""
        shares = dict(self.mix)
        del (told := self.conditions())["strata"]
        return told | {"sample": self.sample, "tokens": self.tokens, "mix": shares}

    def check(self, tables: Mapping[str, Sequence[str]], has_tokens: bool) -> None:
        """Raise ConfigError where a name is not one of the corpus, or a size cannot be measured in it."""
        named = [*self.domains, *(name for name, _ in self.mix if name != REST)]
        for name in named:
            _known(name, tables["domains"], "domain")
        for name in self.source_types:
            _known(name, tables["source_types"], "source type")
        if self.sample is not None and self.tokens is not None:
            raise ConfigError("--sample and --tokens exclude each other: a size is in documents or in tokens")
        if self.tokens is not None and not has_tokens:
            raise ConfigError("--tokens: this corpus has no token shards; run `wudao tokenise` first, or use --sample")
        if any(size is not None and size < 1 for size in (self.sample, self.tokens)):
            raise ConfigError("--sample and --tokens: at least 1")
        if not 0 <= self.min_score <= 1:
            raise ConfigError(f"--min-score: {self.min_score} is not between 0 and 1")


def parse_mix(text: str) -> tuple[tuple[str, float], ...]:
    """Return ``medical=0.3,finance=0.2,*=0.5`` as pairs whose shares sum to 1.

    Raises ConfigError for anything else.
    """
    pairs: dict[str, float] = {}
    for entry in text.split(","):
        name, equals, share = (part.strip() for part in entry.partition("="))
        try:
            value = float(share)
        except ValueError:
            value = -1.0
        if not name or not equals or not 0 < value <= 1 or name in pairs:
            raise ConfigError(f"--mix: '{entry.strip()}' is not domain=share, each domain once, shares above 0 up to 1")
        pairs[name] = value
    if abs(sum(pairs.values()) - 1) > 1e-6:
        raise ConfigError(f"--mix: the shares sum to {sum(pairs.values()):g}, not 1; add '*=…' for all other documents")
    return tuple(pairs.items())


def parse_count(text: str) -> int:
    """Return ``10B``, ``2.5M``, ``300k`` or ``1000`` as a number. Raises ConfigError for anything else."""
    scales = {"k": 10**3, "m": 10**6, "b": 10**9, "g": 10**9, "t": 10**12}
    plain = text.strip().lower().replace("_", "").replace(",", "")
    scale = scales.get(plain[-1:], 1)
    try:
        # Through 1e6 so that 0.1B is exactly 100 million.
        value = round(float(plain[:-1] if scale > 1 else plain) * 10**6) * scale // 10**6
    except (ValueError, OverflowError):
        raise ConfigError(f"--tokens: '{text}' is not a number such as 300k, 2.5M or 10B") from None
    if value < 1:
        raise ConfigError(f"--tokens: '{text}' is below 1")
    return value


def _known(name: str, table: Sequence[str], what: str) -> None:
    if name not in table:
        near = difflib.get_close_matches(name, table, 1)
        meant = f"; did you mean '{near[0]}'?" if near else f"; it has {', '.join(table)}"
        raise ConfigError(f"this corpus has no {what} '{name}'{meant}")


class RowFilter:
    """Applies the row-wise part of a selection to batches of the corpus schema ``schema``."""

    def __init__(self, selection: Selection, schema: pa.Schema) -> None:
        self.selection = selection
        self._where = Where(selection.where, schema) if selection.where is not None else None
        self._strata = {name: index for index, (name, _) in enumerate(selection.mix) if name != REST}
        self._rest = next((index for index, (name, _) in enumerate(selection.mix) if name == REST), -1)

    @property
    def columns(self) -> list[str]:
        """The columns that :meth:`candidates` reads."""
        read = {"doc_key", "domains", "source_type", "n_chars"}
        return sorted(read | set(self._where.columns if self._where is not None else ()))

    def candidates(self, batch: pa.RecordBatch) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.int8]]:
        """Return positions, ranks and strata of the rows that satisfy the conditions, in row order."""
        selection = self.selection
        mask = np.ones(batch.num_rows, np.bool_)
        if selection.domains:
            mask &= domain_mask(batch.column("domains"), selection.domains, selection.min_score)
        if selection.source_types:
            wanted = pa.array(selection.source_types, pa.string())
            mask &= pc.is_in(batch.column("source_type"), value_set=wanted).to_numpy(zero_copy_only=False)
        if self._where is not None:
            mask &= self._where.mask(batch)
        strata = np.zeros(batch.num_rows, np.int8)
        if selection.mix:
            strata = self._stratum(batch.column("domains"))
            mask &= strata >= 0
        rows = np.flatnonzero(mask)
        return rows, ranks(batch.column("doc_key"), selection.seed)[rows], strata[rows]

    def _stratum(self, domains: pa.ListArray) -> NDArray[np.int8]:
        """Return each row's index into the mix: its best domain that the mix names, else ``*``, else -1."""
        strata = np.full(len(domains), self._rest, np.int8)
        rows, names, scores = _entries(domains)
        known = pa.array(list(self._strata), pa.string())
        codes = np.array(list(self._strata.values()), np.int8)
        index = pc.fill_null(pc.index_in(names, value_set=known), -1).to_numpy()
        usable = (index >= 0) & (scores >= np.float32(self.selection.min_score))
        # Domains lie best first, so the last written, in reverse order, is the best.
        held = np.flatnonzero(usable)[::-1]
        strata[rows[held]] = codes[index[held]]
        return strata


def _entries(domains: pa.ListArray) -> tuple[NDArray[np.int64], pa.Array, NDArray[np.float32]]:
    """Return parent row, name and score of every domain in a ``domains`` column."""
    flat = domains.flatten()
    rows = pc.list_parent_indices(domains).to_numpy()
    scores = pc.fill_null(flat.field("score"), 0).to_numpy(zero_copy_only=False)
    return rows.astype(np.int64), flat.field("name"), scores


def domain_mask(domains: pa.ListArray, wanted: Sequence[str], min_score: float) -> NDArray[np.bool_]:
    """Return which rows carry one of the domains ``wanted`` with at least ``min_score``."""
    rows, names, scores = _entries(domains)
    named = pc.is_in(names, value_set=pa.array(wanted, pa.string())).to_numpy(zero_copy_only=False)
    mask = np.zeros(len(domains), np.bool_)
    # Scores are float32: a threshold of 0.8 must take the score that was stored as 0.8.
    mask[rows[named & (scores >= np.float32(min_score))]] = True
    return mask


def ranks(doc_keys: pa.Array, seed: int) -> NDArray[np.uint64]:
    """Return a uniform 64-bit number for each key that depends on nothing but key and seed."""
    if len(doc_keys) == 0:
        return np.zeros(0, np.uint64)
    raw = np.frombuffer(doc_keys.buffers()[1], "<u8").reshape(-1, 2)
    words = raw[doc_keys.offset : doc_keys.offset + len(doc_keys)]
    return _mix(words[:, 0] ^ _mix(words[:, 1] + np.uint64(seed & (2**64 - 1))))


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """splitmix64's output function (Steele, Lea and Flood, OOPSLA 2014)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
