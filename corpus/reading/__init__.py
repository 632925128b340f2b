"""Reading: files of any supported format to batches of raw records.

:func:`corpus.reading.splits.plan_splits` cuts the input into splits;
:func:`read_split` reads one. Nothing is decoded here: payloads are bytes as
stored, and the decode step undoes HTTP encodings and charsets.
"""

from __future__ import annotations

from collections.abc import Iterator

from corpus.config.input import InputSettings
from corpus.reading.files import InputError, open_file, size_of
from corpus.reading.formats import reader
from corpus.reading.piece import Piece
from corpus.reading.records import Batcher, ReadBatch
from corpus.reading.splits import Plan, Split, plan_splits

__all__ = ["InputError", "Piece", "Plan", "ReadBatch", "Split", "plan_splits", "read_split"]


def read_split(split: Split, settings: InputSettings) -> Iterator[ReadBatch]:
    """Yield the batches of ``split``.

    Batch borders are a function of the split's content and of
    ``settings.batch_bytes`` and ``batch_rows``. Memory is bounded by one batch
    and one record. Damaged content is quarantined; I/O errors propagate, for
    they may pass when the task is run again.

    Raises
    ------
    InputError
        where a file has another size than when the split was planned.
    OSError
        where a file cannot be opened or read.
    """
    batcher = Batcher(settings.batch_bytes, settings.batch_rows)
    for piece in split.pieces:
        with open_file(piece.uri) as raw:
            if size_of(raw) != piece.size:
                raise InputError(f"The input {piece.path} has changed since the build was planned; start it again.")
            yield from batcher.batches(piece.path, reader(piece.format)(raw, piece, settings))
    yield from batcher.rest()
