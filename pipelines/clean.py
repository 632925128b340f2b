"""Sweeping what no manifest and no report names, and emptying what holds raw text."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from corpus.errors import BuildError, WudaoError
from corpus.shards.journal import finish
from corpus.shards.manifest import read_manifest
from corpus.shards.verify import SUMMARY_NAME
from corpus.storage import Store
from pipelines.passes.reports import canonical, read_report

CURRENT_NAME = "current.json"
KEPT_NAMES = ("lock", "digests.json", CURRENT_NAME)


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
    rejects, dead letters, audit): a later build starts from its input again.
    Raises BuildError where no build has finished in ``output``.
    """
    work = output.sub("work")
    if not output.exists(SUMMARY_NAME) or not work.exists(CURRENT_NAME):
        raise BuildError(f"{output.root}: no finished build here; finish one first, or delete the folder yourself")
    finish(output)
    swept = Swept()
    if intermediates:
        summary = orjson.loads(output.read_bytes(SUMMARY_NAME))
        summary["cleaned"] = True
        output.write_atomic(
            SUMMARY_NAME, orjson.dumps(summary, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2) + b"\n"
        )
        keep = {"lock"}
    else:
        keep = _named_in_work(work)
        removed = orjson.loads(output.read_bytes(SUMMARY_NAME))["removed"]
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
    takedowns = output.sub("takedown")
    _sweep(takedowns, {name for name in takedowns.names() if "/" not in name and name.endswith(".json")}, swept)
    return swept


def _named_in_work(work: Store) -> set[str]:
    current: dict[str, list[str]] = orjson.loads(work.read_bytes(CURRENT_NAME))
    named = set(KEPT_NAMES)
    for pass_name, marks in current.items():
        wanted = set(marks)
        for name in work.names(f"reports/{pass_name}"):
            mark = name.rsplit("/", 1)[-1].split("-", 1)[0]
            if mark not in wanted:
                continue
            report = read_report(work, name)
            if report is None:
                continue
            wanted.discard(mark)  # names come sorted: readers take the first whole report too
            named.add(name)
            files = report.get("files", {})
            entries = files.values() if isinstance(files, dict) else files
            named |= {entry["path"] for entry in entries if entry is not None}
    named |= {name for name in work.names("dead_letters") if name.startswith("dead_letters/plan-")}
    return named


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
    for name in list(store.names()):
        if name in keep:
            continue
        swept.bytes += store.size(name)
        swept.files += 1
        store.delete(name)
    if store.local:
        _remove_empty_folders(store.root)


def _remove_empty_folders(root: str) -> None:
    import os

    for base, folders, files in os.walk(root, topdown=False):
        if base != root and not files and not any(os.path.exists(os.path.join(base, one)) for one in folders):
            os.rmdir(base)
