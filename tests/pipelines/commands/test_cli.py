"""The command: fast to start, one sentence for what a person can mend."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "pipelines.cli"]


def wudao(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("build", "-i", "nowhere/*.warc"), "nowhere"),
        (("build", "-c", "nowhere.yaml"), "nowhere.yaml: cannot be read"),
        (("build", "--set", "qualty.profile=web"), "did you mean 'quality'?"),
        (("build", "-i", ".", "--engine", "slurm"), "'run.engine' is 'slurm'"),
        (("apply", "langage", "README.md"), "no step is called 'langage'"),
        (("verify", "nowhere"), "nowhere"),
        (("clean", "nowhere"), "no finished build here"),
        (("trace", "nowhere", "0", "0"), "nowhere"),
        (("explain", "everything"), "nothing to explain"),
    ],
)
def test_what_a_person_can_mend_is_one_sentence(arguments: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
    result = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path
    )
    assert result.returncode == 1
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) <= 2


def test_heavy_modules_are_not_imported_for_help() -> None:
    code = "import sys, corpus, pipelines.cli; print(sorted({'numba','pyarrow','duckdb','torch','pyspark','presidio_analyzer'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout.strip() == "[]"


def test_help_names_every_command() -> None:
    result = wudao("--help")
    assert result.returncode == 0
    for name in ("build", "apply", "tokenizer", "tokenise", "verify", "clean", "inspect", "trace", "config"):
        assert name in result.stdout


def test_apply_keeps_ids_and_says_what_was_removed(tmp_path: Path) -> None:
    import json

    source = tmp_path / "in.jsonl"
    good = "清晨的集市上人来人往，卖菜的老人把刚摘的豆角一把一把码得整整齐齐，等着相熟的主顾来挑。" * 2
    source.write_text(
        "\n".join(
            json.dumps(row, ensure_ascii=False)
            for row in [{"id": "zh", "text": good}, {"id": "en", "text": "An English text, quite plain. " * 9}]
        ),
        encoding="utf-8",
    )
    result = wudao("apply", "language", str(source))
    rows = {row["id"]: row for row in map(json.loads, result.stdout.splitlines())}
    assert rows["zh"]["language"] == "zh"
    assert rows["en"]["removed"]["reason"] == "language"
