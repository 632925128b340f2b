"""Extract: main text, kind, title, date and features of each page.

Input: the columns of RECORDS without ``payload``, with what decode adds
(``payload_digest``, ``charset``, ``charset_source``, ``replacement_share``,
``content``). Output: EXTRACTED. Text records pass through with page kind
``text``. A page without text is skipped (``no_text``), one that is beyond the
budgets or breaks a parser is quarantined (``extract_error``).

A forum thread or comment page is one document by default, its posts separated
by an empty line: a reply is understood beside what it answers, and short posts
alone would fall to every length rule. ``posts: parts`` makes one document of
each post instead; parts are numbered in page order and follow their page
through every split of the data because they share its URL.
"""

from __future__ import annotations

import re
from typing import Any, cast
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpus.config.extract import ExtractSettings
from corpus.extraction.engine import Extraction, Extractor
from corpus.identity import document_key, document_keys
from corpus.kernels.buffers import text_buffers
from corpus.schema import EXTRACTED
from corpus.steps.interface import Outcome, Removal

_COPIED = (
    "url", "record_id", "path", "offset", "fetched_at", "charset", "charset_source", "replacement_share", "given_label",
)  # fmt: skip
_VISIBLE = re.compile(r"[^\s\u200b-\u200f\ufeff]")


class ExtractError(Exception):
    """A page that cannot be extracted; the message is one sentence for a person."""


class Extract:
    """The extract step; see the module for what it does with each kind of record."""

    name = "extract"
    version = 2

    def __init__(self, settings: ExtractSettings) -> None:
        self.settings = settings
        self._extractor: Extractor | None = None

    def load(self) -> None:
        """Load the tables and the compiled kernels."""
        extractor = Extractor(self.settings.engine, self.settings.max_nodes, self.settings.max_depth)
        extractor.extract(np.frombuffer(b"<title>t</title><p>\xe4\xb8\xad<a href=/>x</a>", np.uint8))
        self._extractor = extractor

    def artifacts(self) -> dict[str, str]:
        """Nothing outside the package decides the output."""
        return {}

    def apply(self, batch: pa.RecordBatch) -> Outcome:
        """Return one row for each document of the batch's records."""
        if self._extractor is None:
            self.load()
        if _is_text_only(batch):
            return _text_records(batch, self.settings.max_bytes)
        removals: list[Removal] = []
        origin: list[int] = []
        rows: dict[str, list[Any]] = {field.name: [] for field in EXTRACTED if field.name not in _COPIED}
        columns = {
            name: batch.column(name).to_pylist()
            for name in ("format", "url", "record_id", "payload_digest", "title", "published_at", "opt_out")
        }
        column = batch.column("content")
        offsets, data = _buffers(column)
        valid = column.is_valid().to_pylist()
        for row in range(batch.num_rows):
            content = data[offsets[row] : offsets[row + 1]] if valid[row] else data[:0]
            url = columns["url"][row]
            try:
                found = self._extract(columns["format"][row], content, url)
            except ExtractError as error:
                removals.append(Removal(row, "quarantined", "extract_error", detail=str(error)))
                continue
            parts = [part for part in found.parts if _VISIBLE.search(part)]
            if not parts:
                removals.append(Removal(row, "skipped", "no_text"))
                continue
            if self.settings.posts == "page" and len(parts) > 1:
                parts = ["\n\n".join(parts)]
            for part, text in enumerate(parts):
                origin.append(row)
                rows["doc_key"].append(
                    document_key(url, columns["record_id"][row], columns["payload_digest"][row], part)
                )
                rows["part"].append(part)
                rows["host"].append(host_of(url))
                rows["published_at"].append(_seconds(columns["published_at"][row], found.published_at))
                rows["page_kind"].append(found.kind)
                rows["title"].append(columns["title"][row] or found.title or None)
                is_text = found.kind == "text"
                rows["link_density"].append(None if is_text else found.link_density)
                rows["markup_density"].append(
                    None if is_text else round(len(text.encode("utf-8", "replace")) / max(1, content.size), 4)
                )
                rows["page_hints"].append(found.hints)
                rows["opt_out"].append(sorted({*(columns["opt_out"][row] or ()), *found.opt_out}))
                rows["text"].append(text)
        index = pa.array(origin, type=pa.int32())
        arrays = [
            batch.column(field.name).take(index).cast(field.type)
            if field.name in _COPIED
            else pa.array(rows[field.name], type=field.type)
            for field in EXTRACTED
        ]
        several = len(origin) != batch.num_rows - len(removals)
        return Outcome(pa.RecordBatch.from_arrays(arrays, schema=EXTRACTED), removals, index if several else None)

    def _extract(self, form: str, content: NDArray[np.uint8], url: str | None) -> Extraction:
        if content.size > self.settings.max_bytes:
            raise ExtractError(f"{content.size} bytes of {form} exceed extract.max_bytes = {self.settings.max_bytes}.")
        if form == "text":
            return Extraction("text", [content.tobytes().decode("utf-8")])
        try:
            return cast(Extractor, self._extractor).extract(content, url)
        except ValueError as error:
            raise ExtractError(f"{type(error).__name__}: {error}"[:500]) from error


