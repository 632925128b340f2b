"""How much of each stratum a sample takes: exact sizes from ranks, without all ranks in memory.

A stratum's sample is its documents of smallest (rank, shard, row), so a larger
sample contains the smaller one, and neither workers nor shard order matter. The
border is found in two readings of the candidates: a histogram over the leading
bits of the ranks, then the one bin in which the border lies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpus.shards.selection import Selection

BIN_BITS = 16
_SHIFT = np.uint64(64 - BIN_BITS)

Border = tuple[int, int, int]  # (rank, shard, row) of the first document that is not taken
Candidates = Callable[[], Iterable[pa.Table]]


@dataclass(frozen=True)
class Quota:
    """What is taken: per stratum a border (None: everything) and the numbers behind it.

    ``unit`` is "documents", "tokens" or "characters"; ``available`` and
    ``goals`` are in it. A goal above what is available is not made up from
    other strata.
    """

    borders: tuple[Border | None, ...]
    unit: str
    available: tuple[int, ...]
    goals: tuple[int | None, ...]

    def to_json(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the numbers per stratum, for the manifest."""
        rows = zip(names, self.available, self.goals, strict=True)
        return {"unit": self.unit, "strata": {name: {"available": has, "goal": goal} for name, has, goal in rows}}


def strata_names(selection: Selection) -> tuple[str, ...]:
    """Return the names of the strata in the order of their indices."""
    return tuple(name for name, _ in selection.mix) or ("*",)


def unit_of(selection: Selection, has_tokens: bool) -> str:
    """Return what sizes and shares of ``selection`` are measured in."""
    if selection.sample is not None or (selection.tokens is None and not selection.mix):
        return "documents"
    return "tokens" if has_tokens else "characters"


def decide(candidates: Candidates, selection: Selection, has_tokens: bool) -> Quota:
    """Return the borders that give ``selection`` its size and mix. Reads ``candidates`` up to twice."""
    count = len(strata_names(selection))
    unit = unit_of(selection, has_tokens)
    histogram = np.zeros((count, 1 << BIN_BITS), np.int64)
    for table in candidates():
        bins = (table.column("rank").to_numpy() >> _SHIFT).astype(np.int64)
        places = table.column("stratum").to_numpy().astype(np.int64) << BIN_BITS | bins
        np.add.at(histogram.reshape(-1), places, _sizes(table, unit))
    available = tuple(int(size) for size in histogram.sum(axis=1))
    goals = _goals(selection, available)
    short = [goal is not None and goal < has for goal, has in zip(goals, available, strict=True)]
    borders: list[Border | None] = [None] * count
    if any(short):
        reached = histogram.cumsum(axis=1)
        edges = {
            stratum: int(np.searchsorted(reached[stratum], goal, side="right"))
            for stratum, goal in enumerate(goals)
            if goal is not None and short[stratum]
        }
        held: dict[int, list[pa.Table]] = {stratum: [] for stratum in edges}
        for table in candidates():
            bins = (table.column("rank").to_numpy() >> _SHIFT).astype(np.int64)
            strata = table.column("stratum").to_numpy()
            for stratum, edge in edges.items():
                inside = (strata == stratum) & (bins == edge)
                if inside.any():
                    held[stratum].append(table.filter(pa.array(inside)))
        for stratum, edge in edges.items():
            before = int(reached[stratum, edge - 1]) if edge else 0
            borders[stratum] = _border(pa.concat_tables(held[stratum]), unit, (goals[stratum] or 0) - before)
    return Quota(tuple(borders), unit, available, goals)


def _sizes(table: pa.Table, unit: str) -> NDArray[np.int64]:
    if unit == "documents":
        return np.ones(table.num_rows, np.int64)
    sizes: NDArray[np.int64] = table.column("tokens" if unit == "tokens" else "n_chars").to_numpy()
    return sizes


def _goals(selection: Selection, available: Sequence[int]) -> tuple[int | None, ...]:
    total = selection.sample if selection.sample is not None else selection.tokens
    if not selection.mix:
        return (total,)
    shares = [Fraction(share).limit_denominator(10**9) for _, share in selection.mix]
    if total is None:
        total = min(int(has / share) for has, share in zip(available, shares, strict=True))
    goals = [int(total * share) for share in shares]
    # Largest remainders first, so that the goals sum to the total.
    order = sorted(range(len(shares)), key=lambda i: (goals[i] - total * shares[i], i))
    for index in order[: total - sum(goals)]:
        goals[index] += 1
    return tuple(min(goal, has) if selection.sample is None and selection.tokens is None else goal
                 for goal, has in zip(goals, available, strict=True))  # fmt: skip


def _border(table: pa.Table, unit: str, room: int) -> Border:
    """Return the address of the first document of the bin ``table`` that does not fit into ``room``."""
    rank, shard, row = (table.column(name).to_numpy() for name in ("rank", "shard", "row"))
    order = np.lexsort((row, shard, rank))
    taken = int(np.searchsorted(np.cumsum(_sizes(table, unit)[order]), room, side="right"))
    first = order[taken]
    return int(rank[first]), int(shard[first]), int(row[first])


def taken(table: pa.Table, borders: Sequence[Border | None]) -> NDArray[np.bool_]:
    """Return which rows of a candidates table lie before the border of their stratum."""
    rank, shard, row, strata = (table.column(name).to_numpy() for name in ("rank", "shard", "row", "stratum"))
    mask = np.ones(table.num_rows, np.bool_)
    for stratum, border in enumerate(borders):
        if border is not None:
            inside = strata == stratum
            last = np.uint64(border[0])
            before = (rank < last) | (
                (rank == last) & ((shard < border[1]) | ((shard == border[1]) & (row < border[2])))
            )
            mask &= ~inside | before
    return mask
