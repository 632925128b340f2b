"""Whole builds on one machine: balances, the same bytes whatever happens, resume."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from rich.console import Console

from corpus.config.build import BuildConfig
from corpus.shards.reader import open_corpus, read_corpus
from corpus.shards.verify import verify
from corpus.storage import Store
from pipelines.build import Build
from pipelines.clean import clean
from pipelines.engines.interface import Engine
from pipelines.engines.registry import make_engine

MakeConfig = Callable[..., BuildConfig]


Run = Callable[[BuildConfig], tuple[dict[str, Any], str]]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """Return a function that runs a build and returns its summary and what it printed; workers live on between builds."""
    engines: dict[int | None, Engine] = {}

    def build(config: BuildConfig) -> tuple[dict[str, Any], str]:
        printed = StringIO()
        if config.run.workers not in engines:
            engines[config.run.workers] = make_engine(config.run)
        Build(config, engines[config.run.workers], Console(file=printed, width=200)).run()
        return orjson.loads((Path(config.output) / "build.json").read_bytes()), printed.getvalue()

    yield build
    for engine in engines.values():
        engine.close()


def shard_bytes(output: Path) -> list[bytes]:
    manifest = open_corpus(str(output))
    return [manifest.store.read_bytes(shard["path"]) for shard in manifest.shards()]


@pytest.fixture(scope="module")
def built(
    written_input: Path, make_config: MakeConfig, run: Run, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    output = tmp_path_factory.mktemp("built")
    summary, _ = run(make_config(written_input, output, run={"workers": 2}))
    return output, summary


def test_nothing_is_lost(built: tuple[Path, dict[str, Any]]) -> None:
    output, summary = built
    funnel = summary["funnel"]
    # 48 good lines and a broken one, 20 in the gz file, 6 pages, 1 text file, 1 file of a kind that is not read.
    assert funnel["read"] == 48 + 1 + 20 + 6 + 1 + 1
    assert sum(funnel["quarantined"].values()) == 2
    assert funnel["duplicates"] == {"exact": 3, "near": 1, "repeat": 1}
    assert funnel["dropped"]["language"] == 1
    assert funnel["published"] + sum(funnel["dropped"].values()) + 5 == funnel["documents"]
    assert verify(Store(output)).problems == []


def test_what_was_dropped_is_written_down(built: tuple[Path, dict[str, Any]]) -> None:
    output, summary = built
    import pyarrow.parquet as pq

    work = output / "work"
    rejects = pa.concat_tables(
        [pq.read_table(work / entry["path"]) for entry in summary["removed"]["rejects"]]
    ).to_pylist()
    japanese = [row for row in rejects if row["reason"] == "language"]
    assert [(row["path"], row["url"]) for row in japanese] == [("b_documents.jsonl", "https://ja.example/1")]
    assert japanese[0]["text"] is None
    letters = pa.concat_tables(
        [pq.read_table(work / e["path"]) for e in summary["removed"]["dead_letters"]]
    ).to_pylist()
    assert {row["path"] for row in letters} == {"b_documents.jsonl", "f_archive.arc"}
    duplicates = pa.concat_tables(
        [pq.read_table(work / e["path"]) for e in summary["removed"]["duplicates"]]
    ).to_pylist()
    near = [row for row in duplicates if row["kind"] == "near"]
    assert len(near) == 1
    assert 0.8 <= near[0]["similarity"] < 1


def test_personal_information_is_gone(built: tuple[Path, dict[str, Any]]) -> None:
    output, _ = built
    rows = [row for batch in read_corpus(open_corpus(str(output))) for row in batch.to_pylist()]
    assert not [row for row in rows if "13907314582" in row["text"] or "lizhi_88" in row["text"]]
    scrubbed = [row for row in rows if row["pii"]]
    assert {entry["kind"] for row in scrubbed for entry in row["pii"]} >= {"CN_MOBILE", "EMAIL"}


def test_one_worker_and_a_moved_input_give_the_same_bytes(
    built: tuple[Path, dict[str, Any]], written_input: Path, make_config: MakeConfig, run: Run, tmp_path: Path
) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(written_input, moved)
    summary, _ = run(make_config(moved, tmp_path / "out", run={"workers": 1}))
    assert summary["root_hash"] == built[1]["root_hash"]
    assert shard_bytes(tmp_path / "out") == shard_bytes(built[0])


def test_a_rerun_does_nothing_and_an_added_file_only_its_own(
    written_input: Path, make_config: MakeConfig, run: Run, tmp_path: Path, built: tuple[Path, dict[str, Any]]
) -> None:
    source = tmp_path / "in"
    shutil.copytree(written_input, source)
    config = make_config(source, tmp_path / "out", run={"workers": 2})
    run(config)
    summary, printed = run(config)
    assert "ingest: 0 splits to run" in printed
    assert "publish: 0 splits to run" in printed
    assert summary["root_hash"] == built[1]["root_hash"]
    (source / "a_first.txt").write_text((source / "e_note.txt").read_text(encoding="utf-8")[::-1], encoding="utf-8")
    _, printed = run(config)
    assert "ingest: 1 splits to run" in printed
    (source / "a_first.txt").unlink()
    summary, printed = run(config)
    assert "ingest: 0 splits to run" in printed
    assert summary["root_hash"] == built[1]["root_hash"]
    swept = clean(Store(config.output))
    assert swept.files > 0
    assert verify(Store(config.output)).problems == []
    _, printed = run(config)
    assert "publish: 0 splits to run" in printed


def test_one_flipped_byte_is_found_and_named(built: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(built[0], copy)
    shard = next(iter(open_corpus(str(copy)).shards()))
    path = copy / "corpus" / shard["path"]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    problems = verify(Store(copy)).problems
    assert problems
    assert all(str(path) in problem for problem in problems)


def test_shards_open_in_the_tools_of_the_field(built: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed")
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    import duckdb

    output, summary = built
    manifest = open_corpus(str(output))
    paths = [manifest.store.path(shard["path"]) for shard in manifest.shards()]
    published = summary["funnel"]["published"]
    assert sum(pa.ipc.open_stream(path).read_all().num_rows for path in paths) == published
    assert sum(polars.read_ipc_stream(path).height for path in paths) == published
    total = 0
    for path in paths:
        shard = pa.ipc.open_stream(path).read_all()
        total += duckdb.sql("SELECT count(*) FROM shard WHERE length(text) = n_chars").fetchall()[0][0]
        assert shard.num_rows
    assert total == published
    loaded = datasets.load_dataset("arrow", data_files={"train": paths}, cache_dir=str(tmp_path / "cache"))
    assert loaded["train"].num_rows == published


def test_a_dropped_text_is_kept_only_on_request(
    written_input: Path, make_config: MakeConfig, run: Run, tmp_path: Path
) -> None:
    import pyarrow.parquet as pq

    summary, _ = run(make_config(written_input, tmp_path / "out", run={"workers": 2}, keep_rejects=True))
    rows = [
        row
        for e in summary["removed"]["rejects"]
        for row in pq.read_table(tmp_path / "out" / "work" / e["path"]).to_pylist()
    ]
    assert rows
    assert all(row["text"] for row in rows)
