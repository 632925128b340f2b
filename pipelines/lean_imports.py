"""Imports that pyarrow and numba make by themselves, and that nothing here needs, are left out of a process's start.

pyarrow imports pandas, where it is installed, at the first ``pa.array`` of a process, so as to know pandas' objects
when it is given one; numba imports ``scipy.linalg`` before the first kernel, so as to know whether ``np.dot`` can be
compiled. Together they take as long as everything else that a worker imports. Both packages can still be imported
afterwards, and ``to_pandas`` works.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Refusal:
    """A finder that finds nothing by these names, and says so before others look."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name.partition(".")[0] in self._names:
            raise ModuleNotFoundError(f"{name} is not needed here", name=name)
        return None


@contextmanager
def _without(*names: str) -> Iterator[None]:
    """While the body runs, packages ``names`` cannot be imported unless they already are."""
    refusal = _Refusal(names)
    sys.meta_path.insert(0, refusal)
    try:
        yield
    finally:
        sys.meta_path.remove(refusal)


def import_lean(kernels: bool) -> None:
    """Import pyarrow, and numba where this process runs ``kernels``, without pandas and SciPy.

    For processes of our own alone, and before their first Arrow array and first kernel.
    """
    with _without("pandas"):
        import pyarrow as pa

        pa.array([])
    if kernels:
        with _without("scipy"):
            import numba.np.arraymath  # noqa: F401 - asks for SciPy while it is imported
