"""The folder of compiled kernels: one for each state of the sources."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from corpus import kernel_cache


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "corpus" / "kernels").mkdir(parents=True)
    (tmp_path / "corpus" / "kernels" / "minhash.py").write_text("A = 1\n")
    monkeypatch.setattr(kernel_cache, "_ROOT", tmp_path)
    monkeypatch.setattr(kernel_cache, "_CACHES", tmp_path / "corpus" / "kernels" / "__pycache__")
    return tmp_path / "corpus" / "kernels"


def test_a_changed_a_moved_and_a_new_source_take_another_folder(sources: Path) -> None:
    folders = [kernel_cache.cache_folder()]
    (sources / "minhash.py").write_text("A = 12\n")
    folders.append(kernel_cache.cache_folder())
    (sources / "minhash.py").rename(sources / "minwise.py")
    folders.append(kernel_cache.cache_folder())
    (sources / "buffers.py").write_text("")
    folders.append(kernel_cache.cache_folder())
    os.utime(sources / "buffers.py", (1, 1))
    folders.append(kernel_cache.cache_folder())
    assert len(set(folders)) == len(folders)
    (sources / "table.npz").write_bytes(b"x")
    assert kernel_cache.cache_folder() == folders[-1]


def test_every_kernel_is_in_one_of_the_folders() -> None:
    root = Path(kernel_cache.__file__).parent.parent
    kernels = [
        path.relative_to(root)
        for package in ("corpus", "pipelines", "tokenizer_training", "trainer")
        for path in (root / package).rglob("*.py")
        if re.search(r"^(from|import) numba", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert kernels
    assert {str(path.parent) for path in kernels} == set(kernel_cache.FOLDERS)


def test_stale_folders_go(sources: Path) -> None:
    current = kernel_cache.cache_folder()
    stale = current.with_name("numba-0123456789ab")
    for folder in (current, stale):
        folder.mkdir(parents=True)
    kernel_cache.delete_stale()
    assert current.exists()
    assert not stale.exists()


@pytest.mark.parametrize("given", [None, "/somewhere/else"])
def test_numba_uses_it_unless_the_user_named_another(given: str | None) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    if given is not None:
        environment["NUMBA_CACHE_DIR"] = given
    code = "import corpus; from numba import config; print(config.CACHE_DIR)"
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == (given or str(kernel_cache.cache_folder()))
