"""A piece of input: a file or a range of it, the unit that a reader reads."""

from __future__ import annotations

from dataclasses import dataclass

from corpus.identity import digest


@dataclass(frozen=True, slots=True)
class Piece:
    """A file or a range of it: bytes [start, end), or row groups [start, end) of Parquet."""

    path: str  # relative to the input root, "/" separated
    uri: str  # where it is now; no part of the identity
    format: str  # key of corpus.reading.formats.FORMATS
    start: int
    end: int
    size: int  # bytes of the whole file
    digest: str  # hex, of the whole file

    def identity(self) -> bytes:
        """Return what the piece is, without where it lies."""
        values = (self.path, self.format, str(self.start), str(self.end), str(self.size), self.digest)
        return digest(*(value.encode("utf-8") for value in values))
