"""What our own processes do not import, and that it can still be imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import sys
from pipelines.lean_imports import import_lean
import_lean(kernels=True)
import numpy as np
import pyarrow as pa
from corpus.config.normalise import NormaliseSettings
from pipelines.passes.loading import loaded_step
loaded_step("normalise", NormaliseSettings())
assert pa.array(np.array([1.5, np.nan])).null_count == 0
print(sorted({"pandas", "scipy.linalg"} & set(sys.modules)))
table = pa.table({"字": ["山", None], "数": [1, 2]})
"""


def printed(script: str) -> str:
    return subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout


def test_neither_pandas_nor_scipy_is_imported_by_arrays_and_kernels() -> None:
    assert printed(SCRIPT) == "[]\n"


def test_pandas_works_when_it_is_asked_for() -> None:
    pytest.importorskip("pandas")
    more = "frame = table.to_pandas()\nprint(list(frame['字']), pa.array(frame['数']).to_pylist())"
    assert printed(SCRIPT + more) == "[]\n['山', None] [1, 2]\n"


def test_scipy_works_when_it_is_asked_for() -> None:
    pytest.importorskip("scipy")
    assert printed(SCRIPT + "import scipy.linalg\nprint(float(scipy.linalg.norm([3, 4])))") == "[]\n5.0\n"
