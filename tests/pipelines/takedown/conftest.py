"""A built corpus with tokens, and a copy of it for each test."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from takedown_corpus import MakeConfig, build, write_tokens


@pytest.fixture(scope="session")
def original(written_input: Path, make_config: MakeConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("original") / "out"
    build(make_config(written_input, output, run={"workers": 1}, publish={"shard_bytes": 1 << 16, "valid_share": 0.1}))
    write_tokens(output)
    return output


@pytest.fixture
def output(original: Path, tmp_path: Path) -> Path:
    shutil.copytree(original, tmp_path / "out")
    return tmp_path / "out"
