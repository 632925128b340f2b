"""Undoes Transfer-Encoding and Content-Encoding, broken and lying ones too, within a budget of bytes."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import brotli
import zstandard

_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]{0,256})?\r?\n")
_CUT_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,8}\r?")
_STEP = 1 << 16  # bytes of output per call
_FINE_STEP = 1 << 12  # for decoders whose output is lost with the call that fails
_INPUT_STEP = 1 << 12  # zlib copies what it does not consume: short inputs keep that cheap
_GZIP_MAGIC = b"\x1f\x8b\x08"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


class BudgetExceeded(ValueError):
    """A body decompresses to more bytes than its budget."""


class CodingError(ValueError):
    """A body is not in the coding that its header names, and is not plain text either."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How far a body may expand: ``ratio`` times its stored size, at least ``floor``, at most ``ceiling`` bytes."""

    ratio: int
    floor: int
    ceiling: int

    def limit(self, stored: int) -> int:
        """Return the bytes that a body of ``stored`` bytes may become."""
        return min(self.ceiling, max(self.floor, self.ratio * stored))


def undo_transfer_encoding(body: bytes, header: str | None) -> bytes:
    """Return ``body`` without chunk framing where ``header`` names "chunked" and the framing is there.

    Archives often keep the header but store the body unframed: a body that does
    not begin with a chunk is returned as it is. Where a later chunk's frame is
    broken, the rest of the body follows as it is; a last chunk shorter than its
    size is kept.
    """
    if not header or "chunked" not in header.lower():
        return body
    pieces: list[bytes] = []
    position = 0
    while position < len(body):
        match = _CHUNK_SIZE.match(body, position)
        if match is None:
            if not pieces:
                return body
            if not _CUT_CHUNK_SIZE.fullmatch(body, position):
                pieces.append(body[position:])
            break
        size = int(match.group(1), 16)
        start = match.end()
        if size == 0:
            break
        end = start + size
        if not pieces and end < len(body) and body[end : end + 1] not in (b"\r", b"\n"):
            return body
        pieces.append(body[start:end])
        position = end + 2 if body[end : end + 2] == b"\r\n" else end + 1 if body[end : end + 1] == b"\n" else end
    return b"".join(pieces)


def _inflate(body: bytes, wbits: int) -> Iterator[bytes]:
    """Yield what ``body`` inflates to, up to the byte where it breaks; gzip members follow one another."""
    inflater = zlib.decompressobj(wbits)
    for start in range(0, len(body), _INPUT_STEP):
        rest = body[start : start + _INPUT_STEP]
        while rest:
            if inflater.eof:
                if wbits <= zlib.MAX_WBITS or not rest.startswith(_GZIP_MAGIC[: len(rest)]):
                    return  # what follows the last member is padding
                inflater = zlib.decompressobj(wbits)
            before = inflater.copy()
            try:
                piece = inflater.decompress(rest, _STEP)
            except zlib.error:
                yield from _salvage(before, rest)
                raise
            yield piece
            rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
    if not inflater.eof:
        yield inflater.flush()
        raise zlib.error("stream ends early")


def _salvage(inflater: zlib._Decompress, rest: bytes) -> Iterator[bytes]:
    """Yield byte by byte what comes before the break: zlib's binding discards the output of a call that fails."""
    while rest:
        try:
            yield inflater.decompress(rest, 1)
        except zlib.error:
            return
        rest = inflater.unconsumed_tail


def _deflate(body: bytes) -> Iterator[bytes]:
    """Yield the pieces of a zlib stream or, as many servers send, of a bare deflate stream."""
    # RFC 1950: method 8 in the low bits and a header that 31 divides.
    is_zlib = len(body) > 1 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
    return _inflate(body, zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)


def _brotli(body: bytes) -> Iterator[bytes]:
    decoder = brotli.Decompressor()
    yield decoder.process(body, output_buffer_limit=_FINE_STEP)
    while not decoder.is_finished():
        piece = decoder.process(b"", output_buffer_limit=_FINE_STEP)
        if not piece and decoder.can_accept_more_data():
            raise brotli.error("stream ends early")
        yield piece


def _zstd(body: bytes) -> Iterator[bytes]:
    with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(body, read_across_frames=True) as reader:
        while piece := reader.read(_FINE_STEP):
            yield piece


_DECODERS: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "gzip": lambda body: _inflate(body, zlib.MAX_WBITS | 16),
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
_ALIASES = {"x-gzip": "gzip", "gz": "gzip", "x-deflate": "deflate", "zlib": "deflate", "brotli": "br", "x-zstd": "zstd"}


def _decompress(body: bytes, coding: str, limit: int) -> tuple[bytes, bool]:
    """Return what ``body`` decompresses to, and whether it did so to the stream's end.

    A stream that ends or breaks early gives what came before. Raises
    :class:`BudgetExceeded` above ``limit`` bytes.
    """
    pieces: list[bytes] = []
    size = 0
    sound = True
    try:
        for piece in _DECODERS[coding](body):
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                raise BudgetExceeded(f"{coding} body of {len(body)} bytes expands beyond {limit} bytes")
    except (zlib.error, brotli.error, zstandard.ZstdError):
        sound = False
    return b"".join(pieces), sound


def looks_like_text(body: bytes) -> bool:
    """Return whether the first kilobyte of ``body`` holds next to no control bytes, so that it may be text."""
    head = body[:1024]
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return controls * 50 <= len(head)


_CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n\x0c\r\x1b") + b"\x7f"


def undo_content_encoding(body: bytes, header: str | None, budget: Budget) -> bytes:
    """Return ``body`` with the codings of ``header`` undone, the last one first.

    A body that is not in the coding its header names is taken as it is where it
    looks like text (servers and archives leave stale headers behind); a gzip or
    zstd body without a header is undone too. Unknown tokens such as "utf-8" or
    "identity" are passed over. Raises :class:`BudgetExceeded` and
    :class:`CodingError`.
    """
    limit = budget.limit(len(body))
    tokens = [token.strip().lower() for token in header.split(",")] if header else []
    for token in reversed(tokens):
        coding = _ALIASES.get(token, token)
        if coding not in _DECODERS or not body:
            continue
        decoded, sound = _decompress(body, coding, limit)
        if decoded and (sound or not looks_like_text(body)):
            body = decoded
        elif not (looks_like_text(body) or body.startswith((_GZIP_MAGIC, _ZSTD_MAGIC))):
            raise CodingError(f"body of {len(body)} bytes is not {coding}, as its header says, nor text")
    for magic, coding in ((_GZIP_MAGIC, "gzip"), (_ZSTD_MAGIC, "zstd")):
        if body.startswith(magic):
            decoded, sound = _decompress(body, coding, limit)
            body = decoded if sound else decoded or body
    return body
