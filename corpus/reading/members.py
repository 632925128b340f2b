"""Gzip members and zstd frames, decoded one after the other past damage.

Web archives hold one record in each. Python's ``gzip`` stops at the first bad
byte; here a :class:`Break` is yielded in its place, and decoding goes on at
the next member that decodes, so that one damaged record costs one record.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import zstandard

GZIP_MAGIC = b"\x1f\x8b\x08"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

_RAW_CHUNK = 1 << 18
_GZIP_STEP = 1 << 15
# zstd has no output limit per call and a block of 4 bytes may expand to 128 KiB: 4 KiB of input to at most 128 MiB.
_ZSTD_STEP = 1 << 12
DECODED_CHUNK = 1 << 20
# A member's raw bytes are kept up to this size, so that the search for the next one can start right behind its head.
_RETAINED = 1 << 22
# Bytes that a candidate for the next member must decode without error before it is believed.
_TRIAL = 1 << 10
_MAX_DICTIONARY = 1 << 26


class Break(NamedTuple):
    """Why decoded bytes end before the file does: file offset, code, one sentence."""

    offset: int
    reason: str
    detail: str


class Chunk(NamedTuple):
    """Decoded bytes."""

    data: bytes
    member: int | None  # file offset of the member or frame that these bytes begin


def is_skippable_frame(head: bytes) -> bool:
    """Return whether ``head`` begins a zstd skippable frame (magic 0x184D2A50 to 0x184D2A5F, RFC 8878)."""
    return len(head) >= 4 and 0x50 <= head[0] <= 0x5F and head[1:4] == b"\x2a\x4d\x18"


def codec_of(head: bytes) -> str:
    """Return "gzip", "zstd" or "none" by the first bytes of a file."""
    if head.startswith(GZIP_MAGIC):
        return "gzip"
    return "zstd" if head.startswith(ZSTD_MAGIC) or is_skippable_frame(head) else "none"


class Source:
    """The raw file, with a window that can be searched for the next member."""

    def __init__(self, raw: BinaryIO, offset: int) -> None:
        self._raw = raw
        self._window = b""
        self._cursor = 0
        self._mark: int | None = None  # window position from which bytes are kept
        self._end = offset  # file offset of the window's end

    @property
    def offset(self) -> int:
        return self._end - len(self._window) + self._cursor

    def peek(self, size: int) -> bytes:
        """Return up to ``size`` bytes at the cursor without consuming them."""
        while len(self._window) - self._cursor < size:
            more = self._raw.read(max(_RAW_CHUNK, size))
            if not more:
                break
            if self._mark is not None and self._cursor - self._mark > _RETAINED:
                self._mark = None
            drop = self._cursor if self._mark is None else self._mark
            self._window = self._window[drop:] + more
            self._cursor -= drop
            self._mark = None if self._mark is None else 0
            self._end += len(more)
        return self._window[self._cursor : self._cursor + size]

    def advance(self, size: int) -> None:
        self._cursor += size

    def skip(self, size: int) -> None:
        """Consume ``size`` bytes, or what is left of them."""
        while size and (data := self.peek(min(size, _RAW_CHUNK))):
            self._cursor += len(data)
            size -= len(data)

    def mark(self) -> None:
        self._mark = self._cursor

    def rewind_behind_mark(self) -> None:
        """Go back to one byte behind the mark, where the bytes are still held."""
        self._cursor = (self._cursor if self._mark is None else self._mark) + 1
        self._mark = None

    def skip_zeros(self) -> bool:
        """Move past zero bytes; True where that reached the end of the file."""
        while data := self.peek(_RAW_CHUNK):
            kept = len(data.lstrip(b"\0"))
            self._cursor += len(data) - kept
            if kept:
                return False
        return True

    def seek_member(self, codec: str) -> None:
        """Move to the next place where a member or frame decodes, or to the end of the file."""
        magic = GZIP_MAGIC if codec == "gzip" else ZSTD_MAGIC
        while len(self.peek(len(magic))) == len(magic):
            found = self._window.find(magic, self._cursor)
            if found < 0:
                self._cursor = len(self._window) - len(magic) + 1
                self.peek(_RAW_CHUNK)
                continue
            self._cursor = found
            if _decodes(self.peek(_TRIAL), codec):
                return
            self._cursor += 1
        self._cursor = len(self._window)


def _decodes(head: bytes, codec: str) -> bool:
    try:
        if codec == "gzip":
            zlib.decompressobj(31).decompress(head, _TRIAL)
        else:
            zstandard.ZstdDecompressor().decompressobj().decompress(head)
    except (zlib.error, zstandard.ZstdError):
        return False
    return True


def _plain(source: Source) -> Iterator[Chunk | Break]:
    while data := source.peek(_RAW_CHUNK):
        source.advance(len(data))
        yield Chunk(data, None)


def _gzip(source: Source) -> Iterator[Chunk | Break]:
    while head := source.peek(len(GZIP_MAGIC)):
        start = source.offset
        if head == GZIP_MAGIC:
            yield from _gzip_member(source, start)
        # Zeros behind the last member are padding of tapes and block devices and hold nothing.
        elif not source.skip_zeros() and source.peek(len(GZIP_MAGIC)) != GZIP_MAGIC:
            source.seek_member("gzip")
            yield Break(start, "corrupt_gzip", f"The bytes {start} to {source.offset} are no gzip member.")


def _gzip_member(source: Source, start: int) -> Iterator[Chunk | Break]:
    engine = zlib.decompressobj(31)
    member: int | None = start
    source.mark()
    while not engine.eof:
        raw = source.peek(_GZIP_STEP)
        try:
            data = engine.decompress(raw, DECODED_CHUNK)
        except zlib.error as error:
            source.rewind_behind_mark()
            source.seek_member("gzip")
            yield Break(start, "corrupt_gzip", f"The gzip member at {start} does not decode ({error}).")
            return
        source.advance(len(raw) - len(engine.unconsumed_tail) - len(engine.unused_data))
        if data:
            yield Chunk(data, member)
            member = None
        elif not raw:
            # Damage to the member's own header can make it swallow all others.
            source.rewind_behind_mark()
            source.seek_member("gzip")
            yield Break(start, "truncated_gzip", f"The file ends inside the gzip member at {start}.")
            return


def _zstd(source: Source) -> Iterator[Chunk | Break]:
    decompressor = zstandard.ZstdDecompressor()
    while head := source.peek(8):
        start = source.offset
        if head.startswith(ZSTD_MAGIC):
            yield from _zstd_frame(source, start, decompressor)
        elif is_skippable_frame(head) and len(head) == 8:
            size = int.from_bytes(head[4:], "little")
            # Magic 0x184D2A5D at the start of a .warc.zst holds its dictionary (IIPC, WARC-zstd 1.0).
            if start == 0 and head[0] == 0x5D and size <= _MAX_DICTIONARY:
                decompressor = _with_dictionary(source.peek(8 + size)[8:])
            source.skip(8 + size)
        elif not source.skip_zeros() and not source.peek(4).startswith(ZSTD_MAGIC):
            source.advance(1)
            source.seek_member("zstd")
            yield Break(start, "corrupt_zstd", f"The bytes {start} to {source.offset} are no zstd frame.")


def _with_dictionary(data: bytes) -> zstandard.ZstdDecompressor:
    try:
        if data.startswith(ZSTD_MAGIC):
            data = zstandard.ZstdDecompressor().decompress(data, max_output_size=_MAX_DICTIONARY)
        return zstandard.ZstdDecompressor(dict_data=zstandard.ZstdCompressionDict(data))
    except zstandard.ZstdError:
        return zstandard.ZstdDecompressor()


def _zstd_frame(source: Source, start: int, decompressor: zstandard.ZstdDecompressor) -> Iterator[Chunk | Break]:
    engine = decompressor.decompressobj()
    member: int | None = start
    source.mark()
    while not engine.eof:
        raw = source.peek(_ZSTD_STEP)
        if not raw:
            source.rewind_behind_mark()
            source.seek_member("zstd")
            yield Break(start, "truncated_zstd", f"The file ends inside the zstd frame at {start}.")
            return
        try:
            data = engine.decompress(raw)
        except zstandard.ZstdError as error:
            source.rewind_behind_mark()
            source.seek_member("zstd")
            yield Break(start, "corrupt_zstd", f"The zstd frame at {start} does not decode ({error}).")
            return
        source.advance(len(raw) - len(engine.unused_data))
        if data:
            yield Chunk(data, member)
            member = None


DECODERS = {"none": _plain, "gzip": _gzip, "zstd": _zstd}
