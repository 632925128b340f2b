"""HTML files: one file is one page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from corpus.config.input import InputSettings
from corpus.reading.piece import Piece
from corpus.reading.records import Item
from corpus.reading.whole_file import read_whole


def read(raw: BinaryIO, piece: Piece, settings: InputSettings) -> Iterator[Item]:
    """Yield the page, undecoded."""
    yield from read_whole(raw, settings, "html")
