"""Across builds: what was published stays, what duplicates it goes, and each removal names its build."""

from __future__ import annotations

import random
from pathlib import Path

import orjson
import pyarrow as pa
import pytest
from dedupe_pages import Page, Row, Signing, chinese, edited
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus.config.dedupe import DedupeSettings
from corpus.dedupe.clusters import find_clusters
from corpus.dedupe.index import hashing, index_rows, index_schema, join_earlier, open_index, write_index
from corpus.errors import BuildError, CorruptionError
from corpus.schema import CLUSTERS
from corpus.storage import Store
from pipelines.engines.duckdb_session import DuckDBSession


class Builds:
    """Runs builds one against the other; ``files`` is the index: its files and the build of each."""

    def __init__(self, folder: Path, signing: Signing) -> None:
        self.folder = folder
        self.signing = signing
        self.files: list[tuple[pa.Table, str]] = []

    def build(self, name: str, pages: list[Page], held_back: tuple[bytes, ...] = ()) -> list[Row]:
        """Return the clusters of ``pages``; ``held_back`` are keys that publish does not let through."""
        signed = self.signing.table(pages)
        with DuckDBSession(self.folder, memory_limit="500MB", threads=2) as session:
            if self.files:
                parts = [
                    table.add_column(0, "split", pa.array([ordinal] * len(table), pa.int32()))
                    for ordinal, (table, _) in enumerate(self.files)
                ]
                session.register("index_rows", pa.concat_tables(parts))
                session.register("new_signatures", signed)
                join_earlier(session, "new_signatures", "index_rows", [build for _, build in self.files])
            else:
                session.register("signatures", signed)
            find_clusters(session, self.signing.settings, earlier=bool(self.files))
            clusters = session.arrow("SELECT * FROM clusters ORDER BY split, row").read_all().cast(CLUSTERS)
        published = pa.array([page.doc_key for page in pages if page.doc_key not in held_back], pa.binary(16))
        for split in sorted({page.split for page in pages}):
            own = signed.filter(pa.compute.equal(signed["split"], split)).drop_columns(["split"])
            rows = index_rows(own, clusters.filter(pa.compute.equal(clusters["split"], split)), published)
            self.files.append((rows.cast(index_schema(16)), name))
        return clusters.to_pylist()

    def published(self) -> list[tuple[bytes, str]]:
        """Return first byte of the key and build of every document of the index."""
        return sorted((key[:1], build) for table, build in self.files for key in table["doc_key"].to_pylist())


@pytest.fixture
def builds(tmp_path: Path, signing: Signing) -> Builds:
    return Builds(tmp_path / "builds", signing)


def test_a_better_new_copy_does_not_remove_what_was_published(builds: Builds) -> None:
    text = chinese(random.Random(1), 300)
    first = builds.build("2026-01", [Page(b"m", text, 0.2), Page(b"k", text, 0.1)])
    assert [(row["kind"], row["build"]) for row in first] == [("keeper", None), ("exact", None)]
    rows = builds.build("2026-02", [Page(b"a", text + "又及", 0.99), Page(b"b", text, 0.99), Page(b"m", text)])
    assert [row["kind"] for row in rows] == ["near", "exact", "repeat"]
    assert {(row["keeper"], row["build"]) for row in rows} == {(Page(b"m", "").doc_key, "2026-01")}
    # The component is the one that the first build gave, though a smaller key has joined.
    assert {row["component"] for row in rows} == {Page(b"k", "").doc_key}


def test_the_index_holds_published_documents_of_all_builds(builds: Builds) -> None:
    rng = random.Random(2)
    texts = [chinese(rng, 200) for _ in range(3)]
    builds.build("one", [Page(b"a", texts[0]), Page(b"b", texts[0])])
    builds.build("two", [Page(b"c", texts[0]), Page(b"d", texts[1])])
    rows = builds.build("three", [Page(b"e", texts[1]), Page(b"f", edited(rng, texts[0], 0.01)), Page(b"g", texts[2])])
    assert [(row["row"], row["kind"], row["build"]) for row in rows] == [(0, "exact", "two"), (1, "near", "one")]
    assert builds.published() == [(b"a", "one"), (b"d", "two"), (b"g", "three")]


def test_what_publish_held_back_does_not_shadow_a_later_copy(builds: Builds) -> None:
    text = chinese(random.Random(5), 260)
    builds.build("one", [Page(b"a", text, 0.9), Page(b"b", text, 0.1)], held_back=(Page(b"a", "").doc_key,))
    assert builds.published() == []
    rows = builds.build("two", [Page(b"c", text)])
    assert rows == []
    assert builds.published() == [(b"c", "two")]


def test_a_new_document_that_is_better_wins_among_new_ones(builds: Builds) -> None:
    rng = random.Random(6)
    old, fresh = chinese(rng, 240), chinese(rng, 240)
    builds.build("one", [Page(b"z", old)])
    rows = builds.build("two", [Page(b"a", fresh, 0.3), Page(b"b", fresh, 0.8), Page(b"c", old, 0.9)])
    assert [(row["kind"], row["keeper"][:1], row["build"]) for row in rows] == [
        ("exact", b"b", None),
        ("keeper", b"b", None),
        ("exact", b"z", "one"),
    ]


