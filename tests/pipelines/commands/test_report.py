"""`wudao report` on a real build, its errors, and that a take-down takes the card along."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from rich.console import Console
from typer.testing import CliRunner

from corpus.config.build import BuildConfig
from corpus.errors import WudaoError
from corpus.storage import Store
from corpus.takedown.request import Request
from pipelines.build import Build
from pipelines.cli import app
from pipelines.commands.report import report_command
from pipelines.engines.interface import Engine
from pipelines.takedown.removal import remove
from pipelines.takedown.search import find


@pytest.fixture(scope="module")
def built(
    written_input: Path,
    make_config: Callable[..., BuildConfig],
    engine: Engine,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    output = tmp_path_factory.mktemp("report") / "out"
    with open(os.devnull, "w") as nowhere:
        Build(make_config(written_input, output), engine, Console(file=nowhere)).run()
    return output


def card(output: Path, **options: str) -> str:
    target = output / "report.html"
    report_command(str(output), None, options.get("name"))
    return target.read_text(encoding="utf-8")


def test_the_card_of_a_build_without_tokens(built: Path) -> None:
    text = card(built, name="渡口")
    summary = orjson.loads((built / "build.json").read_bytes())
    assert summary["finished_at"] in text
    for counter in ("skipped", "quarantined", "dropped", "duplicates"):
        assert all(reason in text for reason in summary["funnel"][counter])
    assert "unsupported_format" in text
    assert "f_archive.arc" in text  # where it was
    assert "tokens" not in text.split("<section")[1]
    assert "13907314582" not in text
    assert text == card(built, name="渡口")


def test_a_take_down_takes_the_card_along(
    written_input: Path, make_config: Callable[..., BuildConfig], engine: Engine, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    with open(os.devnull, "w") as nowhere:
        Build(make_config(written_input, output), engine, Console(file=nowhere)).run()
    card(output)
    remove(Store(output), find(Store(output), Request(urls=("https://news0.example/3",))))
    assert not (output / "report.html").exists()
    assert "removed on request" in card(output)


def test_the_card_can_lie_elsewhere_and_on_an_object_store(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = CliRunner()
    result = runner.invoke(app, ["report", str(built), "-o", str(tmp_path / "a" / "card.html"), "--shards", "1"])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "a" / "card.html").exists()
    result = runner.invoke(app, ["report", str(built), "-o", "memory://cards/card.html"])
    assert result.exit_code == 0, result.output
    assert b"<!DOCTYPE html>" in Store("memory://cards").read_bytes("card.html")
    monkeypatch.chdir(tmp_path)
    runner.invoke(app, ["report", str(built), "-o", "card.html"])
    assert (tmp_path / "card.html").exists()


@pytest.mark.parametrize("target", ["/", "cards/", ".", "s3://card.html"])
def test_a_target_that_is_no_file_is_refused(built: Path, target: str) -> None:
    with pytest.raises(WudaoError, match="name a file"):
        report_command(str(built), target, None)


def test_no_build_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(WudaoError, match="no finished build here"):
        report_command(str(tmp_path), None, None)
