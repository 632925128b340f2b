"""One suite for all engines: the same tasks, the same clusters, the same bytes."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from corpus.config.build import BuildConfig, RunSettings
from corpus.config.dedupe import DedupeSettings
from corpus.dedupe.index import index_schema, open_index
from corpus.errors import BuildError
from corpus.schema import CLUSTERS
from corpus.shards.reader import open_corpus
from corpus.shards.verify import verify
from corpus.steps.sign import Sign
from corpus.storage import Store
from pipelines.build import Build
from pipelines.engines.interface import EarlierFile, Engine, Signed
from pipelines.engines.registry import make_engine
from pipelines.passes.reports import Report, committed
from pipelines.passes.task import Announce, Isolation, Item, Progress

sys.path.insert(0, str(Path(__file__).parents[2] / "corpus" / "dedupe"))
from dedupe_pages import Page, Signing, chinese, edited

RUNS: dict[str, dict[str, Any]] = {
    "local": {"engine": "local", "workers": 2},
    "spark": {"engine": "spark", "master": "local[2]"},
    "beam": {"engine": "beam", "workers": 2},
    "beam-processes": {
        "engine": "beam",
        "beam_args": ["--direct_running_mode=multi_processing --direct_num_workers=2"],
    },
}
PACKAGES = {"spark": "pyspark", "beam": "apache_beam"}
SLOW = ("spark", "beam-processes")


def chosen(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return the run settings of the engine that a test is for; skip where its package is not installed."""
    run = RUNS[request.param]
    if run["engine"] in PACKAGES:
        pytest.importorskip(PACKAGES[run["engine"]], reason=f"the {run['engine']} extra is not installed")
    return run


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in RUNS]
)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    made = make_engine(RunSettings.model_validate(chosen(request)))
    yield made
    made.close()


@dataclass(frozen=True)
class CountTask:
    """Counts to the number in its item; refuses one that is too large."""

    name: str = "count"

    def run(self, item: Item, attempt: str, isolation: Isolation, announce: Announce) -> Report:
        announce(Progress(0, 1, 0, 0, 0))
        if item.payload["to"] > 1000:
            raise BuildError(f"{item.payload['to']} is too far to count; name a smaller number")
        return {"sum": sum(range(item.payload["to"])), "text": item.payload["text"]}


def items(count: int) -> list[Item]:
    return [Item(f"{n:032x}", {"to": 10 * n, "text": f"第{n}份"}, n) for n in range(count)]


def unwatched(mark: str, progress: Progress) -> None:
    """A build shows these; here nobody looks."""


def test_every_item_is_run_and_reported_once(engine: Engine, tmp_path: Path) -> None:
    work, seen = Store(tmp_path), []
    engine.run(CountTask(), work, items(7), lambda item, report: seen.append((item.fingerprint, report)), unwatched)
    assert sorted(mark for mark, _ in seen) == [item.fingerprint for item in items(7)]
    for item in items(7):
        report = dict(seen)[item.fingerprint]
        assert (report["sum"], report["text"]) == (sum(range(item.payload["to"])), item.payload["text"])
    assert committed(work, "count", [item.fingerprint for item in items(7)]) == dict(seen)
    assert not list(work.names("scratch"))


def test_what_an_item_cannot_do_is_said_in_one_sentence(engine: Engine, tmp_path: Path) -> None:
    bad = Item("f" * 32, {"to": 5000, "text": ""})
    with pytest.raises(BuildError, match="5000 is too far to count") as refusal:
        engine.run(CountTask(), Store(tmp_path), [*items(3), bad], lambda item, report: None, unwatched)
    assert "\n" not in str(refusal.value)


@pytest.fixture(scope="module")
def signing() -> Signing:
    settings = DedupeSettings()
    step = Sign(settings)
    step.load()
    return Signing(step, settings)


def random_pages(seed: int, origins: int) -> list[Page]:
    """Return pages of three splits: texts alone, copies, near copies, chains, repeats, texts too short for a signature."""
    rng = random.Random(seed)
    pages: list[Page] = []

    def add(text: str) -> None:
        pages.append(Page(rng.randbytes(16), text, rng.choice([0.2, 0.2, 0.5, 0.9]), rng.randrange(3)))

    for _ in range(origins):
        text = chinese(rng, rng.choice([40, 180, 260]))
        for _ in range(rng.choice([1, 1, 2, 3, 6])):
            add(edited(rng, text, 0.006) if rng.random() < 0.5 else text)
    chain = chinese(rng, 300)
    for _ in range(8):
        chain = edited(rng, chain, 0.02)
        add(chain)
    template = chinese(rng, 300)
    for _ in range(12):
        add(template + chinese(rng, rng.randrange(20, 90)))
    repeated = [Page(page.key, page.text, page.quality, rng.randrange(3)) for page in rng.sample(pages, 5)]
    return pages + repeated


def signed_files(folder: Path, signing: Signing, pages: list[Page]) -> Signed:
    table = signing.table(pages)
    files = {}
    for split in range(3):
        own = table.filter(pc.equal(table["split"], split)).drop_columns(["split"])
        files[split] = str(folder / f"signatures-{split}.parquet")
        pq.write_table(own, files[split], row_group_size=7)
    return Signed(files, table.num_rows)