def test_builds_of_two_indexes_may_hold_the_same_document(builds: Builds) -> None:
    text = chinese(random.Random(8), 240)
    builds.build("one", [Page(b"a", text)])
    held = list(builds.files)
    builds.files = []
    builds.build("other", [Page(b"a", text), Page(b"b", chinese(random.Random(9), 240))])
    builds.files = held + builds.files
    rows = builds.build("two", [Page(b"a", text), Page(b"c", text)])
    assert [(row["kind"], row["keeper"][:1], row["build"] in ("one", "other")) for row in rows] == [
        ("repeat", b"a", True),
        ("exact", b"a", True),
    ]


@given(st.integers(0, 10_000))
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_promise(tmp_path: Path, signing: Signing, seed: int) -> None:
    rng = random.Random(seed)
    builds = Builds(tmp_path / "promise", signing)
    texts = [chinese(rng, 240) for _ in range(8)]

    def pages(count: int) -> list[tuple[Page, int]]:
        chosen = [rng.randrange(8) for _ in range(count)]
        return [
            (
                Page(
                    rng.randbytes(16),
                    edited(rng, texts[number], 0.004) if rng.random() < 0.6 else texts[number],
                    rng.random(),
                ),
                number,
            )
            for number in chosen
        ]

    published: dict[bytes, tuple[int, str, bytes]] = {}
    for name in ("first", "second", "third"):
        new = pages(7)
        rows = builds.build(name, [page for page, _ in new])
        removed = {row["row"]: row for row in rows if row["kind"] != "keeper"}
        component = {row["row"]: row["component"] for row in rows}
        before = dict(published)
        for place, (page, number) in enumerate(new):
            if place not in removed:
                published[page.doc_key] = (number, name, component.get(place, page.doc_key))
        for place, (_, number) in enumerate(new):
            if place in removed:
                # It matched a document of the same origin, an earlier one or one that this build keeps, and says which.
                keeper = removed[place]["keeper"]
                origin, build, inherited = published[keeper]
                assert origin == number
                assert removed[place]["build"] == (build if keeper in before else None)
                assert removed[place]["component"] == inherited
            elif number in {origin for origin, _, _ in before.values()}:
                pytest.fail("a copy of a published document was kept")
        # One survivor for each origin: nothing published is lost, nothing is published twice.
        origins = [origin for origin, _, _ in published.values()]
        assert sorted(origins) == sorted(set(origins))
        held = {key for table, _ in builds.files for key in table["doc_key"].to_pylist()}
        assert held == set(published)


def entry(name: str) -> dict[str, object]:
    return {"path": name, "rows": 3, "bytes": 100, "sha256": name * 8, "build": "b1"}


def test_an_index_opens_by_its_folder_or_by_the_output(tmp_path: Path) -> None:
    how = hashing(DedupeSettings(), 1)
    write_index(Store(tmp_path / "index"), [entry("a"), entry("b")], "b1", how)
    for place in (tmp_path, tmp_path / "index"):
        index = open_index(str(place))
        assert index.root["rows"] == 6
        index.check(how)


@pytest.mark.parametrize(
    ("field", "value"), [("shingle", 8), ("seed", 2), ("min_shingles", 32), ("sketch_bins", 512), ("threshold", 0.6)]
)
def test_an_index_of_other_signatures_is_refused_in_one_sentence(tmp_path: Path, field: str, value: float) -> None:
    index = write_index(Store(tmp_path), [entry("a")], "b1", hashing(DedupeSettings(), 1))
    with pytest.raises(BuildError, match="--against") as refusal:
        index.check(hashing(DedupeSettings.model_validate({field: value}), 1))
    assert "\n" not in str(refusal.value)
    with pytest.raises(BuildError, match=r"sign_version 1 \(here 2\)"):
        index.check(hashing(DedupeSettings(), 2))


def test_a_threshold_that_leaves_the_bands_as_they_are_is_no_mismatch(tmp_path: Path) -> None:
    index = write_index(Store(tmp_path), [entry("a")], "b1", hashing(DedupeSettings(), 1))
    index.check(hashing(DedupeSettings(leaders=4, residual_edges=0), 1))


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        (lambda root: None, CorruptionError),
        (lambda root: root | {"kind": "text"}, BuildError),
        (lambda root: root | {"schema_version": 99}, BuildError),
        (lambda root: root | {"files": [{"path": "x"}]}, CorruptionError),
        (lambda root: root | {"files": root["files"][:1]}, CorruptionError),
        (lambda root: [root], BuildError),
    ],
)
def test_what_is_no_index_is_refused(tmp_path: Path, damage: object, error: type[Exception]) -> None:
    index = write_index(Store(tmp_path), [entry("a"), entry("b")], "b1", {})
    damaged = damage(index.root)  # type: ignore[operator]
    data = b"{" if damaged is None else orjson.dumps(damaged)
    (tmp_path / "manifest.json").write_bytes(data)
    with pytest.raises(error) as refusal:
        open_index(str(tmp_path))
    assert str(tmp_path) in str(refusal.value)


def test_a_place_without_an_index_is_named(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="no index here"):
        open_index(str(tmp_path))
