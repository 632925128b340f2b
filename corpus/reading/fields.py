"""From the fields of a row (JSONL, Parquet, WuDao) to a record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from corpus.config.input import InputSettings
from corpus.reading.dates import epoch_seconds
from corpus.reading.records import Item, Quarantined, Record, Rows, Skipped
from corpus.safe_yaml import read_yaml
from corpus.schema import RECORDS

# Rows of one file have few sets of keys; a file whose keys are data must not fill memory.
_MAX_LAYOUTS = 1024
# Fewer rows than this are not worth making columns of, nor are rows of which more than one in this many is odd.
_LEAST_ROWS = 16
_MOST_ODD = 8


@cache
def known_names() -> Mapping[str, tuple[str, ...]]:
    """Return role ("text", "url", ...) -> field names tried in order, from ``fields.yaml``."""
    table = read_yaml(resources.files("corpus.reading").joinpath("fields.yaml").read_text("utf-8"))
    return MappingProxyType({role: tuple(names) for role, names in table.items()})


class Layout(NamedTuple):
    """For each role the names that rows with one set of keys may have it under, in the order in which to try them."""

    payload: tuple[tuple[str, tuple[str, ...]], ...]  # (kind, names): "text" and "html"
    url: tuple[str, ...]
    id: tuple[str, ...]
    title: tuple[str, ...]
    date: tuple[str, ...]
    label: tuple[str, ...]


class FieldMap:
    """Finds a record's fields in rows by the names of ``settings`` and ``fields.yaml``.

    ``id_first`` is tried before the known names of ids.
    """

    def __init__(self, settings: InputSettings, *, id_first: str | None = None) -> None:
        known = known_names()
        given = settings.model_dump(include={f"{role}_field" for role in known})
        names = {role: (given[f"{role}_field"],) if given[f"{role}_field"] else known[role] for role in known}
        if id_first and not settings.id_field:
            names["id"] = (id_first, *names["id"])
        payload: tuple[tuple[str, tuple[str, ...]], ...] = (("text", names["text"]), ("html", names["html"]))
        # Naming one of the two says that the other is not wanted; naming both, that HTML is.
        if settings.html_field:
            payload = (("html", names["html"]), ("text", names["text"]))[: 2 if settings.text_field else 1]
        elif settings.text_field:
            payload = payload[:1]
        self.layout = Layout(payload, names["url"], names["id"], names["title"], names["date"], names["label"])
        self._max_bytes = settings.max_record_bytes
        self._layouts: dict[tuple[str, ...], Layout] = {}

    def columns(self) -> set[str]:
        """Return the top-level names of every field that may be read."""
        roles = [*(names for _, names in self.layout.payload), *self.layout[1:]]
        return {part for names in roles for name in names for part in (name, name.partition(".")[0])}

    def record(self, row: Mapping[str, Any], offset: int) -> Item:
        """Return the item for ``row``, whose place in the file is ``offset``."""
        layout = self._layout(tuple(row))
        for kind, names in layout.payload:
            value = _first_value(row, names)
            if value is None:
                continue
            url = _string(_first_value(row, layout.url)) if layout.url else None
            payload = value.encode("utf-8") if type(value) is str else _payload(value)
            if payload is None:
                detail = f"The field of the {kind} is a {type(value).__name__}."
                return Quarantined(offset, "text_not_a_string", detail, url)
            if len(payload) > self._max_bytes:
                detail = f"{len(payload)} bytes are more than max_record_bytes."
                return Quarantined(offset, "record_too_large", detail, url)
            if not payload or payload.isspace():
                return Skipped("empty_body")
            # By position, in the order of Record: by name takes three times as long, and this runs once a record.
            return Record(
                offset,
                kind,
                payload,
                url,
                _string(_first_value(row, layout.id)) if layout.id else None,
                None,  # fetched_at
                None,  # http_content_type
                None,  # http_content_encoding
                None,  # http_transfer_encoding
                None,  # opt_out
                _string(_first_value(row, layout.title)) if layout.title else None,
                epoch_seconds(_first_value(row, layout.date)) if layout.date else None,
                _string(_first_value(row, layout.label)) if layout.label else None,
            )
        return Skipped("no_text")

    def items(self, rows: Sequence[Mapping[str, Any]], offsets: Sequence[int], path: str) -> Iterator[Item]:
        """Yield what :meth:`record` gives for each of ``rows`` of the file ``path``, plain records as :class:`Rows`.

        A row is plain where the first kind of payload that any of them has is a string of this row that is not
        blank; others go through :meth:`record`.
        """
        if len(rows) < _LEAST_ROWS:
            yield from map(self.record, rows, offsets)
            return
        keys = set(map(tuple, rows))
        layout = self._layout(next(iter(keys))) if len(keys) == 1 else _layout_of(self.layout, set().union(*keys))
        kind, names = next((found for found in layout.payload if found[1]), ("", ()))
        texts = _first_values(rows, names) if names else [None] * len(rows)
        payloads = [text.encode("utf-8") if type(text) is str else b"" for text in texts]
        limit = self._max_bytes
        odd = [at for at, data in enumerate(payloads) if not data or len(data) > limit or data.isspace()]
        if len(odd) * _MOST_ODD > len(rows):
            yield from map(self.record, rows, offsets)
            return
        records = _columns(rows, offsets, path, kind, payloads, layout)
        sizes = np.fromiter(map(len, payloads), np.int64, len(payloads))
        start = 0
        for at in odd:
            if at > start:
                yield Rows(records.slice(start, at - start), sizes[start:at])
            yield self.record(rows[at], offsets[at])
            start = at + 1
        if start < len(rows):
            yield Rows(records.slice(start), sizes[start:])

    def _layout(self, keys: tuple[str, ...]) -> Layout:
        """Return the layout of rows with ``keys``."""
        layout = self._layouts.get(keys)
        if layout is None:
            if len(self._layouts) >= _MAX_LAYOUTS:
                self._layouts.clear()
            layout = self._layouts[keys] = _layout_of(self.layout, set(keys))
        return layout


def _columns(
    rows: Sequence[Mapping[str, Any]],
    offsets: Sequence[int],
    path: str,
    kind: str,
    payloads: Sequence[bytes],
    layout: Layout,
) -> pa.RecordBatch:
    """Return ``rows`` as a batch of schema ``RECORDS``; what it says of rows that are not plain is void."""
    columns = {
        "path": pa.repeat(pa.scalar(path, pa.string()), len(rows)),
        "offset": pa.array(offsets, pa.int64()),
        "format": pa.repeat(pa.scalar(kind, pa.string()), len(rows)),
        "payload": pa.array(payloads, pa.large_binary()),
    }
    strings = {"url": layout.url, "record_id": layout.id, "title": layout.title, "given_label": layout.label}
    for name, names in strings.items():
        if names:
            values = [
                value.strip() or None if type(value) is str else _string(value) for value in _first_values(rows, names)
            ]
            columns[name] = pa.array(values, pa.string())
    if layout.date:
        dates = [epoch_seconds(value) for value in _first_values(rows, layout.date)]
        columns["published_at"] = pa.array(dates, RECORDS.field("published_at").type)
    arrays = [columns[field.name] if field.name in columns else pa.nulls(len(rows), field.type) for field in RECORDS]
    return pa.RecordBatch.from_arrays(arrays, schema=RECORDS)


def _layout_of(layout: Layout, keys: set[str]) -> Layout:
    """Return ``layout`` without the names that rows with ``keys`` cannot have."""

    def present(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in names if name in keys or name.partition(".")[0] in keys)

    payload = tuple((kind, present(names)) for kind, names in layout.payload)
    return Layout(payload, *(present(names) for names in layout[1:]))


def _payload(value: Any) -> bytes | None:
    """Return the bytes of a string, of bytes, or of a list of strings as lines; None for anything else."""
    if isinstance(value, str):
        return value.encode("utf-8")
    if isinstance(value, bytes):
        return value
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "\n".join(value).encode("utf-8")
    return None


def _first_value(row: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """Return the first value that is neither null nor empty, or None."""
    for name in names:
        value = row[name] if name in row else _descend(row, name)
        if value is not None and value != "":
            return value
    return None


def _first_values(rows: Sequence[Mapping[str, Any]], names: tuple[str, ...]) -> list[Any]:
    """Return :func:`_first_value` of each of ``rows``."""
    if any("." in name for name in names):
        return [_first_value(row, names) for row in rows]
    found = [row.get(names[0]) for row in rows]
    for name in names[1:]:
        if None not in found and "" not in found:
            return found
        found = [
            row.get(name) if value is None or value == "" else value for row, value in zip(rows, found, strict=True)
        ]
    return [None if value == "" else value for value in found] if "" in found else found


def _descend(row: Mapping[str, Any], name: str) -> Any:
    value: Any = row
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _string(value: Any) -> str | None:
    """Return scalars as text; None for null, blank and nested values."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip() or None
    return None
