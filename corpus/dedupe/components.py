"""Connected components of verified pairs, and the greedy choice of leaders among what is left.

Union-find in one process takes 24 bytes a pair and some millions of pairs a
second; above ``residual_edges`` the engine first contracts the graph (every
node goes to the root of its chain of smallest neighbours), which leaves a
small fraction of it, in a handful of rounds also on a chain.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from corpus.dedupe.session import Session


@njit(cache=True, nogil=True)
def _find(parents: Any, node: Any) -> Any:
    while parents[node] != node:
        parents[node] = parents[parents[node]]
        node = parents[node]
    return node


@njit(cache=True, nogil=True)
def _union(left: Any, right: Any, parents: Any) -> None:
    """Join the nodes of every edge; the smaller root wins, so that a root is its component's smallest node."""
    for edge in range(len(left)):
        a = _find(parents, left[edge])
        b = _find(parents, right[edge])
        if a < b:
            parents[b] = a
        elif b < a:
            parents[a] = b
    for node in range(len(parents)):
        parents[node] = _find(parents, node)


def component_labels(left: NDArray[np.int64], right: NDArray[np.int64]) -> pa.Table:
    """Return (k, root) for every node of the edges (left, right): root is the smallest node of its component."""
    nodes = np.unique(np.concatenate([left, right]))
    parents = np.arange(len(nodes), dtype=np.int64)
    _union(np.searchsorted(nodes, left), np.searchsorted(nodes, right), parents)
    return pa.table({"k": nodes, "root": nodes[parents]})


def edge_arrays(session: Session, select: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the two int64 columns of ``select``."""
    lefts: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
    rights: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
    for batch in session.arrow(select):
        lefts.append(batch.column(0).to_numpy(zero_copy_only=False))
        rights.append(batch.column(1).to_numpy(zero_copy_only=False))
    return np.concatenate(lefts), np.concatenate(rights)


def find_components(session: Session, edges: str, labels: str, residual_edges: int) -> None:
    """Leave table ``labels`` (k, root): the component of every node of table ``edges`` (a, b, ...)."""
    rounds = 0
    current = edges
    while session.count(current) > residual_edges:
        rounds += 1
        _contract(session, current, f"{labels}_parents_{rounds}", f"{labels}_edges_{rounds}")
        if current != edges:
            session.drop(current)
        current = f"{labels}_edges_{rounds}"
    residual = component_labels(*edge_arrays(session, f"SELECT a, b FROM {current}"))  # noqa: S608
    if current != edges:
        session.drop(current)
    if rounds == 0:
        session.register(labels, residual)
        return
    inner = f"{labels}_inner_{rounds}"
    session.register(inner, residual)
    for number in range(rounds, 0, -1):
        parents = f"{labels}_parents_{number}"
        outer = labels if number == 1 else f"{labels}_inner_{number - 1}"
        session.create(
            outer,
            f"SELECT p.k, coalesce(i.root, p.root) AS root FROM {parents} p "  # noqa: S608
            f"LEFT JOIN {inner} i ON p.root = i.k",
        )
        session.drop(parents)
        session.drop(inner)
        inner = outer


def _contract(session: Session, edges: str, parents: str, contracted: str) -> None:
    """Leave ``parents`` (k, root) for every node of ``edges`` and ``contracted`` (a, b): the edges between roots."""
    session.create(
        f"{parents}_jump_0",
        f"SELECT k, min(root) AS root FROM (SELECT b AS k, a AS root FROM {edges} "  # noqa: S608
        f"UNION ALL SELECT a, a FROM {edges}) t GROUP BY k",
    )
    jump = 0
    while True:
        source, target = f"{parents}_jump_{jump}", f"{parents}_jump_{jump + 1}"
        session.create(target, f"SELECT p.k, q.root FROM {source} p JOIN {source} q ON p.root = q.k")  # noqa: S608
        session.view(
            f"{target}_moved",
            f"SELECT n.k FROM {target} n JOIN {target} q ON n.root = q.k WHERE q.root <> n.root",  # noqa: S608
        )
        moved = session.count(f"{target}_moved")
        session.drop(f"{target}_moved")
        session.drop(source)
        jump += 1
        if moved == 0:
            break
    session.create(parents, f"SELECT k, root FROM {parents}_jump_{jump}")  # noqa: S608
    session.drop(f"{parents}_jump_{jump}")
    session.create(
        contracted,
        "SELECT DISTINCT least(x.root, y.root) AS a, greatest(x.root, y.root) AS b "  # noqa: S608
        f"FROM {edges} e JOIN {parents} x ON e.a = x.k JOIN {parents} y ON e.b = y.k WHERE x.root <> y.root",
    )


@njit(cache=True, nogil=True)
def _lead_greedily(starts: Any, neighbours: Any, weights: Any, earlier: Any, leaders: Any, similarity: Any) -> None:
    for node in range(len(leaders)):
        if leaders[node] >= 0:
            continue
        leaders[node] = node
        for index in range(starts[node], starts[node + 1]):
            other = neighbours[index]
            if leaders[other] < 0 and earlier[other] == 0:
                leaders[other] = node
                similarity[other] = weights[index]


def lead_greedily(
    left: NDArray[np.int64], right: NDArray[np.int64], weights: NDArray[np.int32], earlier: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Choose leaders over pairs alone: the lexicographically first maximal independent set.

    Nodes are 0..n-1, best first (n = length of ``earlier``); pairs (left,
    right) name them in either order. Returns (leader, similarity to it in
    steps of 1e-4) of each node. Linear in pairs.
    """
    sources = np.concatenate([left, right])
    targets = np.concatenate([right, left])
    order = np.lexsort((targets, sources))
    starts = np.searchsorted(sources[order], np.arange(len(earlier) + 1))
    leaders = np.full(len(earlier), -1, dtype=np.int64)
    similarity = np.full(len(earlier), 10_000, dtype=np.int32)
    _lead_greedily(starts, targets[order], np.concatenate([weights, weights])[order], earlier, leaders, similarity)
    return leaders, similarity
