"""Reading evaluation items: what a benchmark's files hold, as pieces of text with their place.

An item is a line of a text file, an object of JSON Lines or of a JSON array, a
row of CSV, TSV or Parquet. Each of its strings, at any depth, is a piece of its
own: n-grams never reach from a question into an answer.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa
import zstandard

from corpus.errors import ConfigError
from corpus.parquet import read_parquet
from corpus.storage import Store

MAX_BYTES = 1 << 30  # of a file, decompressed
KINDS = (".jsonl", ".json", ".txt", ".csv", ".tsv", ".parquet")


@dataclass(frozen=True)
class EvaluationItems:
    """Pieces and their items: piece i is of item ``item_of[i]``, item k is number ``numbers[k]`` of its file.

    Numbers count lines or rows from 1; the file is ``files[file_of[k]]``.
    """

    files: tuple[str, ...]
    pieces: tuple[str, ...]
    item_of: tuple[int, ...]
    file_of: tuple[int, ...]
    numbers: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.numbers)


def files_digest(paths: Sequence[str]) -> str:
    """Return the sha256 over the content of ``paths``, in hex. Raises ConfigError where one cannot be read."""
    state = hashlib.sha256()
    for path in paths:
        state.update(hashlib.sha256(_raw(path)).digest())
    return state.hexdigest()


def read_items(paths: Sequence[str]) -> EvaluationItems:
    """Read the items of ``paths`` (plain, .gz or .zst). Raises ConfigError for a file that is not of a known kind."""
    pieces: list[str] = []
    item_of: list[int] = []
    file_of: list[int] = []
    numbers: list[int] = []
    for index, path in enumerate(paths):
        for number, item in _items(path):
            strings = list(_strings(item))
            pieces += strings
            item_of += [len(numbers)] * len(strings)
            file_of.append(index)
            numbers.append(number)
    return EvaluationItems(tuple(paths), tuple(pieces), tuple(item_of), tuple(file_of), tuple(numbers))


def _raw(path: str) -> bytes:
    folder, _, name = path.rpartition("/")
    store = Store(folder or ("/" if path.startswith("/") else "."))
    try:
        if store.size(name) > MAX_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_BYTES >> 20} MiB; cut it into several files")
        return store.read_bytes(name)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror or error}); name a file of evaluation items"
        ) from None


def _content(path: str) -> tuple[str, bytes]:
    """Return the kind of a file (".jsonl", …) and its decompressed bytes."""
    data = _raw(path)
    name = path.lower()
    try:
        if name.endswith(".gz"):
            name = name.removesuffix(".gz")
            with gzip.open(io.BytesIO(data)) as stream:
                data = stream.read(MAX_BYTES + 1)
        elif name.endswith(".zst"):
            name = name.removesuffix(".zst")
            with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)) as stream:
                data = stream.read(MAX_BYTES + 1)
    except (OSError, EOFError, zstandard.ZstdError) as error:
        raise ConfigError(f"{path}: not decompressible ({error})") from None
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_BYTES >> 20} MiB; cut it into several files")
    kind = next((kind for kind in KINDS if name.endswith(kind)), None)
    if kind is None:
        raise ConfigError(f"{path}: not of a kind that is read; known: {', '.join(KINDS)}, plain or with .gz or .zst")
    return kind, data


def _items(path: str) -> Iterator[tuple[int, Any]]:
    """Yield number (line or row, from 1) and value of each item."""
    kind, data = _content(path)
    if kind == ".parquet":
        try:
            yield from enumerate(read_parquet(data).to_pylist(), 1)
        except pa.ArrowInvalid as error:
            raise ConfigError(f"{path}: not readable as Parquet ({error})") from None
        return
    try:
        whole = orjson.loads(data) if kind == ".json" else None
        text = data.decode("utf-8-sig")
    except (orjson.JSONDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    if kind == ".json":
        yield from enumerate(whole if isinstance(whole, list) else [whole], 1)
    elif kind in (".csv", ".tsv"):
        yield from enumerate(csv.reader(io.StringIO(text), delimiter="\t" if kind == ".tsv" else ","), 1)
    else:
        lines = ((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())
        yield from lines if kind == ".txt" else ((number, _object(path, number, line)) for number, line in lines)


def _object(path: str, number: int, line: str) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ConfigError(f"{path}, line {number}: not valid JSON ({error})") from None


def _strings(item: Any) -> Iterator[str]:
    waiting = [item]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if value.strip():
                yield value
        elif isinstance(value, dict):
            waiting.extend(reversed(value.values()))
        elif isinstance(value, list | tuple):
            waiting.extend(reversed(value))
