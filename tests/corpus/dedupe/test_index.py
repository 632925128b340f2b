"""Across builds: what was published stays, what duplicates it goes, and each removal names its build."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pytest
from dedupe_pages import Page, Row, Signing, chinese, edited
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus.dedupe.clusters import find_clusters
from corpus.dedupe.index import index_schema, index_select, join_earlier
from pipelines.engines.duckdb_session import DuckDBSession


class Builds:
    """Runs builds one against the other; ``index`` is that of the last."""

    def __init__(self, folder: Path, signing: Signing) -> None:
        self.folder = folder
        self.signing = signing
        self.index: pa.Table | None = None

    def build(self, name: str, pages: list[Page]) -> tuple[list[Row], dict[bytes, str]]:
        """Return the clusters of ``pages`` and the build of every keeper of an earlier one."""
        with DuckDBSession(self.folder, memory_limit="500MB", threads=2) as session:
            builds: dict[bytes, str] = {}
            earlier = self.index is not None
            if self.index is None:
                session.register("signatures", self.signing.table(pages))
            else:
                numbered = self.index.append_column("file", pa.array([0] * len(self.index), pa.int32()))
                numbered = numbered.append_column("row", pa.array(range(len(self.index)), pa.int32()))
                session.register("index_rows", numbered)
                session.register("new_signatures", self.signing.table(pages))
                join_earlier(session, "new_signatures", "index_rows")
            find_clusters(session, self.signing.settings, earlier=earlier)
            if earlier:
                found = session.arrow("SELECT keeper, build FROM earlier_keepers").read_all().to_pylist()
                builds = {row["keeper"]: row["build"] for row in found}
            rows = session.arrow("SELECT * FROM clusters ORDER BY split, row").read_all().to_pylist()
            self.index = session.arrow(index_select(name, earlier=earlier)).read_all().cast(index_schema(16))
        return rows, builds


@pytest.fixture
def builds(tmp_path: Path, signing: Signing) -> Builds:
    return Builds(tmp_path / "builds", signing)


def test_a_better_new_copy_does_not_remove_what_was_published(builds: Builds) -> None:
    text = chinese(random.Random(1), 300)
    first, _ = builds.build("2026-01", [Page(b"m", text, 0.2), Page(b"k", text, 0.1)])
    assert [row["kind"] for row in first] == ["keeper", "exact"]
    rows, named = builds.build("2026-02", [Page(b"a", text + "又及", 0.99), Page(b"b", text, 0.99), Page(b"m", text)])
    assert [row["kind"] for row in rows] == ["near", "exact", "repeat"]
    assert {row["keeper"] for row in rows} == {Page(b"m", "").doc_key}
    assert named == {Page(b"m", "").doc_key: "2026-01"}
    # The component is the one that the first build gave, though a smaller key has joined.
    assert {row["component"] for row in rows} == {Page(b"k", "").doc_key}


def test_the_index_holds_published_documents_of_all_builds(builds: Builds) -> None:
    rng = random.Random(2)
    texts = [chinese(rng, 200) for _ in range(3)]
    builds.build("one", [Page(b"a", texts[0]), Page(b"b", texts[0])])
    builds.build("two", [Page(b"c", texts[0]), Page(b"d", texts[1])])
    rows, named = builds.build(
        "three", [Page(b"e", texts[1]), Page(b"f", edited(rng, texts[0], 0.01)), Page(b"g", texts[2])]
    )
    assert [(row["row"], row["kind"]) for row in rows] == [(0, "exact"), (1, "near")]
    assert named == {Page(b"d", "").doc_key: "two", Page(b"a", "").doc_key: "one"}
    assert builds.index is not None
    held = zip(builds.index["doc_key"].to_pylist(), builds.index["build"].to_pylist(), strict=True)
    assert [(key[:1], build) for key, build in held] == [(b"a", "one"), (b"d", "two"), (b"g", "three")]


def test_names_of_builds_are_checked() -> None:
    with pytest.raises(ValueError, match="name"):
        index_select("x'; DROP TABLE clusters; --")


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

    published: dict[bytes, int] = {}
    for name in ("first", "second", "third"):
        new = pages(7)
        rows, named = builds.build(name, [page for page, _ in new])
        removed = {row["row"]: row for row in rows if row["kind"] != "keeper"}
        before = set(published)
        for place, (page, number) in enumerate(new):
            if place in removed:
                keeper = removed[place]["keeper"]
                # It matched a document of the same origin: an earlier one, or one that this build keeps.
                assert (keeper in named) == (keeper in before)
            else:
                published[page.doc_key] = number
        for place, (_, number) in enumerate(new):
            if place in removed:
                assert published[removed[place]["keeper"]] == number
            elif number in {published[key] for key in before}:
                pytest.fail("a copy of a published document was kept")
        # One survivor for each origin: nothing published is lost, nothing is published twice.
        assert sorted(published.values()) == sorted(set(published.values()))
        assert builds.index is not None
        assert set(builds.index["doc_key"].to_pylist()) == set(published)
