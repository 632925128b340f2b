"""Builds that are killed go on: the harness of benchmarks/crash.py, a few rounds of it."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from crash import PASSES, build_command, kill_round, running_pass, undisturbed

from corpus.config.build import BuildConfig


@pytest.mark.slow
def test_killed_builds_end_as_undisturbed_ones(
    written_input: Path, make_config: Callable[..., BuildConfig], tmp_path: Path
) -> None:
    """Kills in every pass, tokens included; what is not scrubbed starts sooner and is killed the same."""
    config = make_config(
        written_input,
        tmp_path / "reference",
        run={"workers": 2},
        scrub={"enabled": False},
        tokenise=True,
        tokenizer={"kind": "bpe", "vocabulary_size": 600},
    )
    path = tmp_path / "corpus.yaml"
    path.write_text(yaml.safe_dump(config.model_dump(mode="json")), encoding="utf-8")
    command = build_command([str(written_input)], tmp_path / "reference", ["-c", str(path)])
    reference = undisturbed(command, tmp_path / "reference")
    assert running_pass(tmp_path / "reference", reference.reports) == "end"
    assert all(reference.reports[name] for name in PASSES)
    rng = random.Random(7)
    for number in range(3):
        output = tmp_path / f"disturbed{number}"
        disturbed = build_command([str(written_input)], output, ["-c", str(path)])
        outcome = kill_round(disturbed, output, reference, rng, aim=True, strikes=3)
        assert outcome.problems == ()
