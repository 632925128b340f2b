"""A forward-only window over a file's decoded bytes that survives damage."""

from __future__ import annotations

from collections import deque
from typing import BinaryIO

from corpus.reading.members import DECODED_CHUNK, DECODERS, Break, Source, codec_of


class InputStream:
    """A window over decoded bytes: ``window[cursor:]`` is what lies ahead.

    Readers look at the window, call :meth:`fill` for more and raise ``cursor``.
    Where :meth:`fill` returns False, ``broken`` tells an early end from the
    file's end. I/O errors propagate: they are the engine's to retry.
    """

    def __init__(self, raw: BinaryIO, *, start: int = 0, codec: str | None = None, max_decoded: int) -> None:
        source = Source(raw, start)
        self.codec = codec or (codec_of(source.peek(8)) if start == 0 else "none")
        self.window = bytearray()
        self.cursor = 0
        self.broken: Break | None = None
        self._chunks = DECODERS[self.codec](source)
        self._base = start  # decoded position of window[0]
        self._left = max_decoded
        self._members: deque[tuple[int, int]] = deque()  # (decoded position, file offset), ascending

    @property
    def position(self) -> int:
        """Decoded position of the cursor; equals the file offset in uncompressed files."""
        return self._base + self.cursor

    @property
    def offset(self) -> int:
        """File offset of the cursor: of its gzip member or zstd frame, plus the decoded distance from its start."""
        position = self.position
        while len(self._members) > 1 and self._members[1][0] <= position:
            self._members.popleft()
        if self._members and self._members[0][0] <= position:
            return self._members[0][1] + position - self._members[0][0]
        return position

    def fill(self) -> bool:
        """Append more decoded bytes to the window (its front may move); False at a break or at the end."""
        if self.broken is not None:
            return False
        item = next(self._chunks, None)
        if item is None:
            return False
        if isinstance(item, Break):
            self.broken = item
            return False
        if self.cursor > DECODED_CHUNK:
            del self.window[: self.cursor]
            self._base += self.cursor
            self.cursor = 0
        if item.member is not None:
            self._members.append((self._base + len(self.window), item.member))
        self._left -= len(item.data)
        if self._left < 0:
            self._chunks = iter(())
            self.broken = Break(
                self.offset, "decompressed_too_large", "The file decompresses to more than max_decompressed_bytes."
            )
            return False
        self.window += item.data
        return True

    def ahead(self, size: int) -> int:
        """Fill until ``size`` bytes lie ahead of the cursor, and return how many do (at most ``size``)."""
        while len(self.window) - self.cursor < size and self.fill():
            pass
        return min(size, len(self.window) - self.cursor)

    def discard(self, size: int) -> int:
        """Consume up to ``size`` bytes in bounded memory, and return how many there were."""
        left = size
        while left:
            step = min(left, self.ahead(min(left, DECODED_CHUNK)))
            if not step:
                break
            self.cursor += step
            left -= step
        return size - left

    def take(self, start: int, end: int) -> bytes:
        """Return a copy of ``window[start:end]``."""
        with memoryview(self.window) as view:
            return bytes(view[start:end])

    def resume(self) -> None:
        """Drop what is left before the break and go on behind it."""
        self.broken = None
        self._base += len(self.window)
        self.window.clear()
        self.cursor = 0
