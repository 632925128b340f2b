"""What lies in a built corpus, and what a removal from it must have done: worked out from its files alone."""

from __future__ import annotations

import hashlib
import resource
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from corpus.shards.manifest import read_manifest
from corpus.shards.verify import verify
from corpus.storage import Store
from corpus.takedown.certificate import is_sealed
from corpus.takedown.tombstones import address_form

DATASETS = ("corpus", "tokens")
OPTIONS = {"urls": "--url", "hosts": "--host", "keys": "--doc", "persons": "--person", "ids": "--id"}


@dataclass(frozen=True)
class Request:
    """What a removal is asked for: exact addresses and hosts, whole keys, names and numbers as they are written."""

    urls: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()

    def arguments(self) -> list[str]:
        """Return the options of ``wudao remove``."""
        return [part for name, option in OPTIONS.items() for one in getattr(self, name) for part in (option, one)]


@dataclass(frozen=True)
class Row:
    """A document: published, or as it was before."""

    key: bytes
    url: str | None
    host: str | None
    title: str | None
    text: str
    record_id: str | None


@dataclass(frozen=True)
class Duplicate:
    """A document that publish dropped in favour of ``keeper``."""

    key: bytes
    keeper: bytes
    url: str | None


@dataclass
class Corpus:
    """A build as its files have it: rows by key, shards by path, duplicates, documents before publishing."""

    output: Path
    root_hash: str = ""
    rows: dict[bytes, Row] = field(default_factory=dict)
    raw: dict[bytes, Row] = field(default_factory=dict)
    duplicates: list[Duplicate] = field(default_factory=list)
    shards: dict[str, dict[str, list[bytes]]] = field(default_factory=dict)  # dataset -> path -> keys in order
    checksums: dict[str, str] = field(default_factory=dict)  # dataset/path -> sha256 of the file

    @classmethod
    def read(cls, output: Path) -> Corpus:
        """Return what lies in ``output``."""
        found = cls(output)
        for name in DATASETS:
            manifest = read_manifest(Store(output / name))
            found.shards[name] = {}
            for shard in manifest.shards():
                path = output / name / shard["path"]
                table = pa.ipc.open_stream(path).read_all()
                found.shards[name][shard["path"]] = table.column("doc_key").to_pylist()
                found.checksums[f"{name}/{shard['path']}"] = hashlib.sha256(path.read_bytes()).hexdigest()
                if name == "corpus":
                    found.rows |= {row.key: row for row in _rows(table)}
        found.root_hash = root_hash(output)
        for path in sorted((output / "work" / "documents").glob("*.arrow")):
            found.raw |= {row.key: row for row in _rows(pa.ipc.open_file(path).read_all())}
        for entry in orjson.loads((output / "build.json").read_bytes())["removed"].get("duplicates", []):
            for row in pq.read_table(output / "work" / entry["path"]).to_pylist():
                if row["kind"] != "repeat":  # the same document seen twice: its key is the keeper's
                    found.duplicates.append(Duplicate(row["doc_key"], row["keeper"], row["url"]))
        return found

    def named(self, request: Request) -> set[bytes]:
        """Return the keys that ``request`` names itself, of published rows, duplicates and documents before."""
        urls, hosts = {address_form(one) for one in request.urls}, set(request.hosts)
        keys, strings = {bytes.fromhex(one) for one in request.keys}, (*request.persons, *request.ids)

        def wanted(row: Row) -> bool:
            by_address = row.host in hosts or (row.url is not None and address_form(row.url) in urls)
            return by_address or row.key in keys or any(one in f"{row.title}\n{row.text}" for one in strings)

        return {row.key for rows in (self.rows, self.raw) for row in rows.values() if wanted(row)}

    def expected(self, request: Request) -> tuple[set[bytes], set[bytes]]:
        """Return the published rows and the duplicates that must go: clusters with a member that is named."""
        named = self.named(request)
        keepers = named | {one.keeper for one in self.duplicates if one.key in named}
        gone = {one.key for one in self.duplicates if one.keeper in keepers}
        return keepers & set(self.rows), gone


@dataclass(frozen=True)
class Removal:
    """What a checked removal did, for the table."""

    published: int
    duplicates: int
    changed: dict[str, int]  # rewritten shards by dataset
    shards: dict[str, int]
    tokens: int
    root_hash: str
    certificate: str
    cpu: float


