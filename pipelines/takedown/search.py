"""What a request finds in a build: published rows, their duplicates, raw texts of the intermediates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import BuildError
from corpus.identity import KEY_BYTES
from corpus.parquet import read_parquet
from corpus.shards.manifest import Manifest, read_manifest
from corpus.shards.verify import read_summary
from corpus.shards.view import VIEW, read_rows
from corpus.storage import Store
from corpus.takedown.request import Matcher, Request, excerpts
from corpus.takedown.tombstones import Tombstones
from pipelines.takedown.intermediates import document_batches, document_files, emptied_keys

IDENTITY_COLUMNS = ("doc_key", "part", "url", "host", "title")


@dataclass
class Found:
    """One document that goes."""

    key: bytes
    role: str  # "published", "duplicate", "not published"
    why: tuple[str, ...]  # criteria; "copy" for a member of a cluster that none of them named
    url: str | None
    part: int
    title: str | None = None
    excerpts: tuple[str, ...] = ()
    shard: int | None = None
    row: int | None = None
    keeper: bytes | None = None  # of a duplicate


@dataclass
class Findings:
    """What a request finds in a build."""

    request: Request
    documents: dict[bytes, Found] = field(default_factory=dict)
    intermediates: bool = False  # whether texts before scrubbing could be searched

    @property
    def published(self) -> list[Found]:
        """The rows that leave the corpus, in its order."""
        rows = [one for one in self.documents.values() if one.role == "published"]
        return sorted(rows, key=lambda one: (one.shard, one.row))

    def rows(self) -> dict[int, np.ndarray]:
        """Return shard index -> rows, ascending."""
        rows: dict[int, list[int]] = {}
        for one in self.published:
            if one.shard is not None and one.row is not None:
                rows.setdefault(one.shard, []).append(one.row)
        return {index: np.array(places, np.int64) for index, places in rows.items()}


def find(output: Store, request: Request) -> Findings:
    """Return what ``request`` finds in the build in ``output``; nothing is changed.

    What an earlier take-down removed is not found again: its key, and its row in the table of duplicates, stay.
    Raises ConfigError for a request that names nothing, BuildError where there is no finished build or a view.
    """
    request.check()
    summary = read_summary(output)
    manifest = read_manifest(output.sub("corpus"))
    if manifest.root.get("kind") == VIEW:
        base = manifest.root["base"]["path"]
        raise BuildError(f"{output.root}: a view of {base}; remove from that corpus, then extract again")
    matcher = Matcher(request)
    findings = Findings(request)
    buried = {key for kind, key in Tombstones.read(output).stones if kind == "key"}
    raw = _search_documents(output, matcher, findings, buried)
    duplicates = _Duplicates.read(output, summary, buried - raw.keys())
    named: dict[bytes, tuple[str, ...]] = {key: one.why for key, one in raw.items()}
    for key, why in duplicates.named(matcher).items():
        named.setdefault(key, why)
    keepers = {duplicates.keeper[key]: key for key in named if key in duplicates.keeper}
    wanted = set(named) | set(keepers)
    for one in _search_corpus(manifest, matcher, wanted):
        if one.key in raw and not one.why:
            one.why, one.excerpts = raw[one.key].why, raw[one.key].excerpts
        one.why = one.why or ("copy",)
        findings.documents[one.key] = one
    for key, keeper in duplicates.keeper.items():
        if (keeper in findings.documents or key in named) and not matcher.kept(key):
            known = raw.get(key)
            findings.documents[key] = Found(
                key,
                "duplicate",
                named.get(key, ("copy",)),
                duplicates.url[key],
                duplicates.part[key],
                known.title if known else None,
                known.excerpts if known else (),
                keeper=keeper,
            )
    for key, one in raw.items():
        findings.documents.setdefault(key, one)
    return findings


@dataclass
class _Duplicates:
    """The duplicates that publish dropped, by doc_key."""

    keeper: dict[bytes, bytes] = field(default_factory=dict)
    url: dict[bytes, str | None] = field(default_factory=dict)
    part: dict[bytes, int] = field(default_factory=dict)
    tables: list[pa.Table] = field(default_factory=list)

    @classmethod
    def read(cls, output: Store, summary: dict[str, Any], removed: set[bytes]) -> _Duplicates:
        """Return all but those with a key in ``removed``."""
        found = cls()
        work = output.sub("work")
        for entry in summary["removed"].get("duplicates", []):
            if not work.exists(entry["path"]):
                continue
            table = read_parquet(work.read_bytes(entry["path"]))
            found.tables.append(table)
            for row in table.select(["doc_key", "keeper", "url", "part", "kind"]).to_pylist():
                # A repeat is the same document seen twice: its key is the keeper's.
                if row["kind"] == "repeat" or row["doc_key"] in removed:
                    continue
                found.keeper[row["doc_key"]] = row["keeper"]
                found.url[row["doc_key"]] = row["url"]
                found.part[row["doc_key"]] = row["part"]
        return found

    def named(self, matcher: Matcher) -> dict[bytes, tuple[str, ...]]:
        """Return key -> criteria of the duplicates that the request names by address or key."""
        named = {}
        for table in self.tables:
            for batch in table.to_batches():
                hosts = [_host(url) for url in batch.column("url").to_pylist()]
                with_host = batch.append_column("host", pa.array(hosts, pa.string()))
                for row, hit in matcher.find(with_host).items():
                    key = batch.column("doc_key")[row].as_py()
                    if key in self.keeper:
                        named[key] = hit.why
        return named


def _host(url: str | None) -> str | None:
    try:
        return urlsplit(url).hostname if url else None
    except ValueError:
        return None


def _search_corpus(manifest: Manifest, matcher: Matcher, wanted: set[bytes]) -> Iterator[Found]:
    """Yield the published rows that the request or ``wanted`` names."""
    columns = [*IDENTITY_COLUMNS, *(("text",) if matcher.request.needs_text else ())]
    keys = pa.array(sorted(wanted), pa.binary(KEY_BYTES))
    for shard in manifest.shards():
        openings: list[Found] = []
        for rows, batch in read_rows(manifest.store, shard, None, columns):
            hits = matcher.find(batch)
            also = pc.is_in(batch.column("doc_key"), value_set=keys).to_numpy(zero_copy_only=False).nonzero()[0]
            for row in sorted({*hits, *also.tolist()}):
                key, part, url, title = (
                    batch.column(name)[row].as_py() for name in ("doc_key", "part", "url", "title")
                )
                if matcher.kept(key):
                    continue
                hit = hits.get(row)
                found = Found(key, "published", hit.why if hit else (), url, part, title, hit.excerpts if hit else ())
                found.shard, found.row = shard["index"], int(rows[row])
                openings.append(found)
        _show_openings(manifest, shard, [one for one in openings if not one.excerpts])
        yield from openings


def _show_openings(manifest: Manifest, shard: dict[str, Any], found: list[Found]) -> None:
    """Fill in the opening of texts that were not read because an address matched."""
    if not found:
        return
    places = np.array([one.row for one in found], np.int64)
    texts = (
        excerpts(batch, row, [])
        for _, batch in read_rows(manifest.store, shard, places, ["text"])
        for row in range(batch.num_rows)
    )
    for one, shown in zip(found, texts, strict=True):
        one.excerpts = shown


def _search_documents(output: Store, matcher: Matcher, findings: Findings, buried: set[bytes]) -> dict[bytes, Found]:
    """Return what the request names among the documents as they were before publishing.

    ``buried`` are keys of earlier take-downs: where such a row is empty it is not told again.
    """
    found: dict[bytes, Found] = {}
    work = output.sub("work")
    columns = [*IDENTITY_COLUMNS, *(("text",) if matcher.request.needs_text else ())]
    for name in document_files(output):
        findings.intermediates = True
        here: dict[bytes, Found] = {}
        for batch in document_batches(work, name, columns):
            for row, hit in matcher.find(batch).items():
                key, part, url, title = (batch.column(one)[row].as_py() for one in ("doc_key", "part", "url", "title"))
                here[key] = Found(key, "not published", hit.why, url, part, title, hit.excerpts)
        emptied = emptied_keys(work, name, buried & here.keys())
        found |= {key: one for key, one in here.items() if key not in emptied}
    return found
