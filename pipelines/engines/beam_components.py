"""Connected components of verified pairs on Beam: a driver loop of pipelines, union-find on what they leave.

The rounds are those of :mod:`corpus.dedupe.components`: every node goes to the
root of its chain of smallest neighbours, edges between roots remain. At ten
million documents no round is needed at all; each that is halves the pairs or
better, and a chain of 100,000 takes a handful.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpus.dedupe.components import component_labels
from pipelines.engines.beam_batches import Hashed
from pipelines.engines.beam_flow import Flow
from pipelines.engines.beam_kept import Kept
from pipelines.engines.beam_statements import Statements

LABELS = pa.schema([pa.field("k", pa.int64()), pa.field("root", pa.int64())])


def find_components(
    make_pipeline: Callable[[], Any], kept: Kept, edges: str, labels: str, residual_edges: int, partitions: int
) -> None:
    """Leave kept table ``labels`` (k, root): the component of every node of kept table ``edges`` (a, b, ...)."""
    rounds = 0
    current = edges
    while kept.rows(current) > residual_edges:
        rounds += 1
        _contract(make_pipeline, kept, current, rounds, partitions)
        if current != edges:
            kept.forget(current)
        current = f"edges{rounds}"
    kept.add(labels, component_labels(*_edges(kept, current)).cast(LABELS))
    if current != edges:
        kept.forget(current)
    for number in range(rounds, 0, -1):
        _expand(make_pipeline, kept, number, labels, partitions)


def _edges(kept: Kept, name: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    lefts: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
    rights: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
    for batch in kept.batches(name):
        lefts.append(batch.column("a").to_numpy())
        rights.append(batch.column("b").to_numpy())
    return np.concatenate(lefts), np.concatenate(rights)


def _contract(make_pipeline: Callable[[], Any], kept: Kept, edges: str, number: int, partitions: int) -> None:
    """Leave parents<number> (k, root) for every node of ``edges`` and edges<number> (a, b): the edges between roots."""
    parents = f"parents{number}"
    flow = Flow(make_pipeline(), kept, f"neighbours{number}")
    ends = flow.each(
        "ends",
        flow.read(edges),
        Statements({"rows": "SELECT k, min(root) AS root FROM (SELECT b AS k, a AS root FROM rows "
                            "UNION ALL SELECT a, a FROM rows) t GROUP BY k"}),
    )  # fmt: skip
    smallest = "SELECT k, min(root) AS root FROM rows GROUP BY k"
    flow.combine("smallest neighbour", ends["rows"], Hashed("k", partitions), smallest, keep=f"{parents}jump0")
    flow.run()
    jump = 0
    while True:
        flow = Flow(make_pipeline(), kept, f"jump{number}x{jump}")
        source = flow.read(f"{parents}jump{jump}")
        target = f"{parents}jump{jump + 1}"
        flow.group(
            "jump",
            {"p": (source, Hashed("root", partitions)), "q": (source, Hashed("k", partitions))},
            Statements(
                {
                    target: "SELECT p.k, q.root FROM p JOIN q ON p.root = q.k",
                    "moved": "SELECT p.k FROM p JOIN q ON p.root = q.k WHERE q.root <> p.root LIMIT 1",
                }
            ),
            keep=(target, "moved"),
        )
        flow.run()
        moved = kept.rows("moved")
        kept.forget("moved")
        kept.forget(f"{parents}jump{jump}")
        jump += 1
        if moved == 0:
            break
    kept.files[parents], kept.schemas[parents] = kept.files.pop(f"{parents}jump{jump}"), LABELS
    flow = Flow(make_pipeline(), kept, f"contract{number}")
    roots = flow.read(parents)
    lefts = flow.group(
        "left roots",
        {"e": (flow.read(edges), Hashed("a", partitions)), "p": (roots, Hashed("k", partitions))},
        Statements({"lefts": "SELECT p.root AS a, e.b FROM e JOIN p ON e.a = p.k"}),
    )
    both = flow.group(
        "right roots",
        {"e": (lefts["lefts"], Hashed("b", partitions)), "p": (roots, Hashed("k", partitions))},
        Statements(
            {
                "rows": "SELECT DISTINCT least(e.a, p.root) AS a, greatest(e.a, p.root) AS b "
                "FROM e JOIN p ON e.b = p.k WHERE e.a <> p.root"
            }
        ),
    )
    distinct = "SELECT DISTINCT a, b FROM rows"
    flow.combine("contract", both["rows"], Hashed("a", partitions), distinct, keep=f"edges{number}")
    flow.run()


def _expand(make_pipeline: Callable[[], Any], kept: Kept, number: int, labels: str, partitions: int) -> None:
    """Make of ``labels`` over the nodes behind contraction ``number`` the labels over those before it."""
    flow = Flow(make_pipeline(), kept, f"expand{number}")
    outer = f"{labels}{number}"
    flow.group(
        "expand",
        {
            "p": (flow.read(f"parents{number}"), Hashed("root", partitions)),
            "i": (flow.read(labels), Hashed("k", partitions)),
        },
        Statements({outer: "SELECT p.k, coalesce(i.root, p.root) AS root FROM p LEFT JOIN i ON p.root = i.k"}),
        keep=(outer,),
    )
    flow.run()
    kept.forget(f"parents{number}")
    kept.forget(labels)
    kept.files[labels], kept.schemas[labels] = kept.files.pop(outer), LABELS
