"""`wudao export`: the same rows in the formats of other programs."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
import zstandard
from typer.testing import CliRunner

from corpus.errors import BuildError, ConfigError
from corpus.shards.reader import open_corpus, read_corpus
from corpus.shards.selection import Selection
from corpus.storage import Store
from pipelines.commands.export import export, export_command
from pipelines.derivation import Derivation
from pipelines.subset import extract

Derive = Callable[..., Derivation]


def rows_of(place: Path) -> list[dict[str, object]]:
    return [row for batch in read_corpus(open_corpus(str(place))) for row in batch.to_pylist()]


def test_parquet_holds_every_row_and_column(derive: Derive, small_corpus: Path, tmp_path: Path) -> None:
    files = export(derive(small_corpus, tmp_path / "out"), "parquet")
    assert [one["file"] for one in files] == [
        *(f"data/train-{n:05d}-of-00003.parquet" for n in range(3)),
        "data/valid-00000-of-00001.parquet",
    ]
    table = pa.concat_tables([pq.read_table(tmp_path / "out" / one["file"]) for one in files])
    expected = [{**row, "doc_key": row["doc_key"].hex()} for row in rows_of(small_corpus)]  # type: ignore[attr-defined]
    assert table.to_pylist() == expected


def test_json_lines_of_a_view(derive: Derive, small_corpus: Path, tmp_path: Path) -> None:
    extract(derive(small_corpus, tmp_path / "view"), Selection(domains=("legal",)), view=True)
    files = export(derive(tmp_path / "view", tmp_path / "out"), "jsonl", "train")
    assert [one["file"] for one in files] == ["data/train-00000-of-00001.jsonl.zst"]
    with (tmp_path / "out" / files[0]["file"]).open("rb") as stream:
        data = zstandard.ZstdDecompressor().stream_reader(stream).read()
    rows = [orjson.loads(line) for line in data.splitlines()]
    first = rows[1]
    assert len(rows) == files[0]["rows"] > 10
    assert first["doc_key"] == rows_of(tmp_path / "view")[1]["doc_key"].hex()  # type: ignore[attr-defined]
    assert first["domains"] == [{"name": "legal", "score": 0.55}]  # not 0.550000011920929
    assert first["fetched_at"] == "2020-09-14T12:26:40Z"
    assert "published_at" not in first
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["data"]


def test_words_are_segmented_lines(derive: Derive, small_corpus: Path, tmp_path: Path) -> None:
    pytest.importorskip("jieba")
    files = export(derive(small_corpus, tmp_path / "out"), "words", "valid")
    lines = (tmp_path / "out" / files[0]["file"]).read_text(encoding="utf-8").splitlines()
    assert len(lines) == sum(str(row["text"]).count("\n") + 1 for row in rows_of(small_corpus)[55:])
    assert any(line.startswith("患者 入院 后 出现 发热 、 咳嗽") for line in lines)


def test_hugging_face_reads_the_files_and_the_card_tells_what_they_hold(
    derive: Derive, small_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extract(derive(small_corpus, tmp_path / "legal"), Selection(domains=("legal",), min_score=0.6), view=False)
    export(derive(tmp_path / "legal", tmp_path / "hf"), "hf")
    card = (tmp_path / "hf/README.md").read_text(encoding="utf-8")
    told = yaml.safe_load(card.split("---")[1])
    assert told["language"] == ["zh"]
    assert told["size_categories"] == ["n<1K"]
    splits = {one["split"]: one["path"] for one in told["configs"][0]["data_files"]}
    assert splits == {"train": ["data/train-*-of-00001.parquet"], "validation": ["data/valid-*-of-00001.parquet"]}
    rows = rows_of(tmp_path / "legal")
    assert f"{len(rows)} documents" in card
    assert "- min_score: `0.6`" in card
    assert "- domains: `['legal']`" in card
    monkeypatch.setitem(os.environ, "HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    loaded = datasets.load_dataset(str(tmp_path / "hf"), cache_dir=str(tmp_path / "cache"))
    assert loaded["train"].num_rows + loaded["validation"].num_rows == len(rows)
    assert loaded["train"][0]["text"] == rows[0]["text"]


def test_megatron_is_written_by_the_trainer(small_corpus: Path, tmp_path: Path, derive: Derive) -> None:
    pytest.importorskip("torch")
    export_command(str(small_corpus), str(tmp_path / "out"), "megatron", "valid", None, None, None, [])
    rows = rows_of(small_corpus)[55:]
    expected = b"".join((ord(c) & 0xFFFF).to_bytes(4, "little") for row in rows for c in str(row["text"]))
    data = (tmp_path / "out/valid.bin").read_bytes()
    assert len(data) == len(expected)  # 65,536 tokens are too many for Megatron's uint16
    assert data == expected
    extract(derive(small_corpus, tmp_path / "view"), Selection(sample=5), view=True)
    with pytest.raises(BuildError, match="a view has no token shards of its own"):
        export_command(str(tmp_path / "view"), str(tmp_path / "m"), "megatron", None, None, None, None, [])


def test_wrong_places_and_formats(derive: Derive, small_corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="choose another output"):
        export(derive(small_corpus, small_corpus), "parquet")
    with pytest.raises(ConfigError, match="known: parquet, jsonl, hf, words, megatron"):
        export_command(str(small_corpus), str(tmp_path / "x"), "tfrecord", None, None, None, None, [])


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    from corpus.shards.export_rows import whole_file

    store = Store(tmp_path)

    def fail() -> None:
        with whole_file(store, "data/a.txt") as stream:
            stream.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(store.names()) == []
    with whole_file(store, "data/a.txt") as stream:
        assert isinstance(stream, io.IOBase)
        stream.write(b"whole")
    assert list(store.names()) == ["data/a.txt"]


def test_the_command_line_knows_every_command() -> None:
    from pipelines.cli import app

    for command in (
        ["extract"],
        ["export"],
        ["decontaminate"],
        *(["labels", name] for name in ("bootstrap", "train", "evaluate", "calibrate", "apply")),
        ["quality", "train"],
    ):
        result = CliRunner().invoke(app, [*command, "--help"])
        assert result.exit_code == 0, result.output
