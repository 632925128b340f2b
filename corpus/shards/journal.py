"""Replacing several small files of a build at once: one atomic write decides.

New contents are staged under names of their own; then the journal, which says
what takes whose place and what is deleted after, appears whole
(:meth:`corpus.storage.Store.write_atomic`). That is the commit: before it the
old files stand, after it readers that ask :func:`current_bytes` see all new
ones, and whatever command writes next completes the moves (:func:`finish`).
Every move may be repeated, so a second crash does no harm.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from corpus.errors import CorruptionError
from corpus.storage import Store

JOURNAL_NAME = "takedown/journal.json"
DATASETS = ("corpus", "tokens")


def commit(output: Store, staged: Mapping[str, str], delete: Sequence[str]) -> None:
    """Decide that file ``staged[target]`` takes the place of each ``target`` and that ``delete`` goes after it.

    Names are relative to ``output``. Every staged file must be complete. ``delete`` is done in its order.
    """
    moves = [
        {"target": target, "source": source, "sha256": hashlib.sha256(output.read_bytes(source)).hexdigest()}
        for target, source in staged.items()
    ]
    output.write_atomic(JOURNAL_NAME, json.dumps({"moves": moves, "delete": list(delete)}).encode())


def finish(output: Store) -> bool:
    """Complete what a committed journal says; return whether there was one.

    Raises CorruptionError where a staged file is no longer what was committed.
    """
    journal = _journal(output)
    if journal is None:
        return False
    for move in journal["moves"]:
        output.write_atomic(move["target"], _staged(output, move))
    for name in journal["delete"]:
        output.delete(name)
    output.delete(JOURNAL_NAME)
    for move in journal["moves"]:
        output.delete(move["source"])
    return True


def current_bytes(output: Store, name: str) -> bytes:
    """Return the content of ``name`` as it is, or as a committed journal says that it will be."""
    journal = _journal(output)
    for move in journal["moves"] if journal is not None else ():
        if move["target"] == name:
            return _staged(output, move)
    return output.read_bytes(name)


def manifest_bytes(store: Store, name: str) -> bytes:
    """Return the manifest of a dataset, ``corpus`` or ``tokens`` of a build, as the build's journal has it."""
    output = _output_of(store)
    if output is None:
        return store.read_bytes(name)
    return current_bytes(output, f"{store.root[len(output.root) :].strip('/')}/{name}")


def finish_pending(store: Store) -> None:
    """Complete the journal of the build that ``store`` is a dataset of, before something else is written there."""
    output = _output_of(store)
    if output is not None:
        finish(output)


def _output_of(store: Store) -> Store | None:
    folder, _, dataset = store.root.rstrip("/").rpartition("/")
    bucket = folder.endswith(":/")  # the dataset is a bucket of its own: no build around it
    return Store(folder) if folder and not bucket and dataset in DATASETS else None


def _journal(output: Store) -> dict[str, Any] | None:
    try:
        journal: dict[str, Any] = json.loads(output.read_bytes(JOURNAL_NAME))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError as error:  # JSONDecodeError, UnicodeDecodeError
        raise CorruptionError(
            f"{output.path(JOURNAL_NAME)}: not valid JSON ({error}); restore it, or delete it to undo the take-down"
        ) from None
    return journal


def _staged(output: Store, move: dict[str, str]) -> bytes:
    try:
        data = output.read_bytes(move["source"])
    except FileNotFoundError:
        data = output.read_bytes(move["target"])  # moved by another process a moment ago
    if hashlib.sha256(data).hexdigest() != move["sha256"]:
        raise CorruptionError(
            f"{output.path(move['source'])}: not what {JOURNAL_NAME} was committed with; restore it and repeat"
        )
    return data
