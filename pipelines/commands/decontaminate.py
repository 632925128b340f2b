"""``wudao decontaminate``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from corpus.decontamination.items import files_digest
from corpus.errors import BuildError, ConfigError
from corpus.parquet import read_parquet
from corpus.shards.export_rows import whole_file
from pipelines.commands.extract import with_derivation
from pipelines.derivation import Derivation
from pipelines.passes.decontaminate import CONTAMINATION, REASON, DecontaminateTask
from pipelines.passes.reports import Report
from pipelines.subset import Chosen, write_chosen

ACTIONS = ("drop", "tag")
LIST_NAME = "contamination.parquet"
MIN_NGRAM = 5


def decontaminate_command(
    corpus: str,
    against: list[str],
    output: str,
    action: str,
    size: int,
    max_items: int,
    view: bool,
    engine: str | None,
    workers: int | None,
    config: Path | None,
    overrides: list[str],
) -> None:
    """Compare a corpus with evaluation items; drop the documents that hold any, or only list them."""
    if action not in ACTIONS:
        raise ConfigError(f"--action: '{action}' is neither drop nor tag")
    if size < MIN_NGRAM or max_items < 1:
        raise ConfigError(f"--characters: at least {MIN_NGRAM}; --max-items: at least 1")

    def run(derivation: Derivation) -> None:
        decontaminate(derivation, against, action, size, max_items, view=view)

    with_derivation(corpus, output, engine, workers, config, overrides, run)


def decontaminate(
    derivation: Derivation, against: list[str], action: str, size: int, max_items: int, *, view: bool = False
) -> dict[str, Any]:
    """Write the list of matches and, for ``drop``, the corpus without their documents; return the counts."""
    files = tuple(path if "://" in path else os.path.abspath(path) for path in against)
    digest = files_digest(files)
    parent = derivation.parent
    derivation.prepare()
    place = parent.place()
    assert place is not None
    task = DecontaminateTask(derivation.output.root, place, parent.place(tokens=True), files, digest, size, max_items)
    shards = parent.shards()
    if not shards:
        raise BuildError(f"{parent.corpus.manifest.store.root}: holds no documents")
    reports = derivation.run(task, [task.item(*pair) for pair in shards])
    counts = _write_list(derivation, reports, files)
    documents = sum(report["read"] for report in reports)
    kept = sum(report["found"] for report in reports)
    told = {"items": reports[0]["items"], "too_short": reports[0]["too_short"], "templates": reports[0]["templates"]}
    told |= {"documents": documents, "contaminated": documents - kept, "by_file": counts}
    _show(derivation.console, told, files)
    if action == "drop":
        if not kept:
            raise BuildError("every document shares n-grams with an item; is the evaluation data part of the corpus?")
        chosen = [Chosen(*pair, report) for pair, report in zip(shards, reports, strict=True)]
        derived = {
            "by": "decontaminate",
            "selection": {"characters": size, "max_items": max_items, "items": told["items"], "files_sha256": digest},
        }
        corpus, tokens = write_chosen(derivation, chosen, [None], derived, view=view)
        removed = [entry for report in reports if (entry := report["files"]["rejects"]) is not None]
        derivation.finish(corpus, tokens, _funnel(documents, kept), {"rejects": removed} if removed else {}, derived)
        derivation.show_places()
    derivation.console.print(f"{'matches':>12}  {derivation.output.path(LIST_NAME)}", highlight=False)
    return told


def _funnel(documents: int, kept: int) -> dict[str, Any]:
    dropped = {REASON: documents - kept} if documents > kept else {}
    nothing: dict[str, dict[str, int]] = {
        "skipped": {},
        "quarantined": {},
        "document_quarantined": {},
        "duplicates": {},
    }
    return nothing | {
        "read": documents,
        "with_documents": documents,
        "documents": documents,
        "dropped": dropped,
        "published": kept,
    }


def _write_list(derivation: Derivation, reports: list[Report], files: tuple[str, ...]) -> dict[str, dict[str, int]]:
    """Join the shards' matches into one file; return items found and documents per file of items."""
    found: dict[str, tuple[set[int], set[bytes]]] = {name: (set(), set()) for name in files}
    with (
        whole_file(derivation.output, LIST_NAME) as stream,
        pq.ParquetWriter(pa.PythonFile(stream, mode="w"), CONTAMINATION, compression="zstd") as writer,
    ):
        for report in reports:
            entry = report["files"]["contamination"]
            if entry is None:
                continue
            with derivation.build.work.open_read(entry["path"]) as part:
                table = read_parquet(part)
            writer.write_table(table)
            rows = (table.column(name).to_pylist() for name in ("file", "item", "doc_key"))
            for name, item, key in zip(*rows, strict=True):
                found[name][0].add(item)
                found[name][1].add(key)
    return {name: {"items": len(items), "documents": len(keys)} for name, (items, keys) in found.items()}


def _show(console: Console, told: dict[str, Any], files: tuple[str, ...]) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("evaluation file", "items found", "in documents"):
        table.add_column(name, justify="left" if name == "evaluation file" else "right")
    for name in files:
        counts = told["by_file"][name]
        table.add_row(name, f"{counts['items']:,}", f"{counts['documents']:,}")
    console.print(table)
    console.print(
        f"{told['contaminated']:,} of {told['documents']:,} documents hold one of {told['items']:,} items; "
        f"{told['too_short']:,} items are too short to be looked for, {told['templates']:,} n-grams are of too many",
        highlight=False,
    )
