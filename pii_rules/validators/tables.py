"""Reading the tables in ``pii_rules/tables``."""

from __future__ import annotations

import functools
from pathlib import Path

TABLES = Path(__file__).parent.parent / "tables"


@functools.cache
def words(name: str) -> frozenset[str]:
    """Return the entries of ``tables/<name>.txt``, separated by white space; ``#`` starts a comment line."""
    lines = (TABLES / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


@functools.cache
def pairs(name: str) -> dict[str, str]:
    """Return first column -> second column of ``tables/<name>.tsv``."""
    lines = (TABLES / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t")[:2] for line in lines if line and not line.startswith("#"))
