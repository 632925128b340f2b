"""Lines of JSON to columns by compiled loops; what those do not know goes through a general parser and its rows."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpus.kernels import json_lines, json_tokens
from corpus.reading.dates import epoch_seconds
from corpus.reading.fields import FieldMap, Layout
from corpus.reading.json_values import JsonFault, parse_object
from corpus.reading.records import Item, Quarantined, Rows
from corpus.schema import RECORDS

# What str.strip() takes off.
_SPACES = "".join(chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace())
# Columns of RECORDS made from fields, beside the payload's.
_STRINGS = ("url", "record_id", "title", "given_label")
_DATE = "published_at"


class _Names(NamedTuple):
    """The names of fields as :func:`corpus.kernels.json_lines.find_fields` takes them."""

    names: NDArray[np.uint8]
    borders: NDArray[np.int64]
    by_size: NDArray[np.int64]
    roles: NDArray[np.int64]
    ranks: NDArray[np.int64]


class JsonLines:
    """Reads blocks of lines that hold one JSON object each, with the fields of ``fields``.

    Blocks must not be larger than a record may be.
    """

    def __init__(self, fields: FieldMap) -> None:
        self._fields = fields
        self._kinds = [kind for kind, _ in fields.layout.payload]
        self._columns = (*_STRINGS, _DATE)
        self._names = _names(fields.layout)

    def items(self, block: NDArray[np.uint8], first: int, end: int | None, path: str) -> Iterator[Item]:
        """Yield the items of the lines in ``block`` that begin in front of ``end``; none for a line that is blank.

        ``block`` ends with LF and lies at ``first`` of the decoded file ``path``.
        """
        lines = int(np.count_nonzero(block == json_tokens.LF))
        starts = np.empty(lines + 1, np.int64)
        status = np.empty(lines, np.uint8)
        found = np.empty((len(self._kinds) + len(self._columns), lines, json_lines.COLUMNS), np.int64)
        json_lines.find_fields(block, *self._names, len(self._kinds), starts, status, found)
        if end is not None:
            lines = int(np.searchsorted(starts[:-1], end - first))
            starts, status, found = starts[: lines + 1], status[:lines], found[:, :lines]
        plain = np.flatnonzero(status == json_lines.PLAIN)
        if len(plain) < lines:
            found = found[:, plain]
        rows = self._rows(block, first, starts[plain], found, path)
        taken = 0
        for start, stop in _runs(np.flatnonzero(status == json_lines.ODD)):
            before = int(np.searchsorted(plain, start))
            if before > taken:
                yield Rows(rows.records.slice(taken, before - taken), rows.sizes[taken:before])
            taken = int(np.searchsorted(plain, stop))
            yield from self._odd(block, starts[start : stop + 1], first, path)
        if taken < len(plain):
            yield Rows(rows.records.slice(taken), rows.sizes[taken:])

    def _odd(self, block: NDArray[np.uint8], starts: NDArray[np.int64], first: int, path: str) -> Iterator[Item]:
        """Yield the items of lines that follow each other, ``starts`` being theirs and the end of the last."""
        rows: list[dict[str, Any]] = []
        offsets: list[int] = []
        borders = starts.tolist()
        for start, stop in itertools.pairwise(borders):
            line = block[start : stop - 1].tobytes()
            if not line or line.isspace():
                continue
            row = parse_object(line)
            if isinstance(row, JsonFault):
                yield from self._fields.items(rows, offsets, path)
                rows, offsets = [], []
                yield Quarantined(first + start, "malformed_json", row.detail)
            else:
                rows.append(row)
                offsets.append(first + start)
        yield from self._fields.items(rows, offsets, path)

    def _rows(
        self, block: NDArray[np.uint8], first: int, starts: NDArray[np.int64], found: NDArray[np.int64], path: str
    ) -> Rows:
        """Return the records of plain lines, which begin at ``starts`` and hold what ``found`` says."""
        rows = len(starts)
        payloads = found[0]
        kinds: pa.Array = pa.repeat(pa.scalar(self._kinds[0], pa.string()), rows)
        for role, kind in enumerate(self._kinds[1:], 1):
            missing = payloads[:, json_lines.KIND] == json_lines.NONE
            if missing.any():
                payloads = np.where(missing[:, np.newaxis], found[role], payloads)
                kinds = pc.if_else(pa.array(missing), kind, kinds)
        sizes = payloads[:, json_lines.SIZE]
        columns = {
            "path": pa.repeat(pa.scalar(path, pa.string()), rows),
            "offset": pa.array(first + starts),
            "format": kinds,
            "payload": _large_binary(block, payloads),
        }
        for role, name in enumerate(self._columns, len(self._kinds)):
            values = found[role]
            if np.any(values[:, json_lines.KIND]):
                columns[name] = _dates(block, values) if name == _DATE else _stripped(_strings(block, values))
        arrays = [columns[one.name] if one.name in columns else pa.nulls(rows, one.type) for one in RECORDS]
        return Rows(pa.RecordBatch.from_arrays(arrays, schema=RECORDS), sizes)


def _names(layout: Layout) -> _Names:
    entries: list[tuple[bytes, int, int]] = []
    roles = [*(names for _, names in layout.payload), layout.url, layout.id, layout.title, layout.label, layout.date]
    for role, names in enumerate(roles):
        entries += [(name.encode("utf-8"), role, rank) for rank, name in enumerate(names)]
        entries += [(name.partition(".")[0].encode("utf-8"), json_lines.HEAD, 0) for name in names if "." in name]
    entries.sort(key=lambda entry: len(entry[0]))
    sizes = np.array([len(name) for name, _, _ in entries], np.int64)
    return _Names(
        np.frombuffer(bytearray(b"".join(name for name, _, _ in entries)), np.uint8),
        np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]),
        np.searchsorted(sizes, np.arange(sizes[-1] + 2)).astype(np.int64),
        np.array([role for _, role, _ in entries], np.int64),
        np.array([rank for _, _, rank in entries], np.int64),
    )


def _runs(lines: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield (first, behind the last) of the runs of consecutive numbers in ``lines``."""
    for run in np.split(lines, np.flatnonzero(np.diff(lines) > 1) + 1):
        if len(run):
            yield int(run[0]), int(run[-1]) + 1


