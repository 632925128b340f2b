"""Sweeping what no manifest and no report names, and emptying what holds raw text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from corpus.dedupe.index import FOLDER as INDEX_FOLDER
from corpus.dedupe.index import MANIFEST as INDEX_MANIFEST
from corpus.dedupe.index import open_index
from corpus.errors import BuildError, WudaoError
from corpus.shards.journal import finish
from corpus.shards.manifest import read_manifest
from corpus.shards.verify import SUMMARY_NAME, read_summary
from corpus.storage import Store
from pipelines.inputs import CRAWL_FOLDER, fetched_files
from pipelines.lock import LOCK_NAME, locked
from pipelines.passes.reports import Report, canonical, committed_files, read_report

CURRENT_NAME = "current.json"
KEPT_NAMES = (LOCK_NAME, "digests.json", CURRENT_NAME)


@dataclass
class Swept:
    """What :func:`clean` deleted."""

    files: int = 0
    bytes: int = 0


def write_current(work: Store, used: dict[str, list[str]]) -> None:
    """Record which reports (pass name -> fingerprints) the build that just ended stands on."""
    work.write_atomic(CURRENT_NAME, canonical(used))


def clean(output: Store, *, intermediates: bool = False) -> Swept:
    """Delete what the last finished build does not name; with ``intermediates`` everything below ``work``.

    ``intermediates`` empties all places that hold raw text (documents,
    rejects, dead letters, audit, what was fetched): a later build starts from
    its input again.
    Raises BuildError where no build has finished in ``output``, or one is running there.
    """
    work = output.sub("work")
    if not output.exists(SUMMARY_NAME) or not work.exists(CURRENT_NAME):
        raise BuildError(f"{output.root}: no finished build here; finish one first, or delete the folder yourself")
    with locked(output):  # a running build's files are named by nothing yet
        finish(output)
        return _clean(output, intermediates)


def _clean(output: Store, intermediates: bool) -> Swept:
    work, swept = output.sub("work"), Swept()
    if intermediates:
        summary = read_summary(output)
        summary["cleaned"] = True
        output.write_atomic(
            SUMMARY_NAME, orjson.dumps(summary, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2) + b"\n"
        )
        keep = {LOCK_NAME}
    else:
        keep = _named_in_work(output)
        removed = read_summary(output)["removed"]
        keep |= {entry["path"] for entries in removed.values() for entry in entries}  # a take-down outlives reports
    _sweep(work, keep, swept)
    for name in ("corpus", "tokens"):
        dataset = output.sub(name)
        if dataset.exists("manifest.json"):
            manifest = read_manifest(dataset)
            named = {shard["path"] for shard in manifest.shards()}
            named |= {part["path"] for part in manifest.root["parts"]} | {"manifest.json"}
            _sweep(dataset, named, swept)
    _sweep_tokenizers(output, swept)
    index = output.sub(INDEX_FOLDER)
    if index.exists(INDEX_MANIFEST):
        _sweep(index, {one["path"] for one in open_index(index.root).files} | {INDEX_MANIFEST}, swept)
    if _fetched_by_the_build(output):
        crawl = output.sub(CRAWL_FOLDER)
        _sweep(crawl, {f"work/{LOCK_NAME}"} if intermediates else fetched_files(crawl), swept)
    _delete(output, {name: output.size(name) for name in output.unfinished()}, swept)
    takedowns = output.sub("takedown")
    _sweep(takedowns, {name for name in takedowns.names() if "/" not in name and name.endswith(".json")}, swept)
    return swept


def _fetched_by_the_build(output: Store) -> bool:
    """Return whether OUTPUT/crawl is the build's own, and not a crawl that somebody put there."""
    config: dict[str, Any] = read_summary(output)["config"]
    return bool(config["input"].get("source") == "commoncrawl")


def _named_in_work(output: Store) -> set[str]:
    work = output.sub("work")
    current: dict[str, list[str]] = orjson.loads(work.read_bytes(CURRENT_NAME))
    named = set(KEPT_NAMES)
    published = _published(output)
    for pass_name, marks in current.items():
        for name, report in _standing(work, pass_name, marks, published):
            named.add(name)
            files = report.get("files", {})
            entries = files.values() if isinstance(files, dict) else files
            named |= {entry["path"] for entry in entries if entry is not None}
    named |= {name for name in work.names("dead_letters") if name.startswith("dead_letters/plan-")}
    return named


def _published(output: Store) -> set[str]:
    """Return the base names, which are unique, of the shards that the manifests name."""
    datasets = [output.sub(name) for name in ("corpus", "tokens")]
    manifests = [read_manifest(one) for one in datasets if one.exists("manifest.json")]
    return {shard["path"].rsplit("/", 1)[-1] for manifest in manifests for shard in manifest.shards()}


def _standing(work: Store, pass_name: str, marks: list[str], published: set[str]) -> Iterator[tuple[str, Report]]:
    """Yield the report of each of ``marks`` that stays, by file name and content: the one that readers take.

    An attempt that ended after the manifest was written (a speculative one, or
    one that outlived its driver) may have put itself first. But only the shards
    of the attempt that the manifest stands on are kept, so its report stays.
    """
    strays: dict[str, tuple[str, Report]] = {}
    for mark, name, report in committed_files(work, pass_name, marks):
        if _shards(report) <= published:
            yield name, report
        else:
            strays[mark] = (name, report)
    for name in work.names(f"reports/{pass_name}") if strays else ():
        mark = name.rsplit("/", 1)[-1].split("-", 1)[0]
        if mark in strays and (other := read_report(work, name)) is not None and _shards(other) & published:
            strays[mark] = (name, other)
    yield from strays.values()


def _shards(report: Report) -> set[str]:
    """Return the base names of the shards that an attempt wrote."""
    entries = [*(report.get("shards") or {}).values(), report.get("shard")]
    return {entry["path"].rsplit("/", 1)[-1] for entry in entries if entry is not None}


def _sweep_tokenizers(output: Store, swept: Swept) -> None:
    if not output.exists("tokens/manifest.json"):
        return
    try:
        path = read_manifest(output.sub("tokens")).root["tokenizer"]["path"]
    except (WudaoError, KeyError):
        return
    folder = str(path).removeprefix("../tokenizer/")
    if folder == path:
        return
    tokenizers = output.sub("tokenizer")
    _sweep(tokenizers, {name for name in tokenizers.names() if name.startswith(folder + "/")}, swept)


def _sweep(store: Store, keep: set[str], swept: Swept) -> None:
    _delete(store, {name: size for name, size in store.sizes().items() if name not in keep}, swept)
    if store.local:
        _remove_empty_folders(store.root)


def _delete(store: Store, gone: dict[str, int], swept: Swept) -> None:
    store.delete_all(gone)
    swept.bytes += sum(gone.values())
    swept.files += len(gone)


def _remove_empty_folders(root: str) -> None:
    import os

    for base, folders, files in os.walk(root, topdown=False):
        if base != root and not files and not any(os.path.exists(os.path.join(base, one)) for one in folders):
            os.rmdir(base)