def wudao(*arguments: str) -> float:
    """Run a command, which must succeed, and return its CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def checked_removal(before: Corpus, output: Path, request: Request) -> Removal:
    """Remove ``request`` from ``output``, which is as ``before``, and assert what the removal must have done."""
    expected = before.expected(request)
    assert expected[0], "what is removed must be there before"
    seconds = wudao("remove", str(output), *request.arguments(), "--yes")
    after = Corpus.read(output)
    summary = orjson.loads((output / "build.json").read_bytes())
    place = output / summary["takedowns"][-1]["certificate"]
    certificate = orjson.loads(place.read_bytes())
    published, duplicates = (told(certificate, role) for role in ("published", "duplicate"))
    assert expected[0] <= published
    assert expected[1] <= duplicates
    if not (request.persons or request.ids):  # `wudao remove` finds other spellings of a name and a number too
        assert expected == (published, duplicates)
    changed = {name: check_shards(name, before, after, published) for name in DATASETS}
    assert verify(Store(output)).problems == []
    for row in after.raw.values():
        assert row.key not in published | duplicates or not (row.text or row.title or row.url), row.key.hex()
    assert summary["funnel"]["removed_on_request"] == len(published)
    assert certificate["root_hash"] == {"before": before.root_hash, "after": after.root_hash}
    check_nothing_personal(
        place.read_bytes(), output / "tombstones.parquet", secrets(before, request, published | duplicates)
    )
    counts = {name: len(before.shards[name]) for name in DATASETS}
    removed = (len(published), len(duplicates))
    return Removal(*removed, changed, counts, certificate["removed"]["tokens"], after.root_hash, place.stem, seconds)


def told(certificate: dict[str, Any], role: str) -> set[bytes]:
    """Return the keys of the documents of ``role`` that a certificate tells of."""
    return {bytes.fromhex(one["doc_key"]) for one in certificate["documents"] if one["role"] == role}


def check_shards(name: str, before: Corpus, after: Corpus, gone: set[bytes]) -> int:
    """Assert that shards without a row of ``gone`` are as they were and others lack these rows; return how many do."""
    old, new = before.shards[name], after.shards[name]
    touched = {path for path, keys in old.items() if gone & set(keys)}
    assert set(old) & set(new) == set(old) - touched, "a shard changed that held none of them, or one stayed that did"
    for path in set(old) & set(new):
        place = f"{name}/{path}"
        assert before.checksums[place] == after.checksums[place], place
    kept = [key for keys in old.values() for key in keys if key not in gone]
    assert [key for keys in new.values() for key in keys] == kept, (
        f"{name}: other rows than those left, or another order"
    )
    left = {str(path.relative_to(after.output / name)) for path in (after.output / name).rglob("*.arrow")}
    assert left == set(new), f"{name}: shards that the manifest does not name"
    return len(touched)


def secrets(before: Corpus, request: Request, keys: set[bytes]) -> set[str]:
    """Return what must not be told of the documents ``keys`` and of the request: addresses, titles, names, numbers."""
    rows = [rows[key] for rows in (before.rows, before.raw) for key in keys if key in rows]
    found = {value for row in rows for value in (row.url, row.host, row.record_id) if value}
    found |= {one.url for one in before.duplicates if one.key in keys and one.url}
    found |= {*request.urls, *request.hosts, *request.persons, *request.ids}
    lines = {line for row in rows for line in (row.title or "", *row.text.splitlines())}
    return found | {line for line in lines if len(line) > 1 and not line.isascii()}


def check_nothing_personal(certificate: bytes, tombstones: Path, hidden: Iterable[str]) -> None:
    """Assert that the certificate is sealed and that neither file holds one of the strings ``hidden``."""
    assert is_sealed(certificate)
    table = pq.read_table(tombstones)
    assert table.schema.field("hash").type == pa.binary(16)
    values = {
        *_strings(orjson.loads(certificate)),
        *table.column("kind").to_pylist(),
        *table.column("request").to_pylist(),
    }
    for one in hidden:
        assert not any(one in value for value in values), one


def root_hash(output: Path) -> str:
    """Return the root hash of the text corpus that a reader of ``output`` sees."""
    return read_manifest(Store(output / "corpus")).root_hash


def published_keys(output: Path) -> dict[bytes, str]:
    """Return key -> text of what is published in ``output`` now, by the manifests that readers see."""
    manifest = read_manifest(Store(output / "corpus"))
    tables = (pa.ipc.open_stream(output / "corpus" / shard["path"]).read_all() for shard in manifest.shards())
    return {row.key: row.text for table in tables for row in _rows(table)}


def _rows(table: pa.Table) -> Iterator[Row]:
    names = [one.name for one in Row.__dataclass_fields__.values() if one.name != "key"]
    columns = [table.column("doc_key"), *(table.column(name) for name in names)]
    for values in zip(*(column.to_pylist() for column in columns), strict=True):
        yield Row(*values)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from _strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)
    elif isinstance(value, str):
        yield value