def _written(block: NDArray[np.uint8], values: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return offsets and bytes of ``values`` (n x ``COLUMNS``)."""
    sizes = np.where(values[:, json_lines.KIND] == json_lines.NONE, 0, values[:, json_lines.SIZE])
    offsets = np.zeros(len(values) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    out = np.empty(offsets[-1], np.uint8)
    json_lines.write_values(block, np.ascontiguousarray(values), offsets, out)
    return offsets, out


def _large_binary(block: NDArray[np.uint8], values: NDArray[np.int64]) -> pa.Array:
    offsets, out = _written(block, values)
    return pa.Array.from_buffers(pa.large_binary(), len(values), [None, pa.py_buffer(offsets), pa.py_buffer(out)])


def _strings(block: NDArray[np.uint8], values: NDArray[np.int64]) -> pa.Array:
    offsets, out = _written(block, values)
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(out)]
    return pa.Array.from_buffers(pa.string(), len(values), buffers)


def _stripped(values: pa.Array) -> pa.Array:
    """Return ``values`` without white space at their ends, null where nothing is left."""
    values = pc.utf8_trim(values, characters=_SPACES)
    return pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)


def _dates(block: NDArray[np.uint8], values: NDArray[np.int64]) -> pa.Array:
    is_number = (values[:, json_lines.KIND] == json_lines.INTEGER).tolist()
    texts = _strings(block, values).to_pylist()
    seconds = [epoch_seconds(int(text) if number else text) for text, number in zip(texts, is_number, strict=True)]
    return pa.array(seconds, RECORDS.field(_DATE).type)
