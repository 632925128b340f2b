"""`wudao report` on what `wudao extract` leaves: a copy and a view, with token shards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from corpus.shards.selection import Selection
from pipelines.cli import app
from pipelines.derivation import Derivation
from pipelines.subset import extract

Derive = Callable[..., Derivation]


@pytest.mark.parametrize("view", [False, True])
def test_a_subset_has_a_data_card(derive: Derive, small_corpus: Path, tmp_path: Path, view: bool) -> None:
    output = tmp_path / "医疗"
    extract(derive(small_corpus, output), Selection(domains=("medical",)), view=view)
    result = CliRunner().invoke(app, ["report", str(output)])
    assert result.exit_code == 0, result.output
    text = (output / "report.html").read_text(encoding="utf-8")
    assert "<h1><bdi>医疗</bdi></h1>" in text
    assert "wudao extract" in text
    assert "not_selected" in text
    assert "患者入院后出现发热" in text
    assert ("wudao trace" in text) is not view  # a view has no rows of its own to trace
    assert ("A view into another corpus" in text) is view
    assert "Time" in text
