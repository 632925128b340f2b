"""Documents with known domains, from JSON Lines: what `wudao labels train|evaluate|calibrate` learn and measure by.

One object a line: ``text``; ``domains`` (a list, or one name; empty or ``none``
for a document of no domain); ``source`` (optional; the file's name without it),
which keeps one large source from outweighing the others.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

import orjson
import zstandard

from corpus.errors import ConfigError
from corpus.labels.artifact import NONE
from corpus.labels.evaluate import OTHER
from corpus.labels.training import LabelledText

MAX_LINE_BYTES = 32 << 20


def read_labelled(paths: Sequence[str | Path], domains: Sequence[str]) -> Iterator[LabelledText]:
    """Yield the documents of ``paths`` (plain, .gz or .zst). Raises ConfigError, naming file and line."""
    for name in paths:
        path = Path(name)
        try:
            with _opened(path) as stream:
                number = 0
                while line := stream.readline(MAX_LINE_BYTES + 1):
                    number += 1
                    if len(line) > MAX_LINE_BYTES:
                        raise ConfigError(f"{path}, line {number}: longer than {MAX_LINE_BYTES} bytes")
                    if line.strip():
                        yield _document(line, f"{path}, line {number}", path.name.partition(".")[0], domains)
        except (OSError, EOFError, zstandard.ZstdError) as error:
            told = getattr(error, "strerror", None) or error
            raise ConfigError(f"{path}: cannot be read ({told}); name a JSONL file of labelled documents") from None


def _opened(path: Path) -> BinaryIO:
    if path.suffix == ".gz":
        return cast(BinaryIO, gzip.open(path, "rb"))
    if path.suffix == ".zst":
        unpacked = zstandard.ZstdDecompressor().stream_reader(path.open("rb"), closefd=True)
        return cast(BinaryIO, io.BufferedReader(unpacked))
    return path.open("rb")


def _document(line: bytes, place: str, source: str, domains: Sequence[str]) -> LabelledText:
    try:
        row: Any = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ConfigError(f"{place}: not valid JSON ({error})") from None
    if not isinstance(row, dict) or not isinstance(row.get("text"), str) or "domains" not in row:
        raise ConfigError(f"{place}: an object with 'text' and 'domains' is wanted ('domains': [] for none)")
    given = row["domains"] if isinstance(row["domains"], list) else [row["domains"]]
    names = tuple(sorted({str(name) for name in given if name not in (None, "", NONE, OTHER)}))
    for name in names:
        if name not in domains:
            raise ConfigError(f"{place}: '{name}' is not one of the domains ({', '.join(domains)}); see label.domains")
    return LabelledText(row["text"], names, str(row.get("source", source)))
