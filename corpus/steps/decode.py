"""Decode: from the payload of a record to text.

Undoes transfer and content encodings, decides the charset and decodes.
Payloads that are clean UTF-8 (one compiled scan over the whole batch tells) are
passed on without a copy; only the others are looked at one by one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.charset.binary import CONTROL_SHARE, has_binary_signature
from corpus.charset.cascade import Cascade, Decoded, Utf8Scan
from corpus.charset.content_coding import (
    Budget,
    BudgetExceeded,
    CodingError,
    undo_content_encoding,
    undo_transfer_encoding,
)
from corpus.charset.statistics import CharsetStatistics
from corpus.config.decode import DecodeSettings
from corpus.identity import payload_digests
from corpus.kernels import encoding
from corpus.kernels.buffers import Bytes, Offsets, large_string_array, text_buffers
from corpus.steps.interface import Outcome, Removal, keep_rows, set_column
from corpus.steps.replacing import replace_values

# Share of replacement characters is stored to this step, so that it is the same on every platform.
_SHARE_QUANTUM = 1e-6


class Decode:
    """Adds ``payload_digest``, ``charset``, ``charset_source``, ``replacement_share`` and ``content`` for ``payload``.

    Input: ``corpus.schema.RECORDS``. ``charset_source`` is one of "bom",
    "utf-8", "header", "meta", "xml", "statistics", "fallback". Skipped: "empty"
    payloads and "binary" ones. Quarantined: "decompression_budget",
    "content_encoding".
    """

    name = "decode"
    version = 1

    def __init__(self, settings: DecodeSettings) -> None:
        """Keep the settings; nothing is loaded yet."""
        self.settings = settings
        self._budget = Budget(settings.max_expansion, settings.expansion_floor, settings.max_bytes)
        self._statistics = CharsetStatistics(settings.statistics_bytes)
        self._cascade = Cascade(self._statistics, settings.error_share)

    def load(self) -> None:
        """Load the charset statistics and compile the kernels."""
        self._statistics.load()
        self._statistics.readings(self._statistics.sample(b"\xc4\xe3"))
        _scan(np.frombuffer(b"ab", dtype=np.uint8), np.array([0, 2], dtype=np.int64))

    def artifacts(self) -> dict[str, str]:
        """Return nothing: the tables are part of the package."""
        return {}

    def apply(self, batch: pa.RecordBatch) -> Outcome:
        """Return the decoded batch; independent of how rows are batched."""
        payload = batch.column("payload")
        digests = payload_digests(payload)
        removals: list[Removal] = []
        data, offsets = self._undo_codings(batch, removals)
        found = _scan(data, offsets)
        removed = {removal.row for removal in removals}
        removals += _skip(data, offsets, found, removed)
        removed.update(removal.row for removal in removals)

        rows = batch.num_rows
        charsets: list[str] = ["utf-8"] * rows
        sources: list[str] = ["utf-8"] * rows
        shares = np.zeros(rows, dtype=np.float64)
        decoded = {}
        # HZ hides its characters in ASCII without a control byte: only the header tells.
        claims_hz = pc.match_substring(batch.column("http_content_type"), "hz", ignore_case=True)
        doubtful = _needs_cascade(data, offsets, found) | claims_hz.fill_null(False).to_numpy(zero_copy_only=False)
        for row in np.flatnonzero(doubtful).tolist():
            if row in removed:
                continue
            result = self._decode_row(batch, row, bytes(data[offsets[row] : offsets[row + 1]]), found[row])
            if result is None or not result.text:
                removals.append(Removal(row, "skipped", "empty" if result else "binary"))
                continue
            if result.source != "utf-8" or result.replacements:  # else the bytes are the text
                decoded[row] = result.text
            charsets[row] = result.charset
            sources[row] = result.source
            shares[row] = result.replacements / len(result.text)
        shares = np.round(shares / _SHARE_QUANTUM) * _SHARE_QUANTUM

        output = batch.drop_columns(["payload"])
        output = set_column(output, "payload_digest", digests)
        output = set_column(output, "charset", pa.array(charsets, type=pa.string()))
        output = set_column(output, "charset_source", pa.array(sources, type=pa.string()))
        output = set_column(output, "replacement_share", pa.array(shares.astype(np.float32)))
        removals.sort(key=lambda removal: removal.row)
        gone = {removal.row for removal in removals}
        output = set_column(output, "content", _content(data, offsets, decoded, gone))
        return Outcome(keep_rows(output, removals), removals)

    def _undo_codings(self, batch: pa.RecordBatch, removals: list[Removal]) -> tuple[Bytes, Offsets]:
        """Return the buffers of the payloads without their HTTP codings: those of the column where there is none."""
        data, offsets = text_buffers(batch.column("payload"))
        transfer = batch.column("http_transfer_encoding")
        content = batch.column("http_content_encoding")
        changed: dict[int, bytes] = {}
        for row in np.flatnonzero(_may_be_coded(data, offsets, transfer, content)).tolist():
            body = stored = bytes(data[offsets[row] : offsets[row + 1]])
            try:
                body = undo_transfer_encoding(body, transfer[row].as_py())
                body = undo_content_encoding(body, content[row].as_py(), self._budget)
            except BudgetExceeded as error:
                removals.append(Removal(row, "quarantined", "decompression_budget", detail=str(error)))
                body = b""
            except CodingError as error:
                removals.append(Removal(row, "quarantined", "content_encoding", detail=str(error)))
                body = b""
            if body is not stored:
                changed[row] = body
        return replace_values(data, offsets, changed)

    def _decode_row(self, batch: pa.RecordBatch, row: int, body: bytes, found: npt.NDArray[np.int64]) -> Decoded | None:
        scan = Utf8Scan(
            errors=int(found[encoding.ERRORS]),
            multibyte=int(found[encoding.MULTIBYTE]),
            wide=int(found[encoding.WIDE]),
            nuls=int(found[encoding.NULS]),
            controls=int(found[encoding.CONTROLS] - found[encoding.NULS]),
            escapes=int(found[encoding.ESCAPES]),
        )
        content_type = batch.column("http_content_type")[row].as_py()
        return self._cascade.decode(body, scan, content_type, batch.column("format")[row].as_py() == "html")


def _scan(data: Bytes, offsets: Offsets) -> npt.NDArray[np.int64]:
    found = np.zeros((len(offsets) - 1, encoding.FIELDS), dtype=np.int64)
    encoding.scan_utf8(data, data[: len(data) // 8 * 8].view(np.uint64), offsets, found)
    return found


def _first_bytes(data: Bytes, offsets: Offsets, position: int) -> npt.NDArray[np.int64]:
    """Return byte ``position`` of every value, -1 where it is shorter."""
    at = offsets[:-1] + position
    inside = at < offsets[1:]
    first = np.full(len(at), -1, dtype=np.int64)
    first[inside] = data[at[inside]]
    return first


def _may_be_coded(data: Bytes, offsets: Offsets, transfer: pa.Array, content: pa.Array) -> npt.NDArray[np.bool_]:
    """Return which payloads have a coding header or begin like gzip or zstd."""
    coded = np.zeros(len(offsets) - 1, dtype=bool)
    for column in (transfer, content):
        _, borders = text_buffers(column)
        coded |= np.diff(borders) > 0
    first = _first_bytes(data, offsets, 0)
    second = _first_bytes(data, offsets, 1)
    coded |= ((first == 0x1F) & (second == 0x8B)) | ((first == 0x28) & (second == 0xB5))
    return coded


def _skip(data: Bytes, offsets: Offsets, found: npt.NDArray[np.int64], removed: set[int]) -> list[Removal]:
    """Return the removals of empty and binary bodies."""
    lengths = np.diff(offsets)
    removals = [Removal(row, "skipped", "empty") for row in np.flatnonzero(lengths == 0).tolist() if row not in removed]
    # A signature holds a control byte or one beyond ASCII, or is one of a few ASCII openings.
    first = _first_bytes(data, offsets, 0)
    openings = np.isin(first, [ord(opening) for opening in "GPR7BMOIfFCwSA%0"])
    suspect = (found[:, encoding.CONTROLS] > 0) | (found[:, encoding.ERRORS] > 0) | openings
    for row in np.flatnonzero(suspect & (lengths > 0)).tolist():
        opening = bytes(data[offsets[row] : min(offsets[row] + 64, offsets[row + 1])])
        if row not in removed and has_binary_signature(opening):
            removals.append(Removal(row, "skipped", "binary"))
    return removals


def _needs_cascade(data: Bytes, offsets: Offsets, found: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return which rows are not plainly UTF-8 without a mark."""
    first = _first_bytes(data, offsets, 0)
    doubtful: npt.NDArray[np.bool_] = (
        (found[:, encoding.ERRORS] > 0)
        | (found[:, encoding.CUT] > 0)
        | (found[:, encoding.NULS] > 0)
        | (found[:, encoding.CONTROLS] > CONTROL_SHARE * np.diff(offsets))
        | (found[:, encoding.ESCAPES] > 0)
        | (first == 0xEF)
        | (first == 0xFE)
        | (first == 0xFF)
        # Valid, but two-byte sequences only: see Cascade._accidental_utf8.
        | ((found[:, encoding.MULTIBYTE] > 0) & (found[:, encoding.WIDE] == 0) & (found[:, encoding.MULTIBYTE] <= 64))
    )
    return doubtful


def _content(data: Bytes, offsets: Offsets, decoded: dict[int, str], gone: set[int]) -> pa.Array:
    """Return the texts: the bodies themselves where nothing was decoded, without copying them."""
    changed = dict.fromkeys(gone, b"") | {row: text.encode("utf-8", "replace") for row, text in decoded.items()}
    return large_string_array(*replace_values(data, offsets, changed))
