"""Verifies candidate pairs by their sketches, and bounds transitive chaining.

Both functions work on streams of Arrow batches, so that an engine can run them
over any part of the data (Spark: ``mapInArrow``; DuckDB: one stream).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from corpus.kernels.buffers import text_buffers
from corpus.kernels.minwise import SIMILARITY_STEPS, similarities, similarity

PAIRS: Final = pa.schema(
    [
        pa.field("a", pa.int64(), nullable=False),  # smaller node
        pa.field("b", pa.int64(), nullable=False),
        pa.field("similarity", pa.int32(), nullable=False),  # in steps of 1e-4
    ]
)

LED: Final = pa.schema(
    [
        pa.field("component", pa.int64(), nullable=False),
        pa.field("position", pa.int64(), nullable=False),  # rank of the node in its component, 0 the best
        pa.field("k", pa.int64(), nullable=False),
        pa.field("earlier", pa.int32(), nullable=False),
        pa.field("leader", pa.int64()),  # itself for a leader; null: not near any of the first leaders, not yet decided
        pa.field("similarity", pa.int32(), nullable=False),
    ]
)


def threshold_steps(threshold: float) -> int:
    """Return ``threshold`` in the steps in which similarities are quantised."""
    return round(threshold * SIMILARITY_STEPS)


def sketch_matrix(column: pa.Array) -> NDArray[np.uint64]:
    """Return a column of equally long sketches as an n x words matrix (a view where the buffer allows)."""
    if not len(column):
        return np.zeros((0, 1), dtype=np.uint64)
    data, offsets = text_buffers(column)
    return data[offsets[0] : offsets[-1]].view(np.uint8).reshape(len(column), -1).view(np.uint64)


@dataclass(frozen=True, slots=True)
class VerifyPairs:
    """Keeps the candidate pairs (a, b, left, right) whose sketches reach the threshold."""

    threshold: int  # in steps of 1e-4

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the near pairs of each batch, with their similarity, as PAIRS."""
        for batch in batches:
            estimates = similarities(
                sketch_matrix(batch.column("left_sketch")), sketch_matrix(batch.column("right_sketch"))
            )
            near = pa.array(estimates >= self.threshold)
            columns = [
                batch.column("a").filter(near),
                batch.column("b").filter(near),
                pa.array(estimates.astype(np.int32)).filter(near),
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=PAIRS)


@njit(cache=True, nogil=True)
def _lead(
    components: Any,
    nodes: Any,
    earlier: Any,
    sketches: Any,
    threshold: int,
    leader_sketches: Any,
    leader_nodes: Any,
    state: Any,
    positions: Any,
    led_by: Any,
    decided: Any,
    out: Any,
) -> None:
    """Give each node to the first leader of its component that it is near; without one it becomes a leader.

    ``state`` carries (component, leaders so far, position) from batch to batch.
    """
    for row in range(len(components)):
        if components[row] != state[0] or state[2] < 0:
            state[0] = components[row]
            state[1] = 0
            state[2] = 0
        positions[row] = state[2]
        state[2] += 1
        decided[row] = False
        led_by[row] = nodes[row]
        out[row] = SIMILARITY_STEPS
        if earlier[row] == 0:
            for index in range(state[1]):
                estimate = similarity(leader_sketches[index], sketches[row])
                if estimate >= threshold:
                    led_by[row] = leader_nodes[index]
                    out[row] = estimate
                    decided[row] = True
                    break
        if not decided[row] and state[1] < len(leader_nodes):
            leader_sketches[state[1]] = sketches[row]
            leader_nodes[state[1]] = nodes[row]
            state[1] += 1
            decided[row] = True


@dataclass(frozen=True, slots=True)
class LeadComponents:
    """Cuts components: every member ends near its leader (its keeper's text).

    Rows (component, k, earlier, sketch) arrive component by component, best
    first. Each is compared with the component's leaders in order of rank, at
    most ``leaders`` of them, so a component of n costs at most n * leaders
    comparisons. What is near none of a full list stays undecided.
    A node published by an earlier build (``earlier`` = 1) always leads.
    """

    threshold: int
    leaders: int

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield one row of LED for each row."""
        state = np.array([0, 0, -1], dtype=np.int64)
        leader_nodes = np.zeros(self.leaders, dtype=np.int64)
        leader_sketches = np.zeros((0, 0), dtype=np.uint64)
        for batch in batches:
            if batch.num_rows == 0:
                continue
            sketches = sketch_matrix(batch.column("sketch"))
            if leader_sketches.size == 0:
                leader_sketches = np.zeros((self.leaders, sketches.shape[1]), dtype=np.uint64)
            rows = batch.num_rows
            positions, led_by, estimates = (np.empty(rows, dtype=np.int64) for _ in range(3))
            decided = np.empty(rows, dtype=np.bool_)
            _lead(
                batch.column("component").to_numpy(),
                batch.column("k").to_numpy(),
                batch.column("earlier").to_numpy(),
                sketches,
                self.threshold,
                leader_sketches,
                leader_nodes,
                state,
                positions,
                led_by,
                decided,
                estimates,
            )
            columns = [
                batch.column("component"),
                pa.array(positions),
                batch.column("k"),
                batch.column("earlier"),
                pa.array(led_by, mask=~decided),
                pa.array(estimates.astype(np.int32)),
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=LED)
