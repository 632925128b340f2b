"""Extracts every domain of a corpus as a view and as a copy, on every engine asked for, and checks both against SQL.

    python benchmarks/subset.py out/example [--engines local spark beam] [--domains medical legal] [--rounds 3]

The corpus is loaded into DuckDB once, from its shards, without the project's readers. For each domain a query says
which rows belong to it; asserted is that

* view and copy have one root hash of text and one of tokens, the same on every engine, and `wudao verify` is clean;
* rows, characters, tokens, splits, and rows and tokens by primary domain in the manifests are those of the query;
* the copy holds the texts and tokens of these rows in their order, the view their addresses;
* nothing that a view writes is an Arrow shard or holds a string column.

Seconds are the CPU time of this process and all below it (a JVM, workers), the median of ``--rounds``, behind one run
that starts them. Bytes are those of the datasets (manifests and shards, text and tokens); work/ is left out.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from corpus.config.load import load_config
from corpus.shards.manifest import Manifest, read_manifest
from corpus.shards.selection import Selection
from corpus.shards.verify import verify
from corpus.storage import Store
from pipelines.derivation import Derivation, Parent
from pipelines.engines.interface import Engine
from pipelines.engines.registry import ENGINES, make_engine
from pipelines.subset import Subset, extract

DOCUMENTS = """
    SELECT $split AS split, $shard AS shard, (row_number() OVER ()) - 1 AS "row", doc_key,
           list_transform(domains, lambda one: one.name) AS names, n_chars, octet_length(encode(text)) AS bytes, md5(text) AS text
    FROM batch"""
TOKENS = """
    SELECT $split AS split, $shard AS shard, (row_number() OVER ()) - 1 AS "row", doc_key,
           len(tokens) AS tokens, hash(tokens) AS content
    FROM batch"""
ORDER = 'ORDER BY split, shard, "row"'  # "train" before "valid", as in a manifest


@dataclass(frozen=True)
class Extraction:
    """One extraction of one domain: what it made, and what it took."""

    output: Path
    root_hash: str
    tokens_root_hash: str | None
    seconds: float
    bytes: int


def loaded(connection: duckdb.DuckDBPyConnection, name: str, query: str, manifest: Manifest) -> None:
    """Make table ``name`` of what ``query`` says of every row of a dataset that has shards of its own."""
    for number, shard in enumerate(manifest.shards()):
        batch = pa.ipc.open_stream(Path(manifest.store.path(shard["path"])).read_bytes()).read_all()
        connection.register("batch", batch)
        make = f"INSERT INTO {name}" if number else f"CREATE OR REPLACE TABLE {name} AS"
        connection.execute(f"{make} {query}", {"split": shard["split"], "shard": shard["index"]})
        connection.unregister("batch")


def cpu_seconds() -> float:
    """Return the CPU time of this process and all below it, those that ended included."""
    me = psutil.Process()
    used = me.cpu_times()
    total = used.user + used.system + used.children_user + used.children_system
    for one in me.children(recursive=True):
        try:
            used = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += used.user + used.system + used.children_user + used.children_system
    return total


def extracted(engine: Engine, name: str, corpus: Path, output: Path, domain: str, *, view: bool) -> Extraction:
    """Extract ``domain`` into ``output``, which is made anew."""
    shutil.rmtree(output, ignore_errors=True)
    config = load_config(None, [f"output={json.dumps(str(output))}", f"run.engine={name}"])
    before = cpu_seconds()
    derivation = Derivation(config, engine, Console(quiet=True), Parent.open(str(corpus)))
    made: Subset = extract(derivation, Selection(domains=(domain,)), view=view)
    seconds = cpu_seconds() - before
    size = sum(path.stat().st_size for path in datasets(output))
    tokens = made.tokens.root_hash if made.tokens is not None else None
    return Extraction(output, made.corpus.root_hash, tokens, seconds, size)


def datasets(output: Path) -> list[Path]:
    """Return the files of text and tokens in ``output``."""
    return [path for name in ("corpus", "tokens") for path in (output / name).rglob("*") if path.is_file()]


def check_manifests(connection: duckdb.DuckDBPyConnection, output: Path) -> None:
    """Assert that the manifests in ``output`` count what the table ``wanted`` holds."""
    root = read_manifest(Store(output / "corpus")).root
    totals = root["totals"]
    one = "count(*), sum(n_chars), sum(bytes), count(*) FILTER (split = 'train'), sum(tokens)"
    rows, n_chars, size, train, tokens = connection.execute(f"SELECT {one} FROM wanted").fetchone() or ()
    assert (totals["rows"], totals["n_chars"], totals["text_bytes"]) == (rows, n_chars, size)
    assert totals["by_split"] == {"train": train, "valid": rows - train}
    primary = "SELECT coalesce(names[1], 'none') AS name, count(*), sum(tokens) FROM wanted GROUP BY name"
    by_domain = {name: (count, length) for name, count, length in connection.execute(primary).fetchall()}
    assert totals["columns"]["domain"] == {name: count for name, (count, _) in by_domain.items()}
    listed: dict[str, int] = dict.fromkeys([*root["tables"]["domains"], "none"], 0)
    for shard in read_manifest(Store(output / "corpus")).shards():
        for name, count in zip(listed, shard["domain_rows"], strict=True):
            listed[name] += count
    assert {name: count for name, count in listed.items() if count} == totals["columns"]["domain"]
    if tokens is not None:
        told = read_manifest(Store(output / "tokens")).root["totals"]
        assert (told["rows"], told["tokens"]) == (rows, tokens)
        lengths = {name: length for name, (_, length) in by_domain.items()}
        assert {name: count for name, count in told["domain_tokens"].items() if count} == lengths


def check_copy(connection: duckdb.DuckDBPyConnection, output: Path, has_tokens: bool) -> None:
    """Assert that text row i and token row i of a copy are those of row i of ``wanted``."""
    columns = ["text", *(["content"] if has_tokens else [])]
    for (name, query), column in zip((("corpus", DOCUMENTS), ("tokens", TOKENS)), columns, strict=False):
        loaded(connection, "held", query, read_manifest(Store(output / name)))
        held = connection.execute(f"SELECT split, doc_key, {column} FROM held {ORDER}").fetchall()
        assert held == connection.execute(f"SELECT split, doc_key, {column} FROM wanted {ORDER}").fetchall(), name


def check_view(connection: duckdb.DuckDBPyConnection, output: Path, has_tokens: bool) -> None:
    """Assert that a view holds the addresses of ``wanted`` and no text."""
    wanted = connection.execute(f'SELECT split, shard, "row" FROM wanted {ORDER}').fetchall()
    for name in ("corpus", *(("tokens",) if has_tokens else ())):
        manifest = read_manifest(Store(output / name))
        held: list[tuple[str, int, int]] = []
        for shard in manifest.shards():
            table = pq.read_table(output / name / shard["path"])
            assert table.schema.types == [pa.int32(), pa.int32()]
            held += [(shard["split"], row["shard"], row["row"]) for row in table.to_pylist()]
        assert held == wanted, name
    shards = [path for path in output.rglob("*") if path.suffix == ".arrow"]
    assert not shards, shards
    for path in output.rglob("*.parquet"):
        if path.parent.name != "manifest":  # the lists of shards hold their paths
            assert not any(
                pa.types.is_string(one) or pa.types.is_large_string(one) for one in pq.read_schema(path).types
            )


def domains(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the domains that a document has, the most frequent first."""
    query = "SELECT unnest(names) AS name, count(*) AS n FROM documents GROUP BY name ORDER BY n DESC, name"
    return [name for name, _ in connection.execute(query).fetchall()]