def _is_text_only(batch: pa.RecordBatch) -> bool:
    """Whether every record of ``batch`` (RECORDS with what decode adds) is text."""
    return bool(pc.all(pc.equal(batch.column("format"), "text")).as_py() or batch.num_rows == 0)


def _text_records(batch: pa.RecordBatch, max_bytes: int) -> Outcome:
    """Return one row of EXTRACTED for each record of the text-only ``batch`` that holds anything to see.

    Quarantined: "extract_error", longer than ``max_bytes``. Skipped: "no_text".
    """
    content = batch.column("content")
    data, offsets = text_buffers(content)
    sizes = np.diff(offsets)
    removals = []
    for row in np.flatnonzero((sizes > max_bytes) | ~_plainly_visible(data, offsets)).tolist():
        if sizes[row] > max_bytes:
            detail = f"{sizes[row]} bytes of text exceed extract.max_bytes = {max_bytes}."
            removals.append(Removal(row, "quarantined", "extract_error", detail=detail))
        elif not _VISIBLE.search(bytes(data[offsets[row] : offsets[row + 1]]).decode("utf-8")):
            removals.append(Removal(row, "skipped", "no_text"))
    if removals:
        kept = np.ones(batch.num_rows, dtype=bool)
        kept[[removal.row for removal in removals]] = False
        batch = batch.filter(pa.array(kept))
    rows = batch.num_rows
    title = batch.column("title")
    made = {
        "doc_key": document_keys(batch.column("url"), batch.column("record_id"), batch.column("payload_digest")),
        "part": pa.array(np.zeros(rows, dtype=np.int32)),
        "host": _hosts(batch.column("url")),
        "page_kind": pa.repeat(pa.scalar("text"), rows),
        "title": pc.if_else(pc.equal(title, ""), pa.scalar(None, title.type), title),
        "link_density": pa.nulls(rows, pa.float32()),
        "markup_density": pa.nulls(rows, pa.float32()),
        "page_hints": _empty_lists(rows, EXTRACTED.field("page_hints").type),
        "opt_out": _opt_outs(batch.column("opt_out")),
        "text": batch.column("content"),
    }
    arrays = [
        (made[field.name] if field.name in made else batch.column(field.name)).cast(field.type) for field in EXTRACTED
    ]
    return Outcome(pa.RecordBatch.from_arrays(arrays, schema=EXTRACTED), removals)


def _plainly_visible(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which texts begin with an ASCII character that shows, or with one of the blocks U+4000 to U+9FFF."""
    first = np.zeros(len(offsets) - 1, dtype=np.uint8)
    filled = np.flatnonzero(np.diff(offsets) > 0)
    first[filled] = data[offsets[filled]]
    visible: NDArray[np.bool_] = ((first > 0x20) & (first < 0x7F)) | ((first >= 0xE4) & (first <= 0xE9))
    return visible


def _hosts(urls: pa.Array) -> pa.Array:
    """Return :func:`host_of` of each URL."""
    if urls.null_count == len(urls):
        return pa.nulls(len(urls), pa.string())
    listed = urls.to_pylist()
    hosts = {url: host_of(url) for url in set(listed)}
    return pa.array([hosts[url] for url in listed], pa.string())


def _empty_lists(rows: int, kind: pa.DataType) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(np.zeros(rows + 1, dtype=np.int32)), pa.array([], kind.value_type), kind)


def _opt_outs(column: pa.Array) -> pa.Array:
    """Return each row's reservations, sorted and once each."""
    if column.null_count == len(column):
        return _empty_lists(len(column), EXTRACTED.field("opt_out").type)
    return pa.array([sorted({*(row or ())}) for row in column.to_pylist()], EXTRACTED.field("opt_out").type)


def host_of(url: str | None) -> str | None:
    """Return the lower-case host of an http(s) URL, or None where it has none."""
    if not url:
        return None
    try:
        return urlsplit(url).hostname or None
    except ValueError:
        return None


def _buffers(column: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return the offsets (relative to the data) and bytes of a large_string array, without a copy."""
    _, offsets, data = column.buffers()
    ends = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    return ends, np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)


def _seconds(given: Any, found: int | None) -> Any:
    return given if given is not None else found
