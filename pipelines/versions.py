"""Versions that a build depends on."""

from __future__ import annotations

import platform
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

DEDUPE_VERSION = 2
PACKAGES = (
    "wudao-corpus", "pyarrow", "numpy", "numba", "duckdb", "resiliparse", "opencc", "fasttext-community",
    "sentencepiece", "presidio-analyzer",
)  # fmt: skip


@lru_cache(maxsize=1)
def environment() -> dict[str, str]:
    """Return the versions of Python and of the packages that may change a byte of the output."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
