"""Curves of one run and of several, as SVG."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip("torch", reason="torch is not installed (extra 'train')")

from trainer.__main__ import main
from trainer.logs import draw


def test_curves_of_runs_are_drawn_beside_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, losses in {"cpm": [7.0, 5.5], "glm": [7.5, 6.0, 5.8]}.items():
        lines = [{"step": i, "split": "valid", "loss": x, "unigram_entropy": 6.5} for i, x in enumerate(losses)]
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    runs = [str(tmp_path / name) for name in ("cpm", "glm")]
    out = tmp_path / "loss.svg"
    assert main(["curves", *runs, "--out", str(out)]) == 0
    drawn = ElementTree.fromstring(out.read_text())
    lines = drawn.findall("{*}polyline")
    assert [len(line.attrib["points"].split()) for line in lines] == [2, 2, 3, 3]
    assert {"cpm valid", "glm unigram entropy"} <= {text.text for text in drawn.findall("{*}text")}
    assert main(["curves", str(tmp_path / "nowhere"), "--out", str(out)]) == 1
    assert "no metrics.jsonl" in capsys.readouterr().err


def test_curves_are_drawn_without_finite_losses() -> None:
    assert draw([]).startswith("<svg")
    assert draw([{"step": 1, "split": "train", "loss": float("nan")}]).startswith("<svg")
