"""What a session promises, kept by DuckDB and by Spark; and that both find the same clusters."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dedupe_pages import Page, Signing, chinese, edited

from corpus.dedupe.clusters import find_clusters
from corpus.dedupe.session import Session
from pipelines.engines.duckdb_session import DuckDBSession


@pytest.fixture(scope="module")
def spark_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spark")


@pytest.fixture(params=["duckdb", pytest.param("spark", marks=pytest.mark.slow)])
def session(request: pytest.FixtureRequest, tmp_path: Path, spark_folder: Path) -> Iterator[Session]:
    if request.param == "duckdb":
        with DuckDBSession(tmp_path / "duckdb", memory_limit="500MB", threads=2) as opened:
            yield opened
        return
    sql = pytest.importorskip("pyspark.sql")
    from pipelines.engines.spark_session import SparkSQLSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = sql.SparkSession.builder.master("local[1]").config("spark.sql.shuffle.partitions", "2")
    builder = builder.config("spark.ui.enabled", "false").config("spark.sql.warehouse.dir", str(spark_folder))
    try:
        spark = builder.getOrCreate()
    except Exception as error:  # noqa: BLE001 - whatever keeps the JVM from starting
        pytest.skip(f"Spark does not start here: {error}")
    with SparkSQLSession(spark, str(spark_folder)) as opened_spark:
        yield opened_spark


def test_key64_keeps_the_order_of_bytes(session: Session) -> None:
    keys = [*sorted(random.Random(1).randbytes(16) for _ in range(50)), b"\xff" * 16]
    session.register("keys", pa.table({"key": pa.array([bytes(16), *keys], pa.binary())}))
    rows = session.arrow("SELECT key64(key, 1) AS k, key64(key, 9) AS tail FROM keys ORDER BY key").read_all()
    values = rows["k"].to_pylist()
    assert values == sorted(values)
    assert (values[0], values[-1]) == (-(2**63), 2**63 - 1)
    assert rows["tail"][1].as_py() == int.from_bytes(keys[0][8:], "big") - 2**63
    session.drop("keys")


def test_tables_views_and_names_used_again(session: Session) -> None:
    session.register("numbers", pa.table({"n": pa.array([1, 2, 3], pa.int64())}))
    session.view("large", "SELECT n FROM numbers WHERE n > 1")
    assert session.count("large") == 2
    session.create("copied", "SELECT n FROM large")
    session.drop("large")
    session.drop("numbers")
    session.register("numbers", pa.table({"n": pa.array([7], pa.int64())}))
    assert (session.count("copied"), session.count("numbers")) == (2, 1)
    session.drop("copied")
    session.drop("numbers")


def test_explode_shared_keeps_every_element_that_occurs_twice(session: Session) -> None:
    lists = pa.array([[1, 2, 3], [3, 4], [], [5, 2]], pa.list_(pa.int64()))
    session.register("nodes", pa.table({"k": pa.array([10, 20, 30, 40], pa.int64()), "bands": lists}))
    session.explode_shared("exploded", "SELECT k, bands FROM nodes")
    rows = {tuple(row.values()) for row in session.arrow("SELECT k, h FROM exploded").read_all().to_pylist()}
    assert (
        {(10, 3), (20, 3), (10, 2), (40, 2)} <= rows <= {(10, 1), (10, 2), (10, 3), (20, 3), (20, 4), (40, 5), (40, 2)}
    )
    session.drop("exploded")
    session.drop("nodes")


def test_map_arrow_hands_over_whole_groups_in_order(session: Session) -> None:
    # Nested, so that it travels to Spark's workers by value: they cannot import a test module.
    def neighbours(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Pair each row with the one before it in its group."""
        before: tuple[int, int] | None = None
        for batch in batches:
            groups, values, previous = [], [], []
            for group, value in zip(batch["g"].to_pylist(), batch["v"].to_pylist(), strict=True):
                groups.append(group)
                values.append(value)
                previous.append(before[1] if before is not None and before[0] == group else -1)
                before = (group, value)
            yield pa.RecordBatch.from_arrays(
                [pa.array(column, pa.int64()) for column in (groups, values, previous)], names=["g", "v", "p"]
            )

    rng = random.Random(2)
    rows = [(rng.randrange(5), value) for value in range(60)]
    rng.shuffle(rows)
    columns = {
        name: pa.array(values, pa.int64()) for name, values in zip(("g", "v"), zip(*rows, strict=True), strict=True)
    }
    session.register("rows_in", pa.table(columns))
    schema = pa.schema([("g", pa.int64()), ("v", pa.int64()), ("p", pa.int64())])
    session.map_arrow("paired", "SELECT g, v FROM rows_in", neighbours, schema, partition_by="g", order_by=("v DESC",))
    got = sorted(tuple(row.values()) for row in session.arrow("SELECT g, v, p FROM paired").read_all().to_pylist())
    expected = []
    for group in range(5):
        values = sorted((value for own, value in rows if own == group), reverse=True)
        expected += [(group, value, before) for value, before in zip(values, [-1, *values], strict=False)]
    assert got == sorted(expected)
    session.drop("rows_in")
    session.drop("paired")


def sample_pages() -> list[Page]:
    rng = random.Random(3)
    pages = []
    for _ in range(15):
        text = chinese(rng, 220)
        pages += [
            Page(
                rng.randbytes(16), edited(rng, text, 0.005) if copy else text, rng.choice([0.3, 0.6]), rng.randrange(3)
            )
            for copy in range(rng.randint(1, 4))
        ]
    return [*pages, *(Page(page.key, page.text, page.quality, page.split) for page in pages[:3])]


def test_sessions_find_the_same_clusters(session: Session, signing: Signing, tmp_path: Path) -> None:
    table = signing.table(sample_pages())
    pq.write_table(table, tmp_path / "signatures.parquet")
    session.read_parquet("signatures", [str(tmp_path / "signatures.parquet")])  # type: ignore[attr-defined]
    find_clusters(session, signing.settings)
    rows = session.arrow("SELECT * FROM clusters ORDER BY split, row").read_all().to_pylist()
    with DuckDBSession(tmp_path / "other", memory_limit="300MB", threads=1) as other:
        other.register("signatures", table)
        find_clusters(other, signing.settings)
        assert rows == other.arrow("SELECT * FROM clusters ORDER BY split, row").read_all().to_pylist()
    assert len(rows) > 30
    session.drop("clusters")


def test_duckdb_session_needs_to_be_open(tmp_path: Path) -> None:
    session = DuckDBSession(tmp_path)
    with pytest.raises(RuntimeError, match="context manager"):
        session.count("signatures")


def test_duckdb_session_leaves_no_database_behind(tmp_path: Path) -> None:
    with DuckDBSession(tmp_path / "folder") as session:
        session.register("rows_in", pa.table({"n": [1]}))
    assert not list((tmp_path / "folder").glob("*.duckdb*"))
