"""Duplicate detection as Beam pipelines: the plan of :mod:`corpus.dedupe.clusters`, one grouping for each join.

Two pipelines, between which the driver finds the components of the verified
pairs: by union-find where they are at most ``residual_edges``, else after
rounds of contraction, each a pipeline of its own (beam_components.py). The
statements are those of the SQL engines; what is said here is only by which key
the rows of a step must lie together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import apache_beam as beam
import pyarrow as pa

from corpus.config.dedupe import DedupeSettings
from corpus.dedupe import statements
from corpus.dedupe.verification import PAIRS, LeadComponents, VerifyPairs, threshold_steps
from corpus.identity import KEY_BYTES
from corpus.storage import Store
from pipelines.engines.beam_batches import Hashed, Ranged, Rows, encode
from pipelines.engines.beam_components import find_components
from pipelines.engines.beam_flow import Flow
from pipelines.engines.beam_kept import Kept
from pipelines.engines.beam_signatures import (
    BUCKETS,
    FILES,
    NARROW,
    SKETCHES,
    ReadBands,
    ReadNarrow,
    ReadSketches,
    worklist,
)
from pipelines.engines.beam_statements import Statements
from pipelines.engines.beam_verification import ASSIGNED, Led, Verified
from pipelines.engines.interface import Signed

SPREAD_ROWS: Final = 1 << 15  # rows for which a partition of its own is worth while,
SPREAD_LIMIT: Final = 64  # up to so many partitions;
PARTITION_ROWS: Final = 1 << 19  # beyond, documents to a partition: 8 million band rows, some 128 MB
CLUSTER_FILES: Final = 512
BY_SPLIT: Final = Ranged("split", 1)

MakePipeline = Callable[[], Any]


def partition_count(rows: int) -> int:
    """Return into how many partitions a table of ``rows`` documents is cut."""
    return max(1, min(SPREAD_LIMIT, rows // SPREAD_ROWS), rows // PARTITION_ROWS)


def beam_clusters(
    make_pipeline: MakePipeline, signed: Signed, settings: DedupeSettings, scratch: Store
) -> Iterator[pa.RecordBatch]:
    """Return the rows of the cluster table in order of split and row; see :meth:`interface.Engine.clusters`."""
    partitions = partition_count(signed.rows + sum(one.rows for one in signed.earlier))
    plan = _Plan(make_pipeline, signed, settings, Kept(scratch), partitions)
    plan.find_pairs()
    find_components(make_pipeline, plan.kept, "near_pairs", "labels", settings.residual_edges, partitions)
    plan.describe()
    return plan.kept.batches("clusters")


@dataclass
class _Plan:
    make_pipeline: MakePipeline
    signed: Signed
    settings: DedupeSettings
    kept: Kept
    partitions: int

    def by(self, key: str) -> Hashed:
        """Return the partitioning by ``key``."""
        return Hashed(key, self.partitions)

    def find_pairs(self) -> None:
        """Leave near_pairs, documents (those that are candidates), contents, repeats, candidate_sketches, earlier."""
        for first in range(1, KEY_BYTES - 6):
            flow = Flow(self.make_pipeline(), self.kept, f"pairs{first}")
            self._pairs(flow, first)
            flow.run()
            if self.kept.rows("collisions") == 0:
                return
            for name in list(self.kept.files):
                self.kept.forget(name)
        raise ValueError("no 64-bit window of doc_key tells all documents apart: are the keys 128-bit hashes?")

    def _pairs(self, flow: Flow, first: int) -> None:
        files = self._files(flow)
        narrow = flow.group("read keys", {"files": (files, BY_SPLIT)}, ReadNarrow(first), {"signatures": NARROW})
        known = flow.group(
            "documents",
            {"signatures": (narrow["signatures"], self.by("k"))},
            Statements(
                steps=[
                    ("repeated_prefixes", statements.REPEATED_PREFIXES.format(first=first)),
                    ("repeats", statements.REPEATS.format(first=first)),
                    ("documents", statements.DOCUMENTS.format(first=first)),
                ],
                outputs={
                    "repeats": "SELECT * FROM repeats",
                    "collisions": statements.PREFIX_COLLISIONS,
                    "documents": "SELECT *, key64(content_hash, 1) AS c FROM documents",
                    "absorbed": "SELECT split, row FROM repeats WHERE seen > 1",
                    "earlier": "SELECT split, row, k, component, build FROM signatures WHERE split < 0",
                },
            ),
            keep=("repeats", "collisions", "earlier"),
        )
        contents = flow.group(
            "contents",
            {"documents": (known["documents"], self.by("c"))},
            Statements(
                steps=[("content_prefixes", statements.CONTENT_PREFIXES)],
                outputs={
                    "contents": statements.CONTENTS,
                    "absorbed": f"SELECT split, row FROM ({statements.CONTENTS}) t WHERE k <> node",  # noqa: S608
                },
            ),
            keep=("contents",),
        )
        absorbed = Rows(
            (known["absorbed"].batches, contents["absorbed"].batches) | "all absorbed" >> beam.Flatten(),
            known["absorbed"].schema,
        )
        bands = flow.group(
            "read bands",
            {"files": (files, BY_SPLIT), "absorbed": (absorbed, BY_SPLIT)},
            ReadBands(first),
            {"bucket_rows": BUCKETS},
        )
        self._verify(flow, known["documents"], self._candidates(flow, bands["bucket_rows"]), files)

    def _files(self, flow: Flow) -> Rows:
        listed = flow.worklist("signatures", worklist(self.signed)) | "name files" >> beam.Map(_file_row)
        return Rows(listed, FILES)

    def _candidates(self, flow: Flow, bucket_rows: Rows) -> Rows:
        pairs = "SELECT centre AS a, k AS b FROM links UNION ALL SELECT before AS a, k AS b FROM links"
        links = flow.group(
            "links",
            {"bucket_rows": (bucket_rows, self.by("h"))},
            # A near pair meets in most of its bands: once a partition is enough.
            Statements(
                steps=[("links", statements.LINKS)],
                outputs={"pairs": f"SELECT DISTINCT a, b FROM ({pairs}) t WHERE a < b"},  # noqa: S608
            ),
        )
        return flow.combine("candidates", links["pairs"], self.by("a"), "SELECT DISTINCT a, b FROM rows")

    def _verify(self, flow: Flow, documents: Rows, candidates: Rows, files: Rows) -> None:
        nodes = flow.each(
            "ends of candidates", candidates, Statements({"nodes": "SELECT a AS k FROM rows UNION SELECT b FROM rows"})
        )
        wanted = flow.group(
            "candidate documents",
            {"nodes": (nodes["nodes"], self.by("k")), "all_documents": (documents, self.by("k"))},
            Statements(
                steps=[("candidate_nodes", "SELECT DISTINCT k FROM nodes")],
                outputs={
                    "documents": "SELECT d.* EXCLUDE (c) FROM all_documents d JOIN candidate_nodes n ON d.k = n.k",
                    "wanted": "SELECT d.split, d.row, d.k FROM all_documents d JOIN candidate_nodes n ON d.k = n.k",
                },
            ),
            keep=("documents",),
        )
        sketches = flow.group(
            "read sketches",
            {"files": (files, BY_SPLIT), "wanted": (wanted["wanted"], BY_SPLIT)},
            ReadSketches(),
            {"candidate_sketches": SKETCHES},
            keep=("candidate_sketches",),
        )["candidate_sketches"]
        lefts = flow.group(
            "left sketches",
            {"candidates": (candidates, self.by("a")), "candidate_sketches": (sketches, self.by("k"))},
            Statements(
                {
                    "lefts": "SELECT c.a, c.b, x.sketch AS left_sketch "
                    "FROM candidates c JOIN candidate_sketches x ON c.a = x.k"
                }
            ),
        )
        join = Statements(
            {
                "pairs": "SELECT c.a, c.b, c.left_sketch, y.sketch AS right_sketch "
                "FROM lefts c JOIN candidate_sketches y ON c.b = y.k"
            }
        )
        flow.group(
            "verify",
            {"lefts": (lefts["lefts"], self.by("b")), "candidate_sketches": (sketches, self.by("k"))},
            Verified(join, VerifyPairs(threshold_steps(self.settings.threshold))),
            {"near_pairs": PAIRS},
            keep=("near_pairs",),
        )

    def describe(self) -> None:
        """Leave clusters, in partitions by ranges of splits, each in order."""
        flow = Flow(self.make_pipeline(), self.kept, "clusters")
        contents, documents = flow.read("contents"), flow.read("documents")
        assigned = self._lead(flow, contents, documents)
        members = flow.group(
            "members",
            {
                "contents": (contents, self.by("node")),
                "assigned": (assigned, self.by("k")),
                "documents": (documents, self.by("k")),
            },
            Statements({"members": statements.MEMBERS}),
        )
        placed = flow.group(
            "places",
            {
                "members": (members["members"], self.by("k")),
                "repeats": (flow.read("repeats"), self.by("k")),
                "contents": (contents, self.by("k")),
                "earlier": (flow.read("earlier"), self.by("k")),
            },
            Statements(
                steps=[
                    ("plain_members", statements.REPEATED_MEMBERS),
                    ("all_members", statements.PLACED_AMONG_EARLIER),
                ],
                outputs={"all_members": "SELECT * FROM all_members", "keepers": statements.KEEPERS},
            ),
        )
        clusters = flow.group(
            "describe",
            {
                "all_members": (placed["all_members"], self.by("component")),
                "keepers": (placed["keepers"], self.by("component")),
            },
            Statements(
                steps=[("smallest_keys", statements.SMALLEST_KEYS), ("sizes", statements.SIZES)],
                outputs={"rows": statements.CLUSTERS},
            ),
        )
        width = -(-(max(self.signed.splits, default=0) + 1) // CLUSTER_FILES)
        flow.group(
            "order",
            {"rows": (clusters["rows"], Ranged("split", width))},
            Statements({"clusters": "SELECT * FROM rows ORDER BY split, row"}),
            keep=("clusters",),
        )
        flow.run()

    def _lead(self, flow: Flow, contents: Rows, documents: Rows) -> Rows:
        labels, pairs = flow.read("labels"), flow.read("near_pairs")
        ranked = flow.group(
            "rank",
            {
                "labels": (labels, self.by("k")),
                "documents": (documents, self.by("k")),
                "contents": (contents, self.by("node")),
                "candidate_sketches": (flow.read("candidate_sketches"), self.by("k")),
            },
            Statements({"ranked": statements.RANKED_NODES}),
        )
        joined = flow.group(
            "pairs of components",
            {"pairs": (pairs, self.by("a")), "labels": (labels, self.by("k"))},
            Statements(
                {
                    "near_pairs": "SELECT p.a, p.b, p.similarity, l.root AS component "
                    "FROM pairs p JOIN labels l ON p.a = l.k"
                }
            ),
        )
        led = flow.group(
            "lead",
            {
                "ranked": (ranked["ranked"], self.by("component")),
                "near_pairs": (joined["near_pairs"], self.by("component")),
            },
            Led(LeadComponents(threshold_steps(self.settings.threshold), self.settings.leaders)),
            {"assigned": ASSIGNED},
        )
        return led["assigned"]


def _file_row(row: dict[str, Any]) -> bytes:
    return encode(pa.RecordBatch.from_pylist([row], schema=FILES))
