"""Removing what a request found: new shards, tombstones, a certificate; all of it at once or nothing."""

from __future__ import annotations

import datetime
import hashlib
from typing import Any

import orjson
import pyarrow as pa

from corpus.errors import BuildError
from corpus.report.gather import REPORT_NAME
from corpus.shards.journal import commit, finish
from corpus.shards.manifest import Manifest, read_manifest, root_bytes
from corpus.shards.rewrite import Rewrite, rewrite_text, rewrite_tokens
from corpus.shards.verify import SUMMARY_NAME, read_summary, unbalanced
from corpus.storage import Store
from corpus.takedown.certificate import FOLDER, identity, replaced_shards, sealed
from corpus.takedown.content import content_hashes
from corpus.takedown.tombstones import NAME, Stone, Tombstones, place_stone
from pipelines.takedown.intermediates import reports_naming, signed_contents, stage_blanked
from pipelines.takedown.search import Findings


def remove(output: Store, findings: Findings) -> dict[str, Any]:
    """Remove ``findings`` from the build in ``output``, leave tombstones and return the certificate.

    The caller holds the build's lock. Raises BuildError where the balance would not hold.
    """
    summary = read_summary(output)
    work = output.sub("work")
    corpus = read_manifest(output.sub("corpus"))
    has_tokens = output.exists("tokens/manifest.json")
    tokens = read_manifest(output.sub("tokens")) if has_tokens else None
    if tokens is not None and tokens.root.get("corpus_root_hash") != corpus.root_hash:
        raise BuildError(f"{tokens.store.root}: made from another corpus; run `wudao tokenise` first")
    keys = set(findings.documents)
    before = Tombstones.read(output)
    stones: set[Stone] = findings.request.stones() | {("key", key) for key in keys}
    stones |= {place_stone(one.url, one.part) for one in findings.documents.values() if one.url}
    stones |= {("content", value) for value in signed_contents(work, keys)}
    mark = identity(corpus.root_hash, keys, before.with_stones(stones, ""))
    name = f"takedown-{mark}"
    staged: dict[str, str] = {}
    blanked = stage_blanked(output, keys, name, staged, stones)
    rows = findings.rows()
    published: list[bytes] = []

    def gone(batch: pa.RecordBatch) -> None:
        published.extend(batch.column("doc_key").to_pylist())
        stones.update(("content", value) for value in content_hashes(batch.column("text")).to_pylist() if value)

    level = summary.get("config", {}).get("publish", {}).get("compression_level", 3)
    text = rewrite_text(corpus, rows, name, level, gone)
    if set(published) != {one.key for one in findings.published}:
        raise BuildError(f"{output.root}: the corpus changed since it was searched; run the same command again")
    token = rewrite_tokens(tokens, rows, name, text.root["root_hash"]) if tokens is not None else None
    tombstones = before.with_stones(stones, mark)
    _lower(summary, text, token)
    certificate = _certificate(mark, findings, corpus, tokens, text, token, len(tombstones) - len(before), blanked)
    files: dict[str, bytes] = {
        "corpus/manifest.json": root_bytes(text.root),
        NAME: tombstones.to_bytes(),
        f"{FOLDER}/{mark}.json": sealed(certificate),
    }
    if token is not None:
        files["tokens/manifest.json"] = root_bytes(token.root)
    summary.setdefault("takedowns", []).append(_listed(mark, files[f"{FOLDER}/{mark}.json"], len(published)))
    problems = list(unbalanced(summary["funnel"]))
    if problems:
        raise BuildError(f"the balance does not hold ({'; '.join(problems)}); nothing was removed")
    files[SUMMARY_NAME] = orjson.dumps(summary, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2) + b"\n"
    for number, (target, data) in enumerate(files.items()):
        staged[target] = f"{FOLDER}/{mark}.{number}.staged"
        output.write_atomic(staged[target], data)
    obsolete = [f"corpus/{path}" for path in text.obsolete(corpus)]
    if token is not None and tokens is not None:
        obsolete += [f"tokens/{path}" for path in token.obsolete(tokens)]
    obsolete.append(REPORT_NAME)  # it shows beginnings of documents
    commit(output, staged, [*reports_naming(work, set(obsolete)), *obsolete])
    finish(output)
    certified: dict[str, Any] = orjson.loads(files[f"{FOLDER}/{mark}.json"])
    return certified


def _listed(mark: str, data: bytes, documents: int) -> dict[str, Any]:
    return {
        "certificate": f"{FOLDER}/{mark}.json",
        "sha256": hashlib.sha256(data).hexdigest(),
        "documents": documents,
    }


def _lower(summary: dict[str, Any], text: Rewrite, token: Rewrite | None) -> None:
    """Bring a build's summary up to date."""
    funnel = summary["funnel"]
    funnel["published"] -= text.removed.rows
    funnel["removed_on_request"] = funnel.get("removed_on_request", 0) + text.removed.rows
    summary["root_hash"] = text.root["root_hash"]
    if token is not None:
        summary["tokens_root_hash"] = token.root["root_hash"]


def _certificate(
    mark: str,
    findings: Findings,
    corpus: Manifest,
    tokens: Manifest | None,
    text: Rewrite,
    token: Rewrite | None,
    stones: int,
    blanked: int,
) -> dict[str, Any]:
    documents = sorted(findings.documents.values(), key=lambda one: one.key)
    shards = replaced_shards("corpus", text.replaced)
    tokens_removed = 0
    if token is not None:
        shards += replaced_shards("tokens", token.replaced)
        tokens_removed = sum(one["before"]["tokens"] for one in token.replaced)
        tokens_removed -= sum(one["after"]["tokens"] for one in token.replaced if one["after"] is not None)
    return {
        "certificate": mark,
        "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "criteria": findings.request.counts(),
        "documents": [
            {"doc_key": one.key.hex(), "role": one.role, "shard": one.shard, "row": one.row} for one in documents
        ],
        "removed": {"rows": text.removed.rows, "characters": text.removed.n_chars, "tokens": tokens_removed},
        "shards": shards,
        "root_hash": {"before": corpus.root_hash, "after": text.root["root_hash"]},
        "tokens_root_hash": {
            "before": tokens.root_hash if tokens is not None else None,
            "after": token.root["root_hash"] if token is not None else None,
        },
        "tombstones": stones,
        "intermediates": {"searched": findings.intermediates, "emptied_rows": blanked},
    }
