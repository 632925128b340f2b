"""A corpus of its own from the documents of a corpus that satisfy a selection, as copied shards or as a view."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from corpus.errors import BuildError
from corpus.shards.manifest import Manifest
from corpus.shards.quota import Border, Quota, decide, strata_names, taken
from corpus.shards.selection import RowFilter, Selection
from pipelines.derivation import Derivation, selected_funnel
from pipelines.passes.extract import ExtractTask, candidate_tables
from pipelines.passes.publish import SPLIT_NAMES
from pipelines.passes.reports import Report
from pipelines.passes.select import SelectTask

UTF8_BYTES = 3  # of a Chinese character: shards are sized before their text is read


@dataclass(frozen=True)
class Chosen:
    """The candidates of one parent shard: its entry, its token shard's, the report that names the file."""

    shard: dict[str, Any]
    token_shard: dict[str, Any] | None
    report: Report


@dataclass(frozen=True)
class Subset:
    """What :func:`extract` made."""

    corpus: Manifest
    tokens: Manifest | None
    quota: Quota
    summary: dict[str, Any]


def extract(derivation: Derivation, selection: Selection, *, view: bool) -> Subset:
    """Select, draw, and write the subset. Raises BuildError where nothing is selected."""
    parent = derivation.parent
    selection.check(parent.tables, parent.tokens is not None)
    everything = parent.shards()
    if everything:
        RowFilter(selection, parent.corpus.schema(everything[0][0]))  # a wrong condition is said before any work
    derivation.prepare()
    place = parent.place()
    assert place is not None
    task = SelectTask(derivation.output.root, place, parent.place(tokens=True), selection)
    shards = [pair for pair in everything if selection.split in (None, pair[0]["split"])]
    reports = derivation.run(task, [task.item(*pair) for pair in shards])
    chosen = [Chosen(*pair, report) for pair, report in zip(shards, reports, strict=True)]
    work = derivation.build.work
    files = [one.report["files"]["candidates"] for one in chosen]
    quota = decide(
        lambda: candidate_tables(work, [entry["path"] for entry in files if entry is not None]),
        selection,
        parent.tokens is not None,
    )
    derived = {
        "by": "extract",
        "selection": selection.to_json(),
        "quota": quota.to_json(strata_names(selection)),
    }
    corpus, tokens = write_chosen(derivation, chosen, quota.borders, derived, view=view)
    candidates = sum(one.report["found"] for one in chosen)
    published = corpus.root["totals"]["rows"]
    read = sum(pair[0]["rows"] for pair in everything)
    skipped = {"not_selected": read - candidates, "not_drawn": candidates - published}
    summary = derivation.finish(corpus, tokens, selected_funnel(read, skipped, published), {}, derived)
    return Subset(corpus, tokens, quota, summary)


def write_chosen(
    derivation: Derivation,
    chosen: Sequence[Chosen],
    borders: Sequence[Border | None],
    derived: dict[str, Any],
    *,
    view: bool,
) -> tuple[Manifest, Manifest | None]:
    """Write the rows of ``chosen`` that lie before ``borders``, and their manifests."""
    parent, config = derivation.parent, derivation.config
    corpus = parent.place(base=True)
    assert corpus is not None
    task = ExtractTask(
        derivation.output.root,
        corpus,
        parent.place(tokens=True, base=True),
        not view,
        len(parent.tables["domains"]),
        config.publish.compression_level,
    )
    items = [
        task.item(split, pieces, borders)
        for split in SPLIT_NAMES
        for pieces in _grouped(derivation, [one for one in chosen if one.shard["split"] == split], borders)
    ]
    if not items:
        raise BuildError("no document satisfies the selection; `wudao inspect` shows what labels and scores there are")
    reports = derivation.run(task, items)
    manifest = derivation.write_text(reports, derived, view=view)
    return manifest, derivation.write_tokens(reports, manifest, view=view)


def _grouped(
    derivation: Derivation, chosen: Sequence[Chosen], borders: Sequence[Border | None]
) -> list[list[dict[str, Any]]]:
    """Return the pieces of each shard to write: consecutive candidates of about ``publish.shard_bytes`` of text."""
    target = derivation.config.publish.shard_bytes
    groups: list[list[dict[str, Any]]] = []
    room = 0
    for one in chosen:
        entry = one.report["files"]["candidates"]
        if entry is None:
            continue
        table = next(candidate_tables(derivation.build.work, [entry["path"]]))
        mask = taken(table, borders)
        if not mask.any():
            continue
        size = UTF8_BYTES * int(table.column("n_chars").to_numpy()[mask].sum())
        state = hashlib.blake2b(digest_size=16)
        for name in ("shard", "row"):
            state.update(table.column(name).to_numpy()[mask].tobytes())
        content = [one.shard["content_hash"], one.token_shard["content_hash"] if one.token_shard else None]
        piece = {"file": entry["path"], "digest": state.hexdigest(), "content": content, "weight": size}
        if not groups or size > room:
            groups.append([])
            room = target
        groups[-1].append(piece)
        room -= size
    return groups
