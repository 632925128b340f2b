"""Where numba keeps compiled kernels: one folder for each state of the sources.

Numba recompiles a function when its own file changes, and neither when a kernel
that it calls changes nor when what its cache names has moved (then it raises).
A folder named by all their sources together is right in both cases. NUMBA_CACHE_DIR,
where it is set, is left alone.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

# Where kernels are, and what they import: tables, tuples of arrays.
FOLDERS = (
    "corpus/decontamination",
    "corpus/dedupe",
    "corpus/kernels",
    "corpus/labels",
    "corpus/pii",
    "tokenizer_training",
)
_ROOT = Path(__file__).resolve().parent.parent
_CACHES = _ROOT / "corpus" / "kernels" / "__pycache__"


def cache_folder() -> Path:
    """Return the folder for the sources as they are: path, size and time of change (s) of each file are hashed."""
    found = []
    for folder in FOLDERS:
        for path in (_ROOT / folder).glob("*.py"):
            status = path.stat()
            found.append(f"{folder}/{path.name} {status.st_size} {int(status.st_mtime)}")
    digest = hashlib.blake2b("\n".join(sorted(found)).encode(), digest_size=6)
    return _CACHES / f"numba-{digest.hexdigest()}"


def choose_cache() -> None:
    """Name the folder to numba, in this process and its children. Where it cannot be written numba takes another."""
    os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_folder()))


def delete_stale() -> None:
    """Delete the folders of earlier states of the sources."""
    current = cache_folder()
    for folder in _CACHES.glob("numba-*"):
        if folder != current:
            shutil.rmtree(folder, ignore_errors=True)
