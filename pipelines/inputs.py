"""Where the records of a build come from: files as they are, or Common Crawl, whose records are fetched first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from rich.console import Console

from corpus.config.build import BuildConfig
from corpus.config.input import InputSettings
from corpus.errors import BuildError, MissingDependency
from corpus.parquet import read_parquet
from corpus.reading.files import list_files
from corpus.storage import Store
from pipelines.crawl.summary import COMMON_CRAWL_SUMMARY
from pipelines.engines.interface import Engine

if TYPE_CHECKING:
    from pipelines.crawl.commoncrawl import CommonCrawl

CRAWL_FOLDER = "crawl"  # in OUTPUT: warc/, provenance/, the summary, work/


def fetched_input(config: BuildConfig, output: Store, engine: Engine, console: Console) -> InputSettings:
    """Return the input of a build as files: what Common Crawl has of it is selected and fetched where it is not there.

    Selecting and fetching are passes of their own on ``engine``; a rerun goes
    on where they stopped. Raises what :meth:`CommonCrawl.run` raises, and
    BuildError where no record came.
    """
    if config.input.source == "files":
        return config.input
    folder = output.sub(CRAWL_FOLDER)
    folder.make_private()  # raw text, as in OUTPUT/work
    summary = _common_crawl(config, folder, engine, console).run()
    # By name: the folder may also hold what an earlier configuration selected.
    paths = [folder.path(one["path"]) for one in summary["warcs"]]
    if not paths:
        raise BuildError(
            f"{folder.root}: of {summary['selected']} records selected none is there; look at "
            f"{folder.path('work/quarantine')} and at input.commoncrawl"
        )
    return config.input.model_copy(update={"paths": paths})


def dry_run(config: BuildConfig, output: Store, engine: Engine, console: Console) -> None:
    """Say what a build would fetch, in bytes, requests and money; nothing but the index is read."""
    if config.input.source == "files":
        files = list_files(config.input.paths)
        size = sum(file.size for file in files) / 1e6
        console.print(f"dry run: {len(files):,} files would be read, {size:,.1f} MB", highlight=False)
        return
    folder = output.sub(CRAWL_FOLDER)
    folder.make_private()
    _common_crawl(config, folder, engine, console).dry_run()


def fetched_files(folder: Store) -> set[str]:
    """Return the names below ``folder`` that the last finished fetch stands on, and all that a rerun of it reads."""
    work = {name for name in folder.names() if name.startswith("work/")}
    if not folder.exists(COMMON_CRAWL_SUMMARY):
        return set(folder.names())
    summary: dict[str, Any] = orjson.loads(folder.read_bytes(COMMON_CRAWL_SUMMARY))
    return {COMMON_CRAWL_SUMMARY, *work, *(one["path"] for one in summary["warcs"]), *summary["provenance"]}


def fetched_record(output: Store, paths: list[str], filename: str, offset: int) -> dict[str, Any] | None:
    """Return the row of provenance of the record at ``offset`` of a file of Common Crawl, None where it is not known.

    It is looked for in OUTPUT/crawl, and beside the inputs ``paths``: `wudao commoncrawl -o cc` leaves cc/provenance
    beside cc/warc. ``fetched`` is the folder where it was found.
    """
    if not filename.startswith("crawl-data/"):
        return None
    parents = [path.rstrip("/").removesuffix("/warc") for path in paths]
    for folder in (output.sub(CRAWL_FOLDER), *(Store(parent) for parent in dict.fromkeys(parents))):
        if not folder.exists(COMMON_CRAWL_SUMMARY):
            continue
        summary: dict[str, Any] = orjson.loads(folder.read_bytes(COMMON_CRAWL_SUMMARY))
        for name in summary["provenance"]:
            with folder.open_read(name) as stream:
                rows = read_parquet(stream, within={"source_offset": (offset, offset + 1)}).to_pylist()
            for row in rows:
                if row["source_filename"] == filename:
                    return {**row, "fetched": folder.root}
    return None


def _common_crawl(config: BuildConfig, folder: Store, engine: Engine, console: Console) -> CommonCrawl:
    try:
        from pipelines.crawl.commoncrawl import CommonCrawl
    except ImportError as error:
        raise MissingDependency(f"{error}; source commoncrawl needs: pip install 'wudao-corpus[crawl]'") from error
    return CommonCrawl(config.input.commoncrawl, folder.root, engine, console, config.run.memory_limit)
