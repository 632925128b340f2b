"""Fixtures of the trainer's tests."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from trainer_token_shards import three_shards, write_shards


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Small matrices: more threads only wait for each other."""
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(1)


@pytest.fixture
def make_shards(tmp_path: Path) -> Callable[..., Path]:
    """Return :func:`write_shards` into a folder of this test."""

    def make(name: str = "tokens", shards: Any = None, **options: Any) -> Path:
        return write_shards(tmp_path / name, shards or three_shards(), **options)

    return make
