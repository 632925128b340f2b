"""Splits: the units of work that a build plans, repeats and remembers.

A split is a file, a range of one, or a bundle of small files. Bundles are cut
behind a file whose path hashes low enough, whatever stands beside it, so that
an added file disturbs the bundle that it falls into and no other.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

import pyarrow as pa

from corpus.config.input import FormatName, InputSettings
from corpus.identity import digest
from corpus.reading.detect import HEAD_BYTES, Detection, detect
from corpus.reading.digests import DigestCache
from corpus.reading.files import InputError, InputFile, list_files, open_file, read_head
from corpus.reading.formats import FORMATS
from corpus.reading.piece import Piece
from corpus.reading.records import Quarantined, dead_letters
from corpus.reading.stream import InputStream

# What opening a file costs, in bytes of reading, so that bundles of tiny files stay limited in number.
_OPENING_COST = 1 << 12
_HEADS_AT_ONCE = 32
# A bundle that no border ends is ended at this multiple of the mean; with random borders e^-4 = 2 % are.
_LONGEST_BUNDLE = 4


@dataclass(frozen=True, slots=True)
class Split:
    """Pieces that one task reads, in order."""

    pieces: tuple[Piece, ...]

    def identity(self) -> bytes:
        """Return 16 bytes that change with paths, formats, ranges, sizes and digests, and never with the URI."""
        return digest(*(piece.identity() for piece in self.pieces))

    def to_json(self) -> dict[str, Any]:
        """Return the split as JSON values."""
        return {
            "pieces": [
                {name: getattr(piece, name) for name in Piece.__dataclass_fields__}  # slots: there is no __dict__
                for piece in self.pieces
            ]
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Split:
        """Return the split that :meth:`to_json` wrote."""
        return cls(tuple(Piece(**piece) for piece in value["pieces"]))


@dataclass(frozen=True, slots=True)
class Plan:
    """Splits in order of (path, start) of their first piece, and dead letters for files that are not read."""

    splits: list[Split]
    refused: pa.RecordBatch  # schema DEAD_LETTERS, offset -1, sorted by path


def plan_splits(settings: InputSettings, cache: DigestCache) -> Plan:
    """Return the splits of everything that ``settings.paths`` names.

    Raises
    ------
    InputError
        where a path does not exist, a glob matches nothing, or no file can be read.
    """
    splits: list[Split] = []
    small: list[Piece] = []
    refused: list[tuple[str, Quarantined]] = []
    files = list_files(settings.paths)
    for file, found in zip(files, _formats(files, settings), strict=True):
        if found.format is None:
            refused.append((file.path, Quarantined(-1, "unsupported_format", found.refusal)))
            continue
        whole = Piece(file.path, file.uri, found.format, 0, file.size, file.size, cache.digest(file))
        if FORMATS[found.format].cut == "bundle" and file.size < settings.bundle_bytes:
            small.append(whole)
        else:
            splits.extend(Split((piece,)) for piece in _cut(whole, found.codec, settings))
    splits.extend(_bundles(small, settings.bundle_bytes))
    if not splits:
        path, item = refused[0]
        raise InputError(f"None of the {len(files)} input files can be read; the first is {path}: {item.detail}")
    splits.sort(key=lambda split: (split.pieces[0].path, split.pieces[0].start))
    return Plan(splits, dead_letters(refused))


def _formats(files: list[InputFile], settings: InputSettings) -> Iterator[Detection]:
    """Yield the format of each file; the heads of remote ones are fetched many at once, each costs a round trip."""
    if all(file.local for file in files):
        yield from (_format_of(file, settings) for file in files)
        return
    with ThreadPoolExecutor(_HEADS_AT_ONCE) as pool:
        yield from pool.map(partial(_format_of, settings=settings), files)


def _format_of(file: InputFile, settings: InputSettings) -> Detection:
    """Return the format that the settings give, or else the detected one."""
    given: str | dict[str, FormatName] = settings.format
    if isinstance(given, dict):
        given = next((name for pattern, name in given.items() if fnmatchcase(file.path, pattern)), "auto")
    head = read_head(file.uri, min(HEAD_BYTES, file.size))
    stream = InputStream(io.BytesIO(head), max_decoded=HEAD_BYTES << 4)
    if given != "auto":
        return Detection(given, stream.codec)
    while not (size := stream.ahead(HEAD_BYTES)) and stream.broken is not None:
        stream.resume()
    return detect(file.path, head, stream.take(0, size))


def _cut(whole: Piece, codec: str, settings: InputSettings) -> Iterator[Piece]:
    cut = FORMATS[whole.format].cut
    if cut == "bytes" and codec == "none":
        for start in range(0, max(1, whole.size), settings.split_bytes):
            yield _range(whole, start, min(whole.size, start + settings.split_bytes))
    elif cut == "row_groups":
        yield from _row_group_ranges(whole, settings.split_bytes)
    else:
        yield whole


def _row_group_ranges(whole: Piece, split_bytes: int) -> Iterator[Piece]:
    from corpus.reading.parquet import row_group_bytes

    with open_file(whole.uri) as raw:
        sizes = row_group_bytes(raw)
    start = total = 0
    for group, size in enumerate(sizes):
        if total and total + size > split_bytes:
            yield _range(whole, start, group)
            start, total = group, 0
        total += size
    yield _range(whole, start, len(sizes))


def _range(whole: Piece, start: int, end: int) -> Piece:
    return Piece(whole.path, whole.uri, whole.format, start, end, whole.size, whole.digest)


def _bundles(pieces: list[Piece], mean_bytes: int) -> Iterator[Split]:
    """Yield bundles of about ``mean_bytes``: a border falls behind a file with probability weight / mean."""
    bundle: list[Piece] = []
    total = 0
    for piece in sorted(pieces, key=lambda piece: piece.path):
        weight = piece.size + _OPENING_COST
        bundle.append(piece)
        total += weight
        draw = int.from_bytes(hashlib.blake2b(piece.path.encode("utf-8"), digest_size=8).digest(), "little")
        if draw * mean_bytes < weight << 64 or total >= _LONGEST_BUNDLE * mean_bytes:
            yield Split(tuple(bundle))
            bundle, total = [], 0
    if bundle:
        yield Split(tuple(bundle))
