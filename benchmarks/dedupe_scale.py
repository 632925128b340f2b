"""Duplicate detection over generated signatures: time, peak memory, what was found.

``python benchmarks/dedupe_scale.py --rows 1000000 [--engine duckdb|spark|beam] [--memory 3GB] [--keep FOLDER]``

The signatures hold, beside documents that stand alone: clusters of every size
(a power law up to 20,000), exact copies, repeats, one bucket of 2 % of the
rows whose documents have nothing else in common, and one chain of 1 % in which
neighbours are near and others drift apart. At 10 million rows that is a bucket
of 200,000 and a chain of 100,000. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from corpus.config.dedupe import DedupeSettings
from corpus.dedupe.clusters import find_clusters
from corpus.dedupe.parameters import band_shape
from corpus.dedupe.session import Session
from corpus.dedupe.signatures import fixed_binary

CHUNK = 250_000
KIND_SINGLE, KIND_CLUSTER, KIND_BUCKET, KIND_CHAIN = range(4)


def mix(values: np.ndarray) -> np.ndarray:
    """SplitMix64 finaliser, so that every generated value is a function of its place."""
    with np.errstate(over="ignore"):
        values = (values.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)) * np.uint64(0xBF58476D1CE4E5B9)
        values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return values ^ (values >> np.uint64(31))


def plan(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return kind and group of each of ``rows`` documents, shuffled."""
    rng = np.random.Generator(np.random.Philox(7))
    bucket, chain = rows // 50, rows // 100
    kinds = [np.full(bucket, KIND_BUCKET), np.full(chain, KIND_CHAIN)]
    groups = [np.zeros(bucket, dtype=np.int64), np.arange(chain)]
    clustered = rows * 3 // 10
    sizes = np.minimum(1 + rng.zipf(2.0, size=clustered), max(2, min(20_000, rows // 50)))
    sizes = sizes[: int(np.searchsorted(np.cumsum(sizes), clustered))]
    kinds.append(np.full(int(sizes.sum()), KIND_CLUSTER))
    groups.append(np.repeat(np.arange(len(sizes)), sizes))
    single = rows - sum(map(len, kinds))
    kinds.append(np.full(single, KIND_SINGLE))
    groups.append(np.arange(single))
    order = rng.permutation(rows)
    return np.concatenate(kinds).astype(np.int8)[order], np.concatenate(groups)[order]


def sketch_bytes(values: np.ndarray) -> np.ndarray:
    """Pack n x 1024 bin values 1..3 into n x 256 bytes."""
    quads = values.reshape(len(values), -1, 4)
    return (quads[:, :, 0] | quads[:, :, 1] << 2 | quads[:, :, 2] << 4 | quads[:, :, 3] << 6).astype(np.uint8)


def chunk(kinds: np.ndarray, groups: np.ndarray, first: int, bands: int) -> pa.Table:
    """Return the signatures of documents ``first``... as a table."""
    count = len(kinds)
    rng = np.random.Generator(np.random.Philox(key=[11, first]))
    numbers = np.arange(first, first + count, dtype=np.uint64)
    band_numbers = np.arange(bands, dtype=np.uint64)
    own = mix(mix(numbers * np.uint64(64) + np.uint64(1))[:, None] + band_numbers)
    clustered = kinds == KIND_CLUSTER
    common = mix(mix(groups.astype(np.uint64) * np.uint64(64) + np.uint64(2))[:, None] + band_numbers)
    shares = clustered[:, None] & (rng.random((count, bands)) < 0.4)
    values = np.where(shares, common, own)
    chain = kinds == KIND_CHAIN
    links = mix(groups[chain].astype(np.uint64) * np.uint64(64) + np.uint64(3))
    following = mix((groups[chain] + 1).astype(np.uint64) * np.uint64(64) + np.uint64(3))
    values[chain, 0], values[chain, 1] = links, following
    values[kinds == KIND_BUCKET, 2] = mix(np.array([4], dtype=np.uint64))[0]
    sketches = rng.integers(1, 4, size=(count, 1024), dtype=np.uint8)
    bins = np.arange(1024, dtype=np.uint64)
    places = np.nonzero(clustered)[0]
    base = (mix(mix(groups[places].astype(np.uint64) + np.uint64(5 << 40))[:, None] + bins) % np.uint64(3)).astype(
        np.uint8
    ) + 1
    kept = rng.random((len(places), 1024)) < 0.94
    sketches[places] = np.where(kept, base, sketches[places])
    places = np.nonzero(chain)[0]
    epochs = np.floor(groups[places][:, None] * 0.06 + bins / 1024.0).astype(np.uint64)
    sketches[places] = (mix(mix(epochs + np.uint64(6 << 40)) + bins) % np.uint64(3)).astype(np.uint8) + 1
    keys = np.stack([mix(numbers + np.uint64(7 << 40)), mix(numbers + np.uint64(8 << 40))], axis=1)
    # One row in 200 repeats the document 1,001 rows before it; one clustered row in 5 copies its cluster's text.
    repeated = np.nonzero(numbers % np.uint64(200) == 199)[0]
    repeated = repeated[repeated >= 1001]
    content = np.stack([mix(numbers + np.uint64(9 << 40)), numbers], axis=1)
    copies = clustered & (rng.random(count) < 0.2)
    content[copies] = np.stack([mix(groups[copies].astype(np.uint64)), groups[copies].astype(np.uint64)], axis=1)
    packed = sketch_bytes(sketches)
    values[copies] = common[copies]
    packed[copies] = sketch_bytes(
        (mix(mix(groups[copies].astype(np.uint64) + np.uint64(5 << 40))[:, None] + bins) % np.uint64(3)).astype(
            np.uint8
        )
        + 1
    )
    for array in (keys, content, values, packed):
        array[repeated] = array[repeated - 1001]
    lists = pa.ListArray.from_arrays(
        pa.array(np.arange(count + 1, dtype=np.int32) * bands), pa.array(values.reshape(-1).view(np.int64))
    )
    return pa.table(
        {
            "row": pa.array(np.arange(count, dtype=np.int32)),
            "doc_key": fixed_binary(keys),
            "content_hash": fixed_binary(content),
            "quality": pa.array(rng.integers(0, 100, size=count).astype(np.int32) * 10_000),
            "n_chars": pa.array(rng.integers(80, 5000, size=count).astype(np.int32)),
            "bands": lists,
            "signature": fixed_binary(packed).cast(pa.binary()),
        }
    )


def generate(folder: Path, rows: int, bands: int) -> list[str]:
    """Write ``rows`` signatures as Parquet files, one for each split; return their paths."""
    kinds, groups = plan(rows)
    paths = []
    for split, first in enumerate(range(0, rows, CHUNK)):
        path = folder / f"signatures-{split:05d}.parquet"
        if not path.exists():
            part = slice(first, first + CHUNK)
            table = chunk(kinds[part], groups[part], first, bands)
            table = table.add_column(0, "split", pa.array(np.full(len(table), split, dtype=np.int32)))
            pq.write_table(table, path, compression="none", use_dictionary=False)
        paths.append(str(path))
    return paths


def cpu_seconds() -> float:
    """User and system time of this process, all threads."""
    times = psutil.Process().cpu_times()
    return float(times.user + times.system)


class PeakMemory(threading.Thread):
    """Samples the resident memory of this process and its children."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._done = threading.Event()

    def run(self) -> None:
        """Sample ten times a second until stopped."""
        process = psutil.Process()
        while not self._done.wait(0.1):
            members = [process, *process.children(recursive=True)]
            total = 0
            for member in members:
                try:
                    total += member.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            self.peak = max(self.peak, total)

    def stop(self) -> None:
        """End the sampling."""
        self._done.set()
        self.join()


class Timed:
    """A session that notes the CPU seconds (all threads of this process) of each statement."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.seconds: dict[str, float] = {}

    def __getattr__(self, method: str) -> object:
        call = getattr(self._session, method)
        if method not in ("create", "map_arrow", "register", "explode_shared"):
            return call

        def timed(name: str, *arguments: object, **options: object) -> object:
            start = cpu_seconds()
            result = call(name, *arguments, **options)
            self.seconds[name] = round(self.seconds.get(name, 0.0) + cpu_seconds() - start, 2)
            return result

        return timed


def spark_session(threads: int, memory: str) -> Session:
    """Return a session over a Spark of its own, started here."""
    from pyspark.sql import SparkSession

    from pipelines.engines.spark_session import SparkSQLSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master(f"local[{threads}]").config(
        "spark.driver.memory", memory.lower().removesuffix("b")
    )
    builder = builder.config("spark.ui.enabled", "false").config("spark.sql.shuffle.partitions", str(8 * threads))
    spark = builder.config("spark.driver.maxResultSize", "0").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return SparkSQLSession(spark)


KINDS = "SELECT kind, count(*) AS rows FROM clusters GROUP BY kind ORDER BY kind"
SIZES = "SELECT max(cluster_size) AS largest, count(DISTINCT keeper) AS clusters FROM clusters"
DIGEST = (
    "SELECT sum(CAST(split AS BIGINT) * 7919 + CAST(row AS BIGINT) * cluster_size + CAST(round(similarity * 10000) AS BIGINT)"
    " + key64(keeper, 1) % 1000003 + key64(component, 1) % 1000003) AS digest FROM clusters"
)


def beam_session(folder: Path, paths: list[str], settings: DedupeSettings, arguments: argparse.Namespace) -> Session:
    """Find the clusters on Beam and return a session that holds them as table ``clusters``, to ask questions of."""
    from corpus.config.build import RunSettings
    from corpus.storage import Store
    from pipelines.engines.beam import BeamEngine
    from pipelines.engines.duckdb_session import DuckDBSession
    from pipelines.engines.interface import Signed

    run = RunSettings(engine="beam", workers=arguments.threads, beam_args=arguments.beam_args)
    signed = Signed(dict(enumerate(paths)), arguments.rows)
    with BeamEngine(run).clusters(signed, settings, Store(folder / "beam")) as batches:
        clusters = pa.Table.from_batches(batches)
    session = DuckDBSession(folder / "duckdb", arguments.memory, arguments.threads).__enter__()
    session.register("clusters", clusters)
    return session


def main() -> None:
    """Generate, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--engine", choices=["duckdb", "spark", "beam"], default="duckdb")
    parser.add_argument("--memory", default="3GB")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="folder of generated signatures, reused when it holds them")
    parser.add_argument("--beam-args", action="append", default=[], help="options of the Beam pipelines")
    arguments = parser.parse_args()
    settings = DedupeSettings()
    folder = arguments.keep or Path(tempfile.mkdtemp(prefix="dedupe-scale-"))
    folder = folder / str(arguments.rows)
    folder.mkdir(parents=True, exist_ok=True)
    paths = generate(folder, arguments.rows, band_shape(settings).bands)
    memory = PeakMemory()
    memory.start()
    start, start_cpu = time.perf_counter(), cpu_seconds()
    timed = None
    if arguments.engine == "beam":
        opened = contextlib.nullcontext(beam_session(folder, paths, settings, arguments))
    elif arguments.engine == "duckdb":
        from pipelines.engines.duckdb_session import DuckDBSession

        opened = DuckDBSession(folder / "duckdb", arguments.memory, arguments.threads)
    else:
        opened = spark_session(arguments.threads, arguments.memory)
    with opened as session:
        if arguments.engine != "beam":
            session.read_parquet("signatures", paths)
            timed = Timed(session)
            find_clusters(timed, settings)  # type: ignore[arg-type]
        seconds, cpu = time.perf_counter() - start, cpu_seconds() - start_cpu
        memory.stop()
        kinds, sizes, digest = (session.arrow(select).read_all() for select in (KINDS, SIZES, DIGEST))
    if arguments.keep is None:
        shutil.rmtree(folder.parent)
    print(
        json.dumps(
            {
                "engine": arguments.engine,
                "rows": arguments.rows,
                "seconds": round(seconds, 1),
                "cpu_seconds": round(cpu, 1),  # of this process and, for Spark, not of the JVM
                "seconds_per_million": round(seconds / arguments.rows * 1e6, 2),
                "peak_memory_mb": round(memory.peak / 1e6),
                "rows_by_kind": dict(zip(*(column.to_pylist() for column in kinds.columns), strict=True)),
                "clusters": sizes["clusters"][0].as_py(),
                "largest_cluster": sizes["largest"][0].as_py(),
                "digest": int(digest["digest"][0].as_py()),
                "statements_cpu_seconds": {name: value for name, value in timed.seconds.items() if value >= 0.05}
                if timed is not None
                else None,
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
