"""Re-reading everything: checksums, row counts, schemas, balances, text row against token row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pyarrow as pa

from corpus.dedupe.index import FOLDER as INDEX_FOLDER
from corpus.dedupe.index import MANIFEST as INDEX_MANIFEST
from corpus.dedupe.index import open_index
from corpus.errors import BuildError, CorruptionError, WudaoError
from corpus.shards.content_hash import ContentHash
from corpus.shards.journal import current_bytes
from corpus.shards.manifest import Manifest, read_manifest, root_hash
from corpus.shards.view import Dataset
from corpus.storage import Store

CHUNK_BYTES = 8 << 20
SUMMARY_NAME = "build.json"
REMOVALS = {
    "rejects": ("dropped",),
    "dead_letters": ("quarantined", "document_quarantined"),
    "duplicates": ("duplicates",),
}


def read_summary(output: Store) -> dict[str, Any]:
    """Return the summary of the build in ``output``, as a take-down that is decided has it.

    Raises BuildError where none has finished there, CorruptionError where its file is no JSON.
    """
    try:
        summary: dict[str, Any] = orjson.loads(current_bytes(output, SUMMARY_NAME))
    except (FileNotFoundError, NotADirectoryError):
        raise BuildError(f"{output.root}: no finished build here; name the OUTPUT of `wudao build`") from None
    except orjson.JSONDecodeError as error:
        raise CorruptionError(
            f"{output.path(SUMMARY_NAME)}: not valid JSON ({error}); restore it or run the build again"
        ) from None
    return summary


@dataclass
class Verdict:
    """What verification found. ``problems`` is empty for a sound corpus; each names its file."""

    problems: list[str] = field(default_factory=list)
    shards: int = 0
    rows: int = 0
    bytes: int = 0


def verify(output: Store) -> Verdict:
    """Verify the build in ``output``: corpus, tokens and index where there are any, the balances of its summary."""
    verdict = Verdict()
    keys: dict[int, str] = {}
    corpus = _verify_dataset(output.sub("corpus"), verdict, keys, None)
    if output.exists("tokens/manifest.json"):
        tokens = _verify_dataset(output.sub("tokens"), verdict, {}, keys)
        if corpus is not None and tokens is not None and tokens.root.get("corpus_root_hash") != corpus.root_hash:
            verdict.problems.append(
                f"{tokens.store.path('manifest.json')}: made from another corpus; run `wudao tokenise`"
            )
    if output.exists(f"{INDEX_FOLDER}/{INDEX_MANIFEST}"):
        _verify_index(output.sub(INDEX_FOLDER), verdict)
    _verify_summary(output, corpus, verdict)
    return verdict


def _verify_index(store: Store, verdict: Verdict) -> None:
    try:
        files = open_index(store.root).files
    except WudaoError as error:
        verdict.problems.append(str(error))
        return
    for entry in files:
        try:
            size, checksum = _checksum(store, entry["path"])
        except (WudaoError, OSError) as error:
            verdict.problems.append(str(error))
            continue
        if size != entry["bytes"] or checksum != entry["sha256"]:
            verdict.problems.append(f"{store.path(entry['path'])}: its checksum is not the one in the index's manifest")


def _verify_dataset(
    store: Store, verdict: Verdict, keys: dict[int, str], expected_keys: dict[int, str] | None
) -> Manifest | None:
    try:
        manifest = read_manifest(store)
        dataset = Dataset.of(manifest)
        shards = list(manifest.shards())
    except WudaoError as error:
        verdict.problems.append(str(error))
        return None
    if root_hash(shards) != manifest.root_hash:
        verdict.problems.append(f"{store.path('manifest.json')}: the root hash is not that of the shards it lists")
    totals = manifest.root["totals"]
    if sum(shard["rows"] for shard in shards) != totals["rows"]:
        verdict.problems.append(f"{store.path('manifest.json')}: totals.rows is not the sum over the shards")
    schema: pa.Schema | None = None
    for shard in shards:
        try:
            schema = _verify_shard(dataset, shard, verdict, keys, schema)
        except (WudaoError, OSError) as error:
            verdict.problems.append(str(error))
            continue
        if expected_keys is not None and keys.get(shard["index"]) != expected_keys.get(shard["index"]):
            verdict.problems.append(
                f"{store.path(shard['path'])}: its rows are not those of text shard {shard['index']}"
            )
    if expected_keys is not None and len(shards) != len(expected_keys):
        verdict.problems.append(
            f"{store.path('manifest.json')}: {len(shards)} token shards for {len(expected_keys)} text shards"
        )
    return manifest


def _verify_shard(
    dataset: Dataset, shard: dict[str, Any], verdict: Verdict, keys: dict[int, str], schema: pa.Schema | None
) -> pa.Schema:
    store = dataset.manifest.store
    path = store.path(shard["path"])
    size, checksum = _checksum(store, shard["path"])
    verdict.shards += 1
    verdict.bytes += size
    if size != shard["bytes"] or checksum != shard["sha256"]:
        named = f"{shard['bytes']} bytes, {shard['sha256'][:12]}…"
        verdict.problems.append(f"{path}: {size} bytes, sha256 {checksum[:12]}…; the manifest says {named}")
    try:
        found = dataset.schema(shard)
        state = ContentHash(found)
        key_state = hashlib.blake2b(digest_size=16)
        rows = 0
        for batch in dataset.batches(shard):
            batch.validate(full=True)
            state.update(batch)
            for key in batch.column("doc_key").to_pylist():
                key_state.update(key)
            rows += batch.num_rows
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise CorruptionError(
            f"{path}: not readable as an Arrow stream ({str(error)[:200]}); restore it or run the build again"
        ) from None
    verdict.rows += rows
    keys[shard["index"]] = key_state.hexdigest()
    if schema is not None and found != schema:
        verdict.problems.append(f"{path}: its schema differs from the shards before it")
    if rows != shard["rows"]:
        verdict.problems.append(f"{path}: {rows} rows, the manifest says {shard['rows']}")
    if state.hexdigest() != shard["content_hash"]:
        verdict.problems.append(f"{path}: its content is not what the manifest says")
    return found


def _checksum(store: Store, name: str) -> tuple[int, str]:
    state = hashlib.sha256()
    size = 0
    try:
        with store.open_read(name) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                state.update(chunk)
                size += len(chunk)
    except FileNotFoundError:
        raise CorruptionError(
            f"{store.path(name)}: named by the manifest and missing; restore it or run the build again"
        ) from None
    return size, state.hexdigest()


def _verify_summary(output: Store, corpus: Manifest | None, verdict: Verdict) -> None:
    try:
        summary = read_summary(output)
    except WudaoError as error:
        verdict.problems.append(str(error))
        return
    where = output.path(SUMMARY_NAME)
    verdict.problems.extend(f"{where}: {line}" for line in unbalanced(summary["funnel"]))
    if corpus is not None and summary["funnel"]["published"] != corpus.root["totals"]["rows"]:
        verdict.problems.append(
            f"{where}: {summary['funnel']['published']} published, the corpus holds {corpus.root['totals']['rows']}"
        )
    _verify_takedowns(output, summary, verdict)
    for kind, counters in REMOVALS.items():
        counted = sum(sum(summary["funnel"][counter].values()) for counter in counters)
        listed = summary["removed"].get(kind, [])
        written = 0
        for entry in listed:
            if not output.sub("work").exists(entry["path"]):
                if not summary.get("cleaned"):
                    verdict.problems.append(f"{output.sub('work').path(entry['path'])}: missing")
                continue
            size, checksum = _checksum(output.sub("work"), entry["path"])
            if checksum != entry["sha256"] or size != entry["bytes"]:
                verdict.problems.append(
                    f"{output.sub('work').path(entry['path'])}: its checksum is not that of {SUMMARY_NAME}"
                )
        written = sum(entry["rows"] for entry in listed)
        if written != counted:
            verdict.problems.append(f"{where}: {counted} {kind} counted, {written} written down")


def _verify_takedowns(output: Store, summary: dict[str, Any], verdict: Verdict) -> None:
    """Check that every document removed on request stands in a certificate that is as it was written."""
    listed = 0
    for entry in summary.get("takedowns", []):
        listed += entry["documents"]
        place = output.path(entry["certificate"])
        try:
            data = current_bytes(output, entry["certificate"])
        except FileNotFoundError:
            verdict.problems.append(f"{place}: missing; restore it, it proves what was removed")
            continue
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            verdict.problems.append(f"{place}: its checksum is not that of {SUMMARY_NAME}")
    counted = summary["funnel"].get("removed_on_request", 0)
    if counted != listed:
        verdict.problems.append(
            f"{output.path(SUMMARY_NAME)}: {counted} removed on request, the certificates tell of {listed}"
        )


def unbalanced(funnel: dict[str, Any]) -> Iterator[str]:
    """Yield a sentence for each balance of a funnel that does not hold."""

    def total(name: str) -> int:
        return sum(funnel[name].values())

    records = funnel["with_documents"] + total("skipped") + total("quarantined")
    if funnel["read"] != records:
        yield f"{funnel['read']} records read, {records} accounted for"
    documents = funnel["published"] + total("dropped") + total("document_quarantined") + total("duplicates")
    documents += funnel.get("removed_on_request", 0)
    if funnel["documents"] != documents:
        yield f"{funnel['documents']} documents in, {documents} accounted for"
