"""Builds that are killed go on: the harness of benchmarks/crash.py, a few rounds of it."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from corpus.config.build import BuildConfig

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.crash import build_command, hashes, kill_round, run_to_end


@pytest.mark.slow
def test_killed_builds_end_as_undisturbed_ones(
    written_input: Path, make_config: Callable[..., BuildConfig], tmp_path: Path
) -> None:
    config = make_config(written_input, tmp_path / "reference", run={"workers": 2})
    path = tmp_path / "corpus.yaml"
    path.write_text(yaml.safe_dump(config.model_dump(mode="json")), encoding="utf-8")
    extra = ["-c", str(path), "--no-tokens"]
    started = time.monotonic()
    assert run_to_end(build_command([str(written_input)], tmp_path / "reference", extra)) == 0
    seconds = time.monotonic() - started
    expected = hashes(tmp_path / "reference")
    rng = random.Random(7)
    for number in range(5):
        output = tmp_path / f"disturbed{number}"
        outcome = kill_round(build_command([str(written_input)], output, extra), output, expected, rng, seconds)
        assert outcome.problems == ()
