"""What a worker must have in common with its driver for the same bytes to come out: code, data files, versions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from pipelines.versions import environment

PACKAGES = ("corpus", "pipelines", "pii_rules", "tokenizer_training")
SUFFIXES = (".py", ".yaml", ".txt", ".tsv", ".json", ".npz")  # what pyproject.toml ships


@lru_cache(maxsize=1)
def code_identity() -> dict[str, str]:
    """Return the versions that a build depends on, and a digest of this project's code and data files."""
    root = Path(__file__).resolve().parents[2]
    state = hashlib.blake2b(digest_size=16)
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*")):
            if path.suffix in SUFFIXES:
                content = path.read_bytes()
                state.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode() + content)
    return {**environment(), "code": state.hexdigest()}


def difference(expected: Mapping[str, str]) -> str | None:
    """Return what is not as ``expected`` here, None where nothing differs."""
    here = code_identity()
    names = sorted(name for name in {*expected, *here} if expected.get(name) != here.get(name))
    return ", ".join(f"{name} {here.get(name)} instead of {expected.get(name)}" for name in names) or None
