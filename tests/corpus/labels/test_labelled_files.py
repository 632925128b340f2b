"""Labelled documents from JSON Lines, and the commands that learn and measure by them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from corpus.errors import ConfigError
from corpus.labels.labelled import read_labelled
from corpus.labels.training import LabelledText

DOMAINS = ("medical", "legal")


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_every_way_to_write_a_label(tmp_path: Path) -> None:
    file = write(
        tmp_path / "court.jsonl",
        {"text": "判决", "domains": ["legal", "medical"]},
        {"text": "处方", "domains": "medical", "source": "clinic"},
        {"text": "郊游", "domains": []},
        {"text": "下棋", "domains": "none"},
        {"text": "放风筝", "domains": None},
    )
    packed = tmp_path / "packed.jsonl.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    found = list(read_labelled([file, packed], DOMAINS))
    assert found[:5] == [
        LabelledText("判决", ("legal", "medical"), "court"),
        LabelledText("处方", ("medical",), "clinic"),
        LabelledText("郊游", (), "court"),
        LabelledText("下棋", (), "court"),
        LabelledText("放风筝", (), "court"),
    ]
    assert [one.source for one in found[5:]] == ["packed", "clinic", "packed", "packed", "packed"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "x", "domains": ["medcal"]}', "'medcal' is not one of the domains"),
        ('{"text": "x"}', "'text' and 'domains'"),
        ('["x"]', "'text' and 'domains'"),
        ("{", "not valid JSON"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "好", "domains": []}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=f"a.jsonl, line 2: .*{message}"):
        list(read_labelled([path], DOMAINS))
    with pytest.raises(ConfigError, match="absent"):
        list(read_labelled([tmp_path / "absent.jsonl"], DOMAINS))
