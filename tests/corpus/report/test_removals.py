"""What was written down of removals: all of it where it is little, whole files at even distances where it is much."""

from __future__ import annotations

from pathlib import Path

import orjson
import pyarrow as pa
import pytest

from corpus.report import removals as module
from corpus.report.removals import PLACES, Removals, read_removals
from corpus.schema import REJECTS
from corpus.shards.writer import write_parquet
from corpus.storage import Store


def read(output: Path) -> Removals:
    summary = orjson.loads((output / "build.json").read_bytes())
    return read_removals(Store(output).sub("work"), summary["removed"])


def test_hosts_scores_and_places(finished: Path) -> None:
    found = read(finished)
    assert found.complete == {"rejects", "duplicates", "dead_letters"}
    assert found.dropped_hosts == {"site1.example": 9}
    assert found.duplicate_hosts == {"site2.example": 6}
    assert found.scores["too_short"].tolist() == [20 + one for one in range(8)]
    assert len(found.similarities) == 6
    assert [one.offset for one in found.places["malformed_json"]] == [0, 100, 200][:PLACES]


def test_of_many_files_every_kth_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = Store(tmp_path)
    entries = []
    for number in range(10):
        row = {"path": "a", "offset": number, "part": 0, "step": "quality", "reason": "too_short", "score": number}
        entries.append(write_parquet(work, f"rejects/{number}.parquet", pa.Table.from_pylist([row], REJECTS)))
    assert read_removals(work, {"rejects": entries}).scores["too_short"].tolist() == list(range(10))  # type: ignore[dict-item]
    monkeypatch.setattr(module, "MAX_FILES", 3)
    sampled = read_removals(work, {"rejects": entries})  # type: ignore[dict-item]
    assert sampled.scores["too_short"].tolist() == [0, 3, 6]
    assert "rejects" not in sampled.complete
    monkeypatch.setattr(module, "MAX_ROWS", 2)
    assert len(read_removals(work, {"rejects": entries}).scores["too_short"]) == 2  # type: ignore[dict-item]


def test_addresses_without_a_host_count_for_none(tmp_path: Path) -> None:
    work = Store(tmp_path)
    urls = [None, "http://[broken", "渡口", "https://DUKOU.example/a"]
    rows = [
        {"path": "a", "offset": one, "part": 0, "step": "language", "reason": "language", "url": url}
        for one, url in enumerate(urls)
    ]
    entry = write_parquet(work, "rejects/a.parquet", pa.Table.from_pylist(rows, REJECTS))
    assert entry is not None
    assert read_removals(work, {"rejects": [entry]}).dropped_hosts == {"dukou.example": 1}


def test_nothing_removed_is_nothing_known(tmp_path: Path) -> None:
    assert read_removals(Store(tmp_path), {}).places == {}
