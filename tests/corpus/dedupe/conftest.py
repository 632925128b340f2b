"""DuckDB to find clusters in signatures made by hand."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from corpus.config.dedupe import DedupeSettings
from corpus.dedupe.clusters import find_clusters
from corpus.steps.sign import Sign
from pipelines.engines.duckdb_session import DuckDBSession

sys.path.insert(0, str(Path(__file__).parent))

from dedupe_pages import Find, Page, Row, Signing  # beside this file, not in a package


@pytest.fixture(scope="session")
def signing() -> Signing:
    settings = DedupeSettings()
    step = Sign(settings)
    step.load()
    return Signing(step, settings)


@pytest.fixture
def duckdb_session(tmp_path: Path) -> Iterator[DuckDBSession]:
    with DuckDBSession(tmp_path / "duckdb", memory_limit="500MB", threads=2) as session:
        yield session


@pytest.fixture
def find(tmp_path: Path, signing: Signing) -> Find:
    """Return the rows of ``clusters`` for pages or for a signatures table, ordered by place."""

    def found(pages: list[Page] | pa.Table, settings: DedupeSettings | None = None) -> list[Row]:
        table = pages if isinstance(pages, pa.Table) else signing.table(pages)
        with DuckDBSession(tmp_path / "find", memory_limit="500MB", threads=2) as session:
            session.register("signatures", table)
            find_clusters(session, settings or signing.settings)
            rows: list[Row] = session.arrow("SELECT * FROM clusters ORDER BY split, row").read_all().to_pylist()
        return rows

    return found