def index_file(folder: Path, signing: Signing, pages: list[Page], name: str) -> EarlierFile:
    """Write an index of ``pages`` in which every document is its own component."""
    table = signing.table([Page(page.key, page.text, page.quality, 0) for page in pages]).drop_columns(["split"])
    table = table.append_column("component", table["doc_key"]).cast(index_schema(16))
    path = folder / f"index-{name}.parquet"
    pq.write_table(table, path)
    return EarlierFile(str(path), table.num_rows, name)


def clusters(engine: Engine, signed: Signed, settings: DedupeSettings, folder: Path) -> list[dict[str, Any]]:
    with engine.clusters(signed, settings, Store(folder / "scratch")) as batches:
        return pa.Table.from_batches(batches).select(CLUSTERS.names).cast(CLUSTERS).to_pylist()


@pytest.fixture(scope="module")
def reference() -> Iterator[Engine]:
    made = make_engine(RunSettings(workers=1))
    yield made
    made.close()


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({}, id="union-find"),
        pytest.param(
            {"residual_edges": 2, "leaders": 1},
            id="contraction, one leader, two earlier builds",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_engines_find_the_same_clusters(
    engine: Engine,
    reference: Engine,
    signing: Signing,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changed: dict[str, int],
) -> None:
    if engine.name == "local" and not changed:
        pytest.skip("that is the reference")
    if engine.name == "beam":  # so that what must meet does not meet by being all in one partition
        monkeypatch.setattr("pipelines.engines.beam_clusters.SPREAD_ROWS", 16)
    settings = signing.settings.model_copy(update=changed)
    pages = random_pages(11 + len(changed), 30)
    earlier = random_pages(11 + len(changed), 12)[::2] if changed else []
    signed = signed_files(tmp_path, signing, pages)
    if earlier:
        halves = (earlier[: len(earlier) // 2], earlier[len(earlier) // 2 :])
        files = [index_file(tmp_path, signing, half, name) for half, name in zip(halves, ("one", "two"), strict=True)]
        signed = Signed(signed.splits, signed.rows, files)
    # One thread and no contraction, as little machinery as there is.
    plain = settings.model_copy(update={"residual_edges": 1_000_000})
    found = clusters(engine, signed, settings, tmp_path)
    assert found == clusters(reference, signed, plain, tmp_path)
    assert {row["kind"] for row in found} == {"keeper", "repeat", "exact", "near"}
    assert bool([row for row in found if row["build"] is not None]) == bool(earlier)
    assert not (tmp_path / "scratch").exists() or not list(Store(tmp_path / "scratch").names())


@pytest.mark.parametrize(
    ("seed", "residual_edges"),
    [(1, 1_000_000)] + [pytest.param(seed, 2, marks=pytest.mark.slow) for seed in (2, 3)],
)
def test_beam_does_not_depend_on_the_order_of_elements_and_the_cut_of_bundles(
    seed: int,
    residual_edges: int,
    reference: Engine,
    signing: Signing,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rows reach each function permuted and in pieces of random size, every bundle is tried twice."""
    pytest.importorskip("apache_beam", reason="the beam extra is not installed")
    from pipelines.engines import beam_batches, beam_clusters, beam_flow, beam_statements

    rng = random.Random(seed)
    decode = beam_batches.decode

    def shuffled(parts: Iterable[bytes], schema: pa.Schema) -> pa.Table:
        table = decode(parts, schema)
        table = table.take(pa.array(rng.sample(range(len(table)), len(table)), pa.int64()))
        batches, start = [], 0
        while start < len(table):
            size = rng.choice([1, 2, 7, 64])
            batches.extend(table.slice(start, size).combine_chunks().to_batches())
            start += size
        return pa.Table.from_batches(batches, schema)

    for module in (beam_batches, beam_flow, beam_statements):
        monkeypatch.setattr(module, "decode", shuffled)
    monkeypatch.setattr(beam_batches, "ELEMENT_ROWS", rng.choice([1, 3, 10]))
    for module in (beam_batches, beam_statements):
        monkeypatch.setattr(module, "HELD_BYTES", rng.choice([1, 5_000, 50_000]))
    monkeypatch.setattr(beam_clusters, "SPREAD_ROWS", rng.choice([8, 16, 40]))
    settings = signing.settings.model_copy(update={"residual_edges": residual_edges})
    signed = signed_files(tmp_path, signing, random_pages(seed, 20))
    twice = "--direct_running_mode=in_memory --direct_runner_bundle_repeat=1"
    engine = make_engine(RunSettings(engine="beam", beam_args=[twice]))
    assert clusters(engine, signed, settings, tmp_path) == clusters(reference, signed, signing.settings, tmp_path)


def test_engines_build_the_same_bytes(
    engine: Engine, reference: Engine, written_input: Path, make_config: Callable[..., BuildConfig], tmp_path: Path
) -> None:
    if engine.name == "local":
        pytest.skip("that is the reference; tests/pipelines/test_build.py varies its workers")
    roots, shards, indexes = [], [], []
    for number, one in enumerate((reference, engine)):
        output = tmp_path / str(number)
        config = make_config(written_input, output, input={"split_bytes": 40_000, "bundle_bytes": 10_000})
        Build(config, one, Console(file=StringIO())).run()
        manifest = open_corpus(str(output))
        roots.append(manifest.root_hash)
        shards.append([manifest.store.read_bytes(shard["path"]) for shard in manifest.shards()])
        indexes.append(open_index(str(output)).index_hash)
        assert verify(Store(output)).problems == []
        assert not list(Store(output).names("work/scratch"))
    assert roots[0] == roots[1]
    assert shards[0] == shards[1]
    assert indexes[0] == indexes[1]
