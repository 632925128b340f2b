"""Builds against earlier builds: the promise end to end, the index that each leaves, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from corpus.config.build import BuildConfig
from corpus.dedupe.index import open_index
from corpus.errors import BuildError, CorruptionError
from corpus.shards.reader import open_corpus, read_corpus
from corpus.shards.verify import verify
from corpus.storage import Store
from pipelines.build import Build
from pipelines.clean import clean
from pipelines.engines.interface import Engine
from pipelines.engines.registry import make_engine

MakeConfig = Callable[..., BuildConfig]
Run = Callable[..., Path]


def story(number: int) -> str:
    """Return a text of its own for each ``number``, long enough for a signature."""
    trades = ("木匠", "船工", "邮差", "教员", "药师", "石匠", "厨子", "裁缝", "牧人", "渔夫", "铁匠", "花农")
    rivers = ("青衣江", "大渡河", "赤水河", "涪江", "沱江", "嘉陵江", "乌江", "渠江")
    one, other = trades[number % 12], trades[(number * 5 + 1 + number // 12) % 12]
    lines = [
        f"{rivers[number % 8]}边第{number}户人家的{one}，每天天不亮就起身，先把昨夜剩下的活计清点一遍。",
        f"他和住在对岸的{other}约好，逢{number % 9 + 1}的日子一同赶集，来回要走{number * 3 + 17}里山路。",
        f"第{number}年发大水的时候，是{other}划着门板把他一家{number % 7 + 2}口接到了高处的祠堂。",
        f"后来两家的孩子都去了{rivers[(number + 3) % 8]}下游念书，信里总要问一句那棵老树还在不在。",
        f"村志第{number * 2 + 5}页记着这件事，落款是当年的{one}，字写得歪歪扭扭，却没有一处涂改。",
    ]
    return "\n".join(lines)


def write(path: Path, stories: dict[str, str]) -> Path:
    rows = [{"id": name, "url": f"https://village.example/{name}", "text": text} for name, text in stories.items()]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def run(make_config: MakeConfig) -> Iterator[Run]:
    """Return a function that runs a build of a file against outputs; the workers live on between builds."""
    engines: list[Engine] = []

    def build(source: Path, output: Path, *against: Path, **sections: Any) -> Path:
        places = [str(place) for place in against]
        config = make_config(source, output, against=places, run={"workers": 2}, **sections)
        if not engines:
            engines.append(make_engine(config.run))
        Build(config, engines[0], Console(file=StringIO())).run()
        return output

    yield build
    for engine in engines:
        engine.close()


def published(output: Path) -> dict[str, dict[str, Any]]:
    """Return the published rows by record id."""
    rows = (row for batch in read_corpus(open_corpus(str(output))) for row in batch.to_pylist())
    return {row["record_id"]: row for row in rows}


def removed(output: Path) -> dict[str, dict[str, Any]]:
    """Return the duplicates of a build by the last part of their URL."""
    summary = orjson.loads((output / "build.json").read_bytes())
    rows = [
        row
        for entry in summary["removed"]["duplicates"]
        for row in pq.read_table(output / "work" / entry["path"]).to_pylist()
    ]
    return {row["url"].rsplit("/", 1)[-1]: row for row in rows}


def root_hash(output: Path) -> str:
    return open_corpus(str(output)).root_hash


def valid_keys(output: Path) -> set[bytes]:
    manifest = open_corpus(str(output))
    paths = [manifest.store.path(one["path"]) for one in manifest.shards() if one["split"] == "valid"]
    return {key for path in paths for key in pa.ipc.open_stream(path).read_all()["doc_key"].to_pylist()}


@pytest.fixture(scope="module")
def first(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first")
    stories = {f"a{n}": story(n) for n in range(40)}
    return run(write(folder / "one.jsonl", stories), folder / "out")


@pytest.fixture(scope="module")
def second(run: Run, first: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("second")
    stories = {f"copy{n}": story(n) for n in range(0, 40, 4)}
    stories |= {f"near{n}": story(n).replace("天不亮", "天没亮") for n in range(1, 40, 4)}
    stories |= {"a2": story(2)}
    stories |= {f"b{n}": story(100 + n) for n in range(6)}
    stories |= {"b3again": story(103)}
    return run(write(folder / "two.jsonl", stories), folder / "out", first)


def test_copies_of_what_was_published_go_and_name_the_build(first: Path, second: Path) -> None:
    earlier = {row["doc_key"]: name for name, row in published(first).items()}
    assert len(earlier) == 40
    assert set(published(second)) == {
        *(f"b{n}" for n in range(6) if n != 3),
        *({"b3", "b3again"} & set(published(second))),
    }
    gone = removed(second)
    assert len(gone) == 10 + 10 + 1 + 1
    for name, row in gone.items():
        if name.startswith("b3"):
            assert row["build"] is None
            continue
        number = name.removeprefix("copy").removeprefix("near").removeprefix("a")
        assert earlier[row["keeper"]] == f"a{number}"
        assert row["build"] == root_hash(first)
        assert row["kind"] == ("near" if name.startswith("near") else "repeat" if name == "a2" else "exact")
    assert verify(Store(second)).problems == []


def test_the_index_of_the_last_build_stands_for_all(first: Path, second: Path, run: Run, tmp_path: Path) -> None:
    index = open_index(str(second))
    assert index.root["build"] == root_hash(second)
    assert index.root["rows"] == 40 + 6
    assert {one["build"] for one in index.files} == {root_hash(first), root_hash(second)}
    source = write(tmp_path / "three.jsonl", {"c0": story(0), "c1": story(101), "c2": story(200)})
    third = run(source, tmp_path / "out", second / "index")
    assert set(published(third)) == {"c2"}
    assert {name: row["build"] for name, row in removed(third).items()} == {
        "c0": root_hash(first),
        "c1": root_hash(second),
    }
    # Naming both builds says nothing new.
    both = run(source, tmp_path / "both", first, second)
    assert root_hash(both) == root_hash(third)


def test_the_same_build_again_changes_nothing(first: Path, second: Path, run: Run, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(first, moved)
    source = next(second.parent.glob("*.jsonl"))
    again = run(source, tmp_path / "out", moved)
    assert root_hash(again) == root_hash(second)
    assert open_index(str(again)).index_hash == open_index(str(second)).index_hash
    hash_before = open_index(str(second)).index_hash
    run(source, second, first)
    clean(Store(second))
    run(source, second, first)
    assert open_index(str(second)).index_hash == hash_before
    assert verify(Store(second)).problems == []


def altered(text: str, places: range) -> str:
    """Put another character at ``places``, counted in the text."""
    return "".join("〇一二三四五六七八九"[n % 10] if n in places else one for n, one in enumerate(text))


def test_what_joins_an_earlier_component_inherits_its_split(run: Run, tmp_path: Path) -> None:
    """E was published; M is near E, X is near M and not near E: M goes, X stays where E is, train or valid."""
    half = {"publish": {"valid_share": 0.5}}
    one = run(write(tmp_path / "one.jsonl", {f"e{n}": story(n) for n in range(12)}), tmp_path / "one", **half)
    # Neighbours at J = .87, which hardly a pair of them escapes; ends at .76, below the threshold.
    middle = {f"m{n}": altered(story(n), range(20, 60, 20)) for n in range(12)}
    beyond = {f"x{n}": altered(middle[f"m{n}"], range(100, 140, 20)) for n in range(12)}
    two = run(write(tmp_path / "two.jsonl", middle | beyond), tmp_path / "two", one, **half)
    kept, earlier = published(two), published(one)
    assert not set(kept) & set(middle)
    joined = [n for n in range(12) if f"x{n}" in kept]
    assert len(joined) >= 8
    held_out = {*valid_keys(one), *valid_keys(two)}
    sides = [(earlier[f"e{n}"]["doc_key"] in held_out, kept[f"x{n}"]["doc_key"] in held_out) for n in joined]
    assert [before for before, _ in sides] == [after for _, after in sides]
    assert {before for before, _ in sides} == {True, False}


def test_an_index_made_otherwise_is_refused_before_any_work(first: Path, run: Run, tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", {"c": story(1)})
    with pytest.raises(BuildError, match=r"shingle 5 \(here 8\)"):
        run(source, tmp_path / "out", first, dedupe={"shingle": 8})
    assert not (tmp_path / "out" / "work" / "documents").exists()


def test_a_build_is_not_made_against_itself(first: Path, run: Run) -> None:
    with pytest.raises(BuildError, match="what this build writes itself"):
        run(next(first.parent.glob("*.jsonl")), first, first)


def test_a_damaged_file_of_an_index_is_named(first: Path, run: Run, tmp_path: Path) -> None:
    shutil.copytree(first, tmp_path / "first")
    copy = tmp_path / "first" / "index"
    path = copy / open_index(str(copy)).files[0]["path"]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    problems = verify(Store(tmp_path / "first")).problems
    assert [problem for problem in problems if path.name in problem] == problems != []
    with pytest.raises((BuildError, CorruptionError), match=path.name):
        run(write(tmp_path / "in.jsonl", {"c": story(1)}), tmp_path / "out", copy)
