"""Finds duplicates in signatures: repeats, exact copies, verified near-duplicates, one keeper each.

The plan, each part a statement of :mod:`corpus.dedupe.statements`:
repeats -> documents -> contents -> buckets -> candidates -> verified pairs ->
components -> components cut around leaders -> clusters.
docs/decisions/near-duplicates.md tells why.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from corpus.config.dedupe import DedupeSettings
from corpus.dedupe import statements
from corpus.dedupe.components import find_components, lead_greedily
from corpus.dedupe.session import Session
from corpus.dedupe.verification import LED, PAIRS, LeadComponents, VerifyPairs, threshold_steps
from corpus.identity import KEY_BYTES


def find_clusters(session: Session, settings: DedupeSettings, *, earlier: bool = False) -> None:
    """Make table ``clusters`` (columns of :data:`corpus.schema.CLUSTERS`) from table or view ``signatures``.

    ``signatures(split INT, row INT, doc_key, content_hash, quality INT,
    n_chars INT, bands, signature)`` may come in any order and in any number of
    splits. Rows with ``split < 0`` were published by earlier builds: they are
    never removed, always rank before new ones and get no row in ``clusters``.
    A document that was cut from its component and stands alone gets a row of
    kind "keeper" and size 1, so that its component is known.

    With ``earlier``, ``signatures`` is what :func:`corpus.dedupe.index.join_earlier`
    made; column ``build`` then names the build of a keeper that was published
    earlier.
    """
    first = _choose_key_window(session)
    _find_contents(session, first)
    _find_candidates(session, first)
    _verify(session, settings)
    _cut_components(session, settings)
    _describe(session, earlier)


def _create(session: Session, name: str, select: str, **values: int) -> None:
    session.create(name, select.format(**values) if values else select)


def _choose_key_window(session: Session) -> int:
    """Leave ``repeats``; return the first byte (1-based) of ``doc_key`` whose 64 bits tell all documents apart.

    The first 8 bytes do, but for one collision in 37 builds of 10**9 documents.
    """
    for first in range(1, KEY_BYTES - 6):
        _create(session, "repeated_prefixes", statements.REPEATED_PREFIXES, first=first)
        _create(session, "repeats", statements.REPEATS, first=first)
        session.drop("repeated_prefixes")
        session.view("prefix_collisions", statements.PREFIX_COLLISIONS)
        collisions = session.count("prefix_collisions")
        session.drop("prefix_collisions")
        if collisions == 0:
            return first
        session.drop("repeats")
    raise ValueError("no 64-bit window of doc_key tells all documents apart: are the keys 128-bit hashes?")


def _find_contents(session: Session, first: int) -> None:
    _create(session, "documents", statements.DOCUMENTS, first=first)
    session.create("content_prefixes", statements.CONTENT_PREFIXES)
    session.create("contents", statements.CONTENTS)
    session.drop("content_prefixes")
    session.create("absorbed", statements.ABSORBED)


def _find_candidates(session: Session, first: int) -> None:
    session.explode_shared("bucket_rows", statements.NODE_BANDS.format(first=first))
    session.create("links", statements.LINKS)
    session.drop("bucket_rows")
    session.create("candidates", statements.CANDIDATES)
    session.drop("links")
    session.create("candidate_nodes", statements.CANDIDATE_NODES)
    session.create("candidate_sketches", statements.CANDIDATE_SKETCHES.format(first=first))
    session.drop("candidate_nodes")
    session.drop("absorbed")


def _verify(session: Session, settings: DedupeSettings) -> None:
    verify = VerifyPairs(threshold_steps(settings.threshold))
    session.map_arrow("near_pairs", statements.CANDIDATE_PAIRS, verify, PAIRS)
    session.drop("candidates")


def _cut_components(session: Session, settings: DedupeSettings) -> None:
    find_components(session, "near_pairs", "labels", settings.residual_edges)
    lead = LeadComponents(threshold_steps(settings.threshold), settings.leaders)
    session.map_arrow(
        "led", statements.RANKED_NODES, lead, LED, partition_by="component", order_by=statements.RANK_ORDER
    )
    session.drop("labels")
    session.drop("candidate_sketches")
    session.create("undecided", statements.UNDECIDED)
    session.register("led_residual", _lead_undecided(session))
    session.drop("undecided")
    session.drop("near_pairs")
    session.create("assigned", statements.ASSIGNED)
    session.drop("led")
    session.drop("led_residual")


def _lead_undecided(session: Session) -> pa.Table:
    """Decide by verified pairs alone what is near none of its component's first leaders (long chains, huge mixes)."""
    nodes = session.arrow(
        "SELECT component, position, k, earlier FROM undecided ORDER BY component, position"
    ).read_all()
    return lead_undecided(nodes, session.arrow(statements.UNDECIDED_PAIRS).read_all())


def lead_undecided(nodes: pa.Table, pairs: pa.Table) -> pa.Table:
    """Return (k, component, leader, similarity) of ``nodes`` (component, position, k, earlier; in this order).

    ``pairs`` (a, b, similarity) are the verified pairs among them.
    """
    keys = nodes["k"].to_numpy()
    by_key = np.argsort(keys)
    left, right = (
        by_key[np.searchsorted(keys[by_key], pairs[name].to_numpy())] if pairs.num_rows else np.zeros(0, dtype=np.int64)
        for name in ("a", "b")
    )
    leaders, similarity = lead_greedily(left, right, pairs["similarity"].to_numpy(), nodes["earlier"].to_numpy())
    return pa.table(
        {"k": keys, "component": nodes["component"], "leader": keys[leaders], "similarity": similarity.astype(np.int32)}
    )


def _describe(session: Session, earlier: bool) -> None:
    session.create("members", statements.MEMBERS)
    session.create("plain_members", statements.REPEATED_MEMBERS)
    session.create("all_members", statements.PLACED_AMONG_EARLIER if earlier else statements.PLACED_MEMBERS)
    for name in ("members", "assigned", "plain_members"):
        session.drop(name)
    session.create("keepers", statements.KEEPERS)
    session.create("smallest_keys", statements.SMALLEST_KEYS)
    session.create("sizes", statements.SIZES)
    session.create("clusters", statements.CLUSTERS)
    for name in ("all_members", "keepers", "smallest_keys", "sizes", "contents", "documents", "repeats"):
        session.drop(name)
