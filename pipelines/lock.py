"""One writer per output folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from corpus.errors import BuildError
from corpus.storage import Store

LOCK_NAME = "lock"


@contextmanager
def exclusive(folder: Store, held: str) -> Iterator[None]:
    """Hold ``folder`` against other processes; the lock ends with the process. Object stores have no locks.

    Raises BuildError with the sentence ``held`` where another process holds it.
    """
    if not folder.local:
        yield
        return
    import fcntl

    folder.make_private()
    with open(folder.path(LOCK_NAME), "ab") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BuildError(held) from None
        yield


@contextmanager
def locked(output: Store) -> Iterator[None]:
    """Hold ``output`` against a second build or take-down.

    On an object store two builds may waste each other's time and never each other's files, but nothing may run beside
    `wudao clean` or `wudao remove`. Raises BuildError where another process holds it.
    """
    held = f"{output.root}: another build or take-down is running here; wait for it or choose another output"
    with exclusive(output.sub("work"), held):
        yield
