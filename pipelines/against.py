"""Building against earlier builds: their indexes taken over before dedupe, this build's own left behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from corpus.config.build import BuildConfig
from corpus.dedupe.index import FOLDER, Index, hashing, index_hash, open_index, write_index
from corpus.errors import BuildError
from corpus.steps import make_step
from corpus.storage import Store
from pipelines.engines.interface import EarlierFile
from pipelines.passes.index import INDEX_VERSION, IndexTask, TakeOverTask
from pipelines.passes.reports import Report, fingerprint
from pipelines.passes.task import Item, Task

RunTask = Callable[[Task, list[Item]], Mapping[str, Report]]


@dataclass(frozen=True)
class Earlier:
    """What was published before: files of the index in this build's own index folder."""

    entries: tuple[dict[str, Any], ...]  # path, rows, bytes, sha256, build
    folder: Store

    @property
    def hash(self) -> str:
        """What stands for its content."""
        return index_hash(self.entries)

    def files(self) -> list[EarlierFile]:
        """Return the files as engines take them."""
        return [EarlierFile(self.folder.path(one["path"]), one["rows"], one["build"]) for one in self.entries]


def how_hashed(config: BuildConfig) -> dict[str, int]:
    """Return what this build's signatures are made with."""
    return hashing(config.dedupe, make_step("sign", config.dedupe).version)


def open_against(config: BuildConfig, output: Store) -> list[Index]:
    """Open and check the indexes that ``config`` names, before any work is done.

    Raises BuildError for one that is missing, made otherwise, or that of ``output`` itself.
    """
    opened = []
    for place in config.against:
        index = open_index(place)
        if index.store.root.rstrip("/") == output.sub(FOLDER).root.rstrip("/"):
            raise BuildError(f"{place}: is what this build writes itself; choose another output, or another index")
        index.check(how_hashed(config))
        opened.append(index)
    return opened


def take_over(indexes: Sequence[Index], output: Store, run_task: RunTask) -> Earlier:
    """Copy the files of ``indexes`` into this build's index. What two of them hold alike is taken once."""
    wanted: dict[tuple[str, str], dict[str, Any]] = {}
    items: dict[tuple[str, str], Item] = {}
    for index in indexes:
        for entry in index.files:
            key = (entry["sha256"], entry["build"])
            if key not in wanted:
                wanted[key] = entry
                payload = {"path": index.store.path(entry["path"]), "sha256": entry["sha256"], "rows": entry["rows"]}
                items[key] = Item(fingerprint("earlier", entry["sha256"], entry["rows"]), payload, entry["bytes"])
    reports: Mapping[str, Report] = run_task(TakeOverTask(output.root), list(items.values())) if items else {}
    entries = [reports[items[key].fingerprint]["index"] | {"build": key[1]} for key in wanted]
    return Earlier(tuple(entries), output.sub(FOLDER))


def leave_index(
    config: BuildConfig,
    output: Store,
    run_task: RunTask,
    published: Iterable[tuple[Item, Report]],
    ingest: Sequence[tuple[str, Report]],
    earlier: Earlier,
    build: str,
) -> Index:
    """Write the index of build ``build`` (the root hash of its corpus) over what ``published`` put into shards."""
    how = how_hashed(config)
    items = [_item(item, report, ingest) for item, report in published]
    reports = run_task(IndexTask(output.root, how["bands"]), items)
    own = [entry | {"build": build} for item in items if (entry := reports[item.fingerprint]["index"]) is not None]
    return write_index(output.sub(FOLDER), [*earlier.entries, *own], build, how)


def _item(item: Item, report: Report, ingest: Sequence[tuple[str, Report]]) -> Item:
    pieces = []
    for piece in item.payload["pieces"]:
        held = ingest[piece["split"]][1]
        start, stop = piece["batches"]
        first = piece["first_row"]
        rows = sum(one["rows"] for one in held["batches"][start:stop])
        signatures = held["files"]["signatures"]["path"]
        pieces.append(
            {
                "signatures": signatures,
                "rows": [first, first + rows],
                "split": piece["split"],
                "clusters": piece["clusters"],
            }
        )
    shards = [shard["path"] for shard in report["shards"].values()]
    mark = fingerprint(
        "index", INDEX_VERSION, item.fingerprint, sorted(one["sha256"] for one in report["shards"].values())
    )
    return Item(mark, {"pieces": pieces, "shards": shards}, item.weight)
