"""Which records of Common Crawl are wanted: its columnar index, filtered file by file as a pass on an engine."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpus.config.commoncrawl import CommonCrawlSettings
from corpus.errors import ConfigError
from corpus.parquet import read_parquet
from corpus.reading.files import InputFile, list_files, open_file, read_head
from corpus.shards.writer import write_parquet
from corpus.storage import Store
from pipelines.crawl.ranges import SAFE_NAME
from pipelines.passes.reports import Report, fingerprint
from pipelines.passes.task import Announce, Isolation, Item, Progress

# ruff: noqa: S608 - what is put into statements are quoted values of the configuration

VERSION = 1  # of what a task selects
MIME_TYPES = ("text/html", "application/xhtml+xml", "text/plain")
LISTING = "crawl-data/{crawl}/cc-index-table.paths.gz"
MAX_LISTING_BYTES = 1 << 20  # some 900 names; compressed they are 10 KB
_SUBSET = "/subset=warc/"
_READ_ROWS = 65_536
_WWW = re.compile(r"www\d*")
_ROW = "place_in_group"
_PLACED = pc.field("warc_filename").is_valid() & pc.field("warc_record_offset").is_valid()

# What one index file names, each place once, sorted by filename and offset.
SELECTED = pa.schema(
    [
        pa.field("filename", pa.string(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("length", pa.int64(), nullable=False),
        pa.field("url", pa.string()),
    ]
)
_COLUMNS = {  # of the index -> of SELECTED
    "warc_filename": "filename",
    "warc_record_offset": "offset",
    "warc_record_length": "length",
    "url": "url",
}


def index_files(settings: CommonCrawlSettings) -> list[InputFile]:
    """Return the Parquet files of the index that ``settings`` name.

    Raises ConfigError where they name none, or a crawl has no columnar index.
    """
    paths = list(settings.index)
    for crawl in settings.crawls:
        paths += _listed(settings.data.rstrip("/"), crawl)
    if not paths:
        raise ConfigError(
            "commoncrawl names nothing to select from; give crawls (CC-MAIN-…), or the Parquet files of an index"
        )
    return list_files(paths)


def _listed(data: str, crawl: str) -> list[str]:
    """Return the files of the index of ``crawl``, as Common Crawl itself lists them."""
    place = f"{data}/{LISTING.format(crawl=crawl)}"
    try:
        head = read_head(place, MAX_LISTING_BYTES)
    except FileNotFoundError:
        raise ConfigError(
            f"{place}: there is no such list; commoncrawl.crawls takes the names of https://index.commoncrawl.org"
        ) from None
    try:
        lines = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, MAX_LISTING_BYTES).decode("ascii").splitlines()
    except (zlib.error, UnicodeDecodeError):
        lines = []
    names = [line for line in lines if _SUBSET in line and line.endswith(".parquet") and SAFE_NAME.fullmatch(line)]
    if not names:
        raise ConfigError(f"{place}: it lists no Parquet file of subset=warc; is commoncrawl.data right?")
    return [f"{data}/{name}" for name in names]


@dataclass(frozen=True)
class SelectTask:
    """Selects the records wanted of one index file."""

    settings: CommonCrawlSettings
    output: str
    name: str = "select"

    def item(self, file: InputFile) -> Item:
        """Return the item of an index file. It depends on nothing but the file and what is asked of each record."""
        fields = {"languages", "any_language", "hosts", "url_pattern"}
        asked = self.settings.model_dump(mode="json", include=fields)
        mark = fingerprint(self.name, VERSION, asked, file.path, file.size, file.version)
        return Item(mark, {"uri": file.uri}, file.size)

    def run(self, item: Item, attempt: str, isolation: Isolation, announce: Announce) -> Report:
        """Read the columns that decide, and of the row groups with a record wanted those that say where it is."""
        conditions, needed = _conditions(self.settings)
        selected: list[pa.Table] = []
        rows = kept = 0
        with _opened(item.payload["uri"]) as raw, duckdb.connect() as database:
            database.execute("SET threads = 1")
            file = _parquet(raw, item.payload["uri"], {*needed, *_COLUMNS})
            prefixes = surt_prefixes(self.settings.hosts)
            for group in range(file.num_row_groups):
                announce(Progress(rows, rows, rows, kept, 0))
                if not _may_hold(file.metadata.row_group(group), prefixes):
                    rows += file.metadata.row_group(group).num_rows
                    continue
                deciding = file.read_row_group(group, sorted(needed), use_threads=False)
                wanted = _wanted(database, deciding, conditions)
                rows += deciding.num_rows
                if len(wanted):
                    where = file.read_row_group(group, list(_COLUMNS), use_threads=False).take(wanted)
                    placed = where.filter(
                        pc.field("warc_filename").is_valid() & pc.field("warc_record_offset").is_valid()
                    )
                    kept += placed.num_rows
                    selected.append(placed.rename_columns(list(_COLUMNS.values())).cast(SELECTED))
        table = pa.concat_tables(selected) if selected else SELECTED.empty_table()
        table = table.sort_by([("filename", "ascending"), ("offset", "ascending")])
        work = Store(self.output).sub("work")
        entry = write_parquet(work, f"selected/{item.fingerprint}-{attempt}.parquet", table)
        return {
            "ledger": {"documents": rows, "kept": kept},
            "read_bytes": 0,
            "files": {"selected": entry},
        }


def read_selected(work: Store, reports: list[Report]) -> Iterator[pa.RecordBatch]:
    """Yield what the tasks of ``reports`` selected; one file is in memory at a time."""
    for report in reports:
        entry = report["files"]["selected"]
        if entry is not None:
            with work.open_read(entry["path"]) as stream:
                yield from read_parquet(stream).cast(SELECTED).to_batches(_READ_ROWS)


def surt_prefixes(hosts: list[str]) -> list[str] | None:
    """Return what the SURT keys (com,example)/path) of all pages of ``hosts`` (globs) begin with; None: anything.

    The index is sorted by these keys, so that most row groups have nothing of a few hosts.
    """
    prefixes = []
    for host in hosts:
        head, dot, fixed = host.rpartition("*")[2].rpartition("?")[2].rpartition("]")[2].partition(".")
        labels = host.split(".") if host == f"{head}{dot}{fixed}" else fixed.split(".")
        labels = labels[1:] if _WWW.fullmatch(labels[0]) else labels  # SURT keys leave it out
        if not all(labels) or labels[-1].isdecimal():
            return None  # an address, or nothing that is fixed
        prefixes.append(",".join(reversed(labels)))
    return prefixes or None


def _may_hold(group: pq.RowGroupMetaData, prefixes: list[str] | None) -> bool:
    for place in range(group.num_columns if prefixes else 0):
        column = group.column(place)
        if column.path_in_schema == "url_surtkey" and column.statistics is not None and column.statistics.has_min_max:
            first, last = column.statistics.min, column.statistics.max
            return any(last >= prefix and first[: len(prefix)] <= prefix for prefix in prefixes or ())
    return True


def _opened(uri: str) -> BinaryIO:
    """Open an index file so that only what the Parquet reader asks for is requested, without reading ahead."""
    raw = open_file(uri)
    return cast(BinaryIO, raw.detach()) if isinstance(raw, io.BufferedReader) else raw


def _parquet(raw: BinaryIO, uri: str, needed: set[str]) -> pq.ParquetFile:
    try:
        file = pq.ParquetFile(raw, pre_buffer=False)  # else threads of Arrow read it, and may outlive it
    except pa.ArrowInvalid as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"{uri} cannot be read as Common Crawl's columnar index: {reason}") from None
    missing = sorted(needed - set(file.schema_arrow.names))
    if missing:
        raise ConfigError(
            f"{uri} cannot be read as Common Crawl's columnar index: it has no column {missing[0]} "
            "(languages are known since CC-MAIN-2018-39)"
        )
    return file


def _conditions(settings: CommonCrawlSettings) -> tuple[str, set[str]]:
    """Return what a record must fulfil, as SQL, and the columns that this needs."""
    languages = ", ".join(_quoted(language) for language in settings.languages)
    spoken = "string_split(content_languages, ',')"
    conditions = [
        "fetch_status = 200",
        "warc_record_length > 0",
        f"content_mime_detected IN ({', '.join(map(_quoted, MIME_TYPES))})",
        f"list_has_any({spoken}, [{languages}])" if settings.any_language else f"{spoken}[1] IN ({languages})",
    ]
    needed = {"fetch_status", "warc_record_length", "content_mime_detected", "content_languages"}
    if settings.hosts:
        conditions.append(f"({' OR '.join(f'url_host_name GLOB {_quoted(host)}' for host in settings.hosts)})")
        needed.add("url_host_name")
    if settings.url_pattern:
        conditions.append(f"regexp_matches(url, {_quoted(settings.url_pattern)})")
        needed.add("url")
    return " AND ".join(conditions), needed


def _wanted(database: duckdb.DuckDBPyConnection, deciding: pa.Table, conditions: str) -> pa.ChunkedArray:
    """Return the numbers of the rows of ``deciding`` that fulfil ``conditions``, ascending."""
    database.register("deciding", deciding.append_column(_ROW, pa.array(range(deciding.num_rows), pa.int64())))
    try:
        found = database.sql(f"SELECT {_ROW} FROM deciding WHERE {conditions} ORDER BY {_ROW}").to_arrow_table()
    except (duckdb.BinderException, duckdb.InvalidInputException) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"the index cannot be read as Common Crawl's columnar index: {reason}") from error
    return found.column(_ROW)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
