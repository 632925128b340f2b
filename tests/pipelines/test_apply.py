"""Steps alone: an output inside the input folder is not read again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from corpus.errors import ConfigError
from pipelines.commands.apply import apply_command

TEXTS = ("渡口的船夫说，今年的水比往年来得早。", "她把晒干的橘皮收进陶罐，准备过冬。")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [json.dumps({"id": f"n{i}", "text": text}, ensure_ascii=False) for i, text in enumerate(TEXTS)]
    (tmp_path / "a.jsonl").write_text("\n".join(rows), encoding="utf-8")
    return tmp_path


def apply(source: Path, output: Path) -> list[dict[str, object]]:
    apply_command("normalise", [str(source)], output, False, None, [])
    return [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("name", ["o.jsonl", "out.txt"])
def test_an_earlier_output_in_the_input_folder_is_not_read(folder: Path, name: str) -> None:
    first = apply(folder, folder / name)
    assert [row["id"] for row in first] == ["n0", "n1"]
    assert apply(folder, folder / name) == first
    (folder / "link").symlink_to(folder, target_is_directory=True)
    assert apply(folder, folder / "link" / name) == first


def test_the_output_is_never_the_input(folder: Path) -> None:
    before = (folder / "a.jsonl").read_bytes()
    with pytest.raises(ConfigError, match="the output is the input"):
        apply_command("normalise", [str(folder / "a.jsonl")], folder / "a.jsonl", False, None, [])
    assert (folder / "a.jsonl").read_bytes() == before
