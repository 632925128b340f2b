"""One writer per output folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from corpus.errors import BuildError
from corpus.storage import Store

LOCK_NAME = "lock"


@contextmanager
def locked(output: Store) -> Iterator[None]:
    """Hold ``output`` against a second build or take-down; the lock ends with the process.

    Object stores have no locks: there two builds may waste each other's time and never each other's files, but nothing
    may run beside `wudao clean` or `wudao remove`. Raises BuildError where another process holds it.
    """
    work = output.sub("work")
    if not work.local:
        yield
        return
    import fcntl

    work.make_private()
    with open(work.path(LOCK_NAME), "ab") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BuildError(
                f"{output.root}: another build or take-down is running here; wait for it or choose another output"
            ) from None
        yield
