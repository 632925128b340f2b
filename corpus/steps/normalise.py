"""Normalise: one form of the same text, with nothing rewritten that a reader would see.

Unicode NFC; control, zero-width, private-use and replacement characters are
removed; spaces are removed between Chinese characters and at the ends of lines,
and collapsed elsewhere; runs of blank lines are collapsed; character references
that extraction left behind are decoded once. Zero-width joiners stay where they
shape emoji and Arabic or Indic letters, variation selectors after emoji. A tab
stays (one for a run of white space that holds a tab): it separates the cells of
a table.

A compiled scan finds the few documents that need ``unicodedata`` or hold a
character reference; everything else is one compiled pass over the Arrow buffer.
"""

from __future__ import annotations

import html
import re
import unicodedata
from html.entities import html5

import numpy as np
import pyarrow as pa

from corpus.config.normalise import NormaliseSettings
from corpus.kernels import characters
from corpus.kernels.buffers import Bytes, Offsets, large_string_array, text_buffers
from corpus.steps.interface import Outcome, Removal, keep_rows, set_column
from corpus.steps.replacing import replace_values

_REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


class Normalise:
    """Changes ``text`` and ``title``. Dropped: "empty_text", documents of which nothing is left.

    Input: ``corpus.schema.EXTRACTED``. A title of which nothing is left becomes null.
    """

    name = "normalise"
    version = 1

    def __init__(self, settings: NormaliseSettings) -> None:
        """Keep the settings; nothing is loaded yet."""
        self.settings = settings

    def load(self) -> None:
        """Build the table of character classes and compile the kernels."""
        self._table = characters.classes()
        self._normalise(pa.array(["ab"], type=pa.large_string()), one_line=False)

    def artifacts(self) -> dict[str, str]:
        """Return nothing: the tables follow from the interpreter's Unicode data."""
        return {}

    def apply(self, batch: pa.RecordBatch) -> Outcome:
        """Return the batch with normalised text; independent of how rows are batched."""
        text = self._normalise(batch.column("text"), one_line=False)
        _, offsets = text_buffers(text)
        empty = np.flatnonzero(np.diff(offsets) == 0).tolist()
        removals = [Removal(row, "dropped", "empty_text", 0.0, 1.0) for row in empty]
        batch = set_column(batch, "text", text)
        if batch.schema.get_field_index("title") >= 0:
            title = self._normalise(batch.column("title"), one_line=True)
            batch = set_column(batch, "title", title.cast(pa.string()))
        return Outcome(keep_rows(batch, removals), removals)

    def _normalise(self, column: pa.Array, one_line: bool) -> pa.Array:
        """Return ``column`` normalised, as large_string; with ``one_line`` empty values are null."""
        data, offsets = self._rewritten(column)
        size = int(offsets[-1] - offsets[0])
        out = np.empty(size, dtype=np.uint8)
        out_offsets = np.empty(len(offsets), dtype=np.int64)
        characters.clean(
            data,
            offsets,
            self._table,
            self.settings.han_spaces,
            self.settings.indentation,
            self.settings.blank_lines,
            one_line,
            out,
            out_offsets,
        )
        validity = np.diff(out_offsets) > 0 if one_line else None
        return large_string_array(out[: out_offsets[-1]], out_offsets, validity)

    def _rewritten(self, column: pa.Array) -> tuple[Bytes, Offsets]:
        """Return the buffers of ``column`` in NFC and without character references: its own where none needs either."""
        data, offsets = text_buffers(column)
        needs = np.zeros(len(column), dtype=np.uint8)
        characters.inspect(data, offsets, self._table, needs)
        changed = {}
        for row in np.flatnonzero(needs).tolist():
            original = text = bytes(data[offsets[row] : offsets[row + 1]]).decode("utf-8")
            if needs[row] & characters.HAS_REFERENCE and self.settings.entities:
                text = _REFERENCE.sub(_character, text)
            text = unicodedata.normalize("NFC", text)
            if text != original:
                changed[row] = text.encode("utf-8", "replace")
        return replace_values(data, offsets, changed)


def _character(reference: re.Match[str]) -> str:
    """Return the character that ``reference`` names, or the reference itself where it names none."""
    name = reference.group()[1:]
    if name.startswith("#") or name in html5:
        return html.unescape(reference.group())
    return reference.group()