def rows(
    connection: duckdb.DuckDBPyConnection, engines: dict[str, Engine], arguments: argparse.Namespace, folder: Path
) -> Iterator[str]:
    """Extract and check each domain on each engine; yield rows of the table."""
    corpus = Path(arguments.corpus)
    has_tokens = (corpus / "tokens" / "manifest.json").exists()
    for domain in arguments.domains or domains(connection):
        query = f'SELECT * FROM documents JOIN tokens USING (split, shard, "row", doc_key) WHERE list_contains(names, ?) {ORDER}'
        connection.execute(f"CREATE OR REPLACE TABLE wanted AS {query}", [domain])
        counted = connection.execute("SELECT count(*), sum(tokens), sum(bytes) FROM wanted").fetchone() or ()
        hashes = set()
        for name, engine in engines.items():
            done: dict[bool, list[Extraction]] = {True: [], False: []}
            for number in range(arguments.rounds):
                for view, extractions in done.items():
                    output = folder / f"{name}-{'view' if view else 'copy'}-{number}"
                    extractions.append(extracted(engine, name, corpus, output, domain, view=view))
            for view, extractions in done.items():
                for one in extractions:
                    hashes.add((one.root_hash, one.tokens_root_hash))
                output = extractions[-1].output
                check_manifests(connection, output)
                (check_view if view else check_copy)(connection, output, has_tokens)
                problems = verify(Store(output)).problems
                assert problems == [], problems
            assert len(hashes) == 1, f"{domain}: {hashes}"
            seconds = [statistics.median(one.seconds for one in extractions) for extractions in done.values()]
            sizes = [extractions[-1].bytes for extractions in done.values()]
            yield (
                f"| {domain} | {name} | {counted[0]:,} | {counted[1] or 0:,} | {counted[2]:,} | {seconds[0]:.2f} | "
                f"{sizes[0]:,} | {seconds[1]:.2f} | {sizes[1]:,} | {done[True][0].root_hash[:16]} |"
            )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", help="output of a build")
    parser.add_argument("--engines", nargs="+", choices=list(ENGINES), default=["local"])
    parser.add_argument("--domains", nargs="+", help="default: all that a document has")
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    connection = duckdb.connect()
    loaded(connection, "documents", DOCUMENTS, read_manifest(Store(f"{arguments.corpus}/corpus")))
    if (Path(arguments.corpus) / "tokens" / "manifest.json").exists():
        loaded(connection, "tokens", TOKENS, read_manifest(Store(f"{arguments.corpus}/tokens")))
    else:
        connection.execute(
            'CREATE TABLE tokens AS SELECT split, shard, "row", doc_key, NULL::BIGINT AS tokens FROM documents'
        )
    engines: dict[str, Engine] = {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            for name in arguments.engines:
                engines[name] = make_engine(load_config(None, [f"run.engine={name}"]).run)
                first = (arguments.domains or domains(connection))[0]
                extracted(engines[name], name, Path(arguments.corpus), Path(folder) / name, first, view=True)
            print(
                "| domain | engine | documents | tokens | bytes of text | view: CPU s | bytes | copy: CPU s | bytes | root hash |"
            )
            print("|---" * 10 + "|")
            for line in rows(connection, engines, arguments, Path(folder)):
                print(line, flush=True)
        finally:
            for engine in engines.values():
                engine.close()


if __name__ == "__main__":
    main()
