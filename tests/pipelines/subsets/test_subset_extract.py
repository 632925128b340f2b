"""`wudao extract`: what is taken, that views and copies are the same corpus, and that reruns resume."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from corpus.errors import BuildError, ConfigError, CorruptionError
from corpus.shards.manifest import read_manifest
from corpus.shards.reader import open_corpus, read_corpus
from corpus.shards.selection import Selection
from corpus.shards.verify import verify
from corpus.shards.view import Dataset
from corpus.storage import Store
from pipelines.clean import clean
from pipelines.derivation import Derivation
from pipelines.subset import Subset, extract

Derive = Callable[..., Derivation]


def rows_of(place: Path, kind: str = "corpus") -> list[dict[str, Any]]:
    dataset = Dataset.of(read_manifest(Store(place).sub(kind)))
    return [row for shard in dataset.manifest.shards() for batch in dataset.batches(shard) for row in batch.to_pylist()]


def taken(derive: Derive, corpus: Path, output: Path, *, view: bool = False, **asked: Any) -> Subset:
    return extract(derive(corpus, output), Selection(**asked), view=view)


def check(output: Path) -> None:
    verdict = verify(Store(output))
    assert verdict.problems == []
    text, tokens = rows_of(output), rows_of(output, "tokens")
    assert [row["doc_key"] for row in text] == [row["doc_key"] for row in tokens]
    assert all(
        row["tokens"] == [ord(c) & 0xFFFF for c in other["text"]] for row, other in zip(tokens, text, strict=True)
    )


def test_a_domain_with_a_condition_gives_what_sql_over_the_shards_gives(
    derive: Derive, small_corpus: Path, tmp_path: Path
) -> None:
    where = "quality > 0.4 AND host <> 'site1.example'"
    subset = taken(derive, small_corpus, tmp_path / "out", domains=("medical",), min_score=0.6, where=where)
    check(tmp_path / "out")
    everything = pa.Table.from_batches(read_corpus(open_corpus(str(small_corpus))))  # noqa: F841 - read by DuckDB
    sql = (
        f"SELECT doc_key FROM everything WHERE {where} AND "
        "len(list_filter(domains, lambda d: d.name = 'medical' AND d.score >= 0.6::FLOAT)) > 0"
    )
    expected = {bytes(key) for (key,) in duckdb.sql(sql).fetchall()}
    found = rows_of(tmp_path / "out")
    assert {row["doc_key"] for row in found} == expected
    assert len(found) == len(expected) > 5
    totals = subset.corpus.root["totals"]
    assert totals["rows"] == len(expected)
    assert totals["columns"]["source_type"] == {
        name: sum((row["source_type"] or "none") == name for row in found)
        for name in {row["source_type"] or "none" for row in found}
    }
    assert subset.tokens is not None
    assert subset.tokens.root["totals"]["tokens"] == sum(row["n_chars"] for row in found)
    funnel = orjson.loads((tmp_path / "out/build.json").read_bytes())["funnel"]
    assert (funnel["read"], funnel["published"]) == (67, len(expected))


def test_a_view_and_a_copy_are_the_same_corpus(derive: Derive, small_corpus: Path, tmp_path: Path) -> None:
    asked: dict[str, Any] = {"source_types": ("news", "comment"), "sample": 20, "seed": 3}
    copied = taken(derive, small_corpus, tmp_path / "copy", **asked)
    viewed = taken(derive, small_corpus, tmp_path / "view", view=True, **asked)
    for name in ("copy", "view"):
        check(tmp_path / name)
    assert viewed.corpus.root_hash == copied.corpus.root_hash
    assert viewed.tokens is not None
    assert copied.tokens is not None
    assert viewed.tokens.root_hash == copied.tokens.root_hash
    assert rows_of(tmp_path / "view") == rows_of(tmp_path / "copy")
    assert not list((tmp_path / "view").rglob("*.arrow"))
    # Read as any corpus is read.
    texts = [text for batch in read_corpus(open_corpus(str(tmp_path / "view"))) for text in batch["text"].to_pylist()]
    assert texts == [row["text"] for row in rows_of(tmp_path / "copy")]


def test_a_subset_of_a_view_names_the_rows_of_the_base(derive: Derive, small_corpus: Path, tmp_path: Path) -> None:
    taken(derive, small_corpus, tmp_path / "first", view=True, domains=("legal",))
    second = taken(derive, tmp_path / "first", tmp_path / "second", view=True, where="n_chars > 100")
    taken(derive, tmp_path / "first", tmp_path / "copied", where="n_chars > 100")
    taken(derive, small_corpus, tmp_path / "direct", domains=("legal",), where="n_chars > 100")
    for name in ("first", "second", "copied", "direct"):
        check(tmp_path / name)
    assert second.corpus.root["base"]["root_hash"] == read_manifest(Store(small_corpus).sub("corpus")).root_hash
    assert rows_of(tmp_path / "second") == rows_of(tmp_path / "copied") == rows_of(tmp_path / "direct")


def test_a_view_moves_with_its_base_and_notices_a_changed_one(
    derive: Derive, other_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    other_corpus(tmp_path / "here/base")
    taken(derive, tmp_path / "here/base", tmp_path / "here/view", view=True, domains=("finance",))
    before = rows_of(tmp_path / "here/view")
    shutil.move(tmp_path / "here", tmp_path / "there")
    assert rows_of(tmp_path / "there/view") == before
    shutil.rmtree(tmp_path / "there/base")
    other_corpus(tmp_path / "there/base", 1000)
    with pytest.raises(CorruptionError, match="has changed since"):
        rows_of(tmp_path / "there/view")


def test_the_result_depends_neither_on_place_nor_on_shard_size(
    derive: Derive, small_corpus: Path, other_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    moved = other_corpus(tmp_path / "elsewhere")
    asked: dict[str, Any] = {"sample": 25, "domains": ("medical", "legal")}
    one = taken(derive, small_corpus, tmp_path / "one", **asked)
    two = taken(derive, moved, tmp_path / "two", **asked)
    assert one.corpus.root_hash == two.corpus.root_hash
    bytes_of = [
        sorted((p.name.split("-")[0], p.read_bytes()) for p in (tmp_path / n).rglob("*.arrow")) for n in ("one", "two")
    ]
    assert bytes_of[0] == bytes_of[1]
    small = extract(
        derive(small_corpus, tmp_path / "small", "publish.shard_bytes=65536"), Selection(**asked), view=False
    )
    assert rows_of(tmp_path / "small") == rows_of(tmp_path / "one")
    assert small.corpus.root["totals"]["rows"] == 25


def test_a_larger_sample_contains_the_smaller_and_another_seed_draws_others(
    derive: Derive, small_corpus: Path, tmp_path: Path
) -> None:
    keys = {}
    for size, seed in ((10, 0), (30, 0), (30, 1)):
        output = tmp_path / f"{size}-{seed}"
        taken(derive, small_corpus, output, view=True, sample=size, seed=seed)
        keys[size, seed] = {row["doc_key"] for row in rows_of(output)}
        assert len(keys[size, seed]) == size
    assert keys[10, 0] < keys[30, 0]
    assert keys[30, 0] != keys[30, 1]


def test_a_mix_has_its_shares_in_tokens(derive: Derive, small_corpus: Path, tmp_path: Path) -> None:
    mix = (("medical", 0.5), ("legal", 0.2), ("*", 0.3))
    subset = taken(derive, small_corpus, tmp_path / "mix", mix=mix)
    check(tmp_path / "mix")
    sizes = dict.fromkeys(("medical", "legal", "*"), 0)
    for row in rows_of(tmp_path / "mix"):
        first = next((one["name"] for one in row["domains"] if one["name"] in sizes), "*")
        sizes[first] += row["n_chars"]
    total = sum(sizes.values())
    for (name, share), goal in zip(mix, subset.quota.goals, strict=True):
        assert goal is not None
        assert 0 <= goal - sizes[name] < 260  # never above, and less than the longest document below
        assert sizes[name] / total == pytest.approx(share, abs=0.06)
    # One stratum is used up, else the mix would be larger.
    assert any(
        goal is not None and has - goal <= 2
        for has, goal in zip(subset.quota.available, subset.quota.goals, strict=True)
    )


def test_tokens_are_a_ceiling_and_what_is_missing_is_not_made_up(
    derive: Derive, small_corpus: Path, tmp_path: Path
) -> None:
    some = taken(derive, small_corpus, tmp_path / "some", tokens=2000)
    assert some.tokens is not None
    assert 1700 < some.tokens.root["totals"]["tokens"] <= 2000
    mix = (("medical", 0.9), ("*", 0.1))
    short = taken(derive, small_corpus, tmp_path / "short", tokens=8000, mix=mix)
    assert short.quota.goals == (7200, 800)
    assert short.quota.available[0] < 7200
    assert sum(
        row["domains"][:1] == [] or row["domains"][0]["name"] != "medical" for row in rows_of(tmp_path / "short")
    )
    text = sum(row["n_chars"] for row in rows_of(tmp_path / "short"))
    assert text <= short.quota.available[0] + 800


def test_a_rerun_does_nothing_and_another_selection_replaces(
    derive: Derive, small_corpus: Path, tmp_path: Path
) -> None:
    first = derive(small_corpus, tmp_path / "out")
    extract(first, Selection(domains=("legal",)), view=False)
    assert first.engine.ran.count("select") == 4  # type: ignore[attr-defined]
    again = derive(small_corpus, tmp_path / "out")
    same = extract(again, Selection(domains=("legal",)), view=False)
    assert again.engine.ran == []  # type: ignore[attr-defined]
    other = taken(derive, small_corpus, tmp_path / "out", domains=("medical",))
    assert other.corpus.root_hash != same.corpus.root_hash
    check(tmp_path / "out")


def test_what_cannot_be_is_said_in_a_sentence(derive: Derive, small_corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no domain 'medcal'; did you mean 'medical'"):
        taken(derive, small_corpus, tmp_path / "a", domains=("medcal",))
    with pytest.raises(ConfigError, match=r"^--where: syntax error at or near .*; a condition is like"):
        taken(derive, small_corpus, tmp_path / "a", where="quality >")
    assert not (tmp_path / "a").exists()
    with pytest.raises(BuildError, match="no document satisfies"):
        taken(derive, small_corpus, tmp_path / "b", where="n_chars > 1000000")
    with pytest.raises(BuildError, match="holds a corpus of its own"):
        taken(derive, small_corpus, small_corpus, domains=("legal",))
    shutil.copytree(small_corpus / "corpus", tmp_path / "bare/corpus")
    with pytest.raises(ConfigError, match="no token shards"):
        taken(derive, tmp_path / "bare", tmp_path / "c", tokens=100)
    without = taken(derive, tmp_path / "bare", tmp_path / "c", sample=5)
    assert without.tokens is None
    assert verify(Store(tmp_path / "c")).problems == []


def test_a_damaged_address_file_is_found(derive: Derive, small_corpus: Path, tmp_path: Path) -> None:
    taken(derive, small_corpus, tmp_path / "view", view=True, domains=("legal",))
    path = next((tmp_path / "view/corpus/train").glob("*.parquet"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    assert verify(Store(tmp_path / "view")).problems


def test_the_command_runs_on_the_local_engine(small_corpus: Path, tmp_path: Path) -> None:
    from pipelines.cli import app

    arguments = ["extract", str(small_corpus), "--domain", "medical", "--mix", "medical=1", "--tokens", "1k", "--view"]
    result = CliRunner().invoke(app, [*arguments, "-o", str(tmp_path / "out"), "--workers", "1"])
    assert result.exit_code == 0, result.output
    assert "documents in the subset" in result.output
    check(tmp_path / "out")
    clean(Store(tmp_path / "out"))
    check(tmp_path / "out")


@pytest.mark.slow
def test_spark_writes_the_same_bytes(derive: Derive, small_corpus: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyspark")
    from pipelines.cli import app

    selection = ["--mix", "medical=0.5,*=0.5", "--sample", "30", "--set", "publish.shard_bytes=65536"]
    for name in ("local", "spark"):
        arguments = ["extract", str(small_corpus), *selection, "-o", str(tmp_path / name), "--engine", name]
        assert CliRunner().invoke(app, arguments).exit_code == 0
    files = [
        sorted((path.name.split("-")[0], path.read_bytes()) for path in (tmp_path / name).rglob("*.arrow"))
        for name in ("local", "spark")
    ]
    assert files[0] == files[1]
    manifests = [(tmp_path / name / "corpus/manifest.json").read_text(encoding="utf-8") for name in ("local", "spark")]
    assert len({orjson.loads(text)["root_hash"] for text in manifests}) == 1
