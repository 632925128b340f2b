"""The registry of formats. A new one is a module with ``read`` and a line here (and its looks in ``detect.py``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, BinaryIO, Literal, NamedTuple

if TYPE_CHECKING:
    from corpus.config.input import InputSettings
    from corpus.reading.piece import Piece
    from corpus.reading.records import Item

    Reader = Callable[[BinaryIO, Piece, InputSettings], Iterator[Item]]


class Format(NamedTuple):
    """Where a format is read, and how its files become splits.

    ``cut``: "file" (each whole), "bytes" (ranges, where uncompressed),
    "row_groups" (ranges), "bundle" (small files together).
    """

    module: str
    cut: Literal["file", "bytes", "row_groups", "bundle"]


FORMATS = {
    "warc": Format("corpus.reading.warc", "file"),
    "wudao": Format("corpus.reading.wudao", "file"),
    "jsonl": Format("corpus.reading.jsonl", "bytes"),
    "parquet": Format("corpus.reading.parquet", "row_groups"),
    "html": Format("corpus.reading.html", "bundle"),
    "text": Format("corpus.reading.text", "bundle"),
}


def reader(name: str) -> Reader:
    """Return the ``read`` function of format ``name``."""
    read: Reader = import_module(FORMATS[name].module).read
    return read
