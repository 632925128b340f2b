"""How much disk a build will take, before it starts, and a clear stop where that much is not there."""

from __future__ import annotations

from collections.abc import Iterable

from corpus.errors import BuildError
from corpus.reading.splits import Split
from corpus.storage import Store

# Bytes written (work, corpus, tokens) per byte of input file, from builds of the web and text samples
# (benchmarks/RESULTS.md, "Disk"), rounded up. Compressed text expands, compressed HTML shrinks to its text.
WRITTEN_PER_BYTE = {"warc": 0.6, "html": 0.5, "jsonl": 2.0, "parquet": 3.0, "text": 2.0, "wudao": 2.0}
COMPRESSED_TEXT = 6.0  # JSONL in gzip or zstd
COMPRESSED_SUFFIXES = (".gz", ".zst", ".zstd")


def estimate(splits: Iterable[Split]) -> int:
    """Return the bytes that a build over ``splits`` writes, as an upper estimate."""
    total = 0.0
    for split in splits:
        for piece in split.pieces:
            factor = WRITTEN_PER_BYTE.get(piece.format, 2.0)
            if piece.format in ("jsonl", "text", "wudao") and piece.path.endswith(COMPRESSED_SUFFIXES):
                factor = COMPRESSED_TEXT
            total += factor * (piece.end - piece.start)
    return int(total)


def check_space(output: Store, needed: int, written: int) -> str | None:
    """Return a sentence on the disk a build will take, None where the output is remote.

    ``written`` bytes lie there already from an earlier run. Raises BuildError
    where less than half of what is needed is free: the estimate is an upper
    one, so a build that may fit is let go on.
    """
    free = output.free_bytes()
    if free is None:
        return None
    missing = max(0, needed - written)
    if free < missing // 2:
        raise BuildError(
            f"{output.root}: about {_size(missing)} will be written and {_size(free)} are free; "
            "choose another output or free some space"
        )
    return f"disk: about {_size(missing)} will be written, {_size(free)} are free"


def _size(size: float) -> str:
    for unit in ("bytes", "KB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
