"""A trained tokenizer on disk: a folder with its model, ``meta.json`` and what ``transformers`` reads.

``meta.json`` is what goes into token manifests; the artifact's hash is over
the names and contents of the files that decide ids (not over those that only
help another program to load them).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

META_FILE = "meta.json"
SENTENCEPIECE_FILE = "spiece.model"
BPE_FILE = "tokenizer.json"
FORMAT_VERSION = 1
PADDING_MULTIPLE = (
    128  # vocabulary rows are padded to it: tensor cores want multiples of 64, GLM's 50,048 is one of 128
)


@dataclass(frozen=True, slots=True)
class Artifact:
    """A trained tokenizer: where it lies, its hash and its description."""

    folder: Path
    sha256: str
    meta: dict[str, Any]
    messages: list[str] = field(default_factory=list)  # what a person should know about the training


def canonical_json(value: object) -> bytes:
    """Return UTF-8 JSON with sorted keys, no spaces, a final newline."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return (text + "\n").encode("utf-8")


def model_file(meta: dict[str, Any]) -> str:
    """Return the name of the file that holds the learned model."""
    return BPE_FILE if meta["kind"] == "bpe" else SENTENCEPIECE_FILE


def hash_files(folder: Path, meta: dict[str, Any]) -> str:
    """Return the artifact's sha256: over name, length and bytes of ``meta.json`` and the model."""
    state = hashlib.sha256()
    for name in (META_FILE, model_file(meta)):
        data = (folder / name).read_bytes()
        state.update(name.encode("utf-8") + b"\0" + len(data).to_bytes(8, "little") + data)
    return state.hexdigest()


def padded(size: int) -> int:
    """Return ``size`` rounded up to :data:`PADDING_MULTIPLE`."""
    return -(-size // PADDING_MULTIPLE) * PADDING_MULTIPLE


def write_meta(folder: Path, meta: dict[str, Any]) -> None:
    """Write ``meta.json``."""
    (folder / META_FILE).write_bytes(canonical_json(meta))


def read_meta(folder: Path) -> dict[str, Any]:
    """Read ``meta.json``.

    Raises:
        FileNotFoundError: the folder is not a tokenizer artifact.
        ValueError: its format is newer than this program.
    """
    path = folder / META_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} is not a tokenizer: it has no {META_FILE} (make one with 'wudao tokenizer train')"
        )
    meta: dict[str, Any] = json.loads(path.read_bytes())
    if meta.get("format_version") != FORMAT_VERSION:
        raise ValueError(f"{path}: format_version {meta.get('format_version')}, this program reads {FORMAT_VERSION}")
    return meta
