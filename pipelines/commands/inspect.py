"""``wudao inspect``, ``wudao explain dedupe`` and ``wudao trace``: looking at single documents and single decisions."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

from corpus.config.build import BuildConfig
from corpus.errors import BuildError
from corpus.parquet import read_parquet
from corpus.shards.reader import open_corpus, read_corpus, read_shard
from corpus.shards.verify import read_summary
from corpus.storage import Store
from pipelines.inputs import fetched_record
from pipelines.lean_imports import import_lean

EXCERPT = 400


def _summary(output: str) -> tuple[Store, dict[str, Any]]:
    store = Store(output)
    return store, read_summary(store)


def _removed(store: Store, summary: dict[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    for entry in summary["removed"].get(kind, []):
        with store.open_read("work/" + entry["path"]) as stream:
            yield from read_parquet(stream).to_pylist()


def _sampled(rows: Iterator[dict[str, Any]], count: int, seed: int) -> list[dict[str, Any]]:
    """Return ``count`` rows drawn evenly (reservoir sampling), in their order."""
    rng = random.Random(seed)  # noqa: S311 - a sample to look at
    held: list[tuple[int, dict[str, Any]]] = []
    for number, row in enumerate(rows):
        if len(held) < count:
            held.append((number, row))
        elif (slot := rng.randrange(number + 1)) < count:
            held[slot] = (number, row)
    return [row for _, row in sorted(held, key=lambda one: one[0])]


def inspect_command(
    output: str, dropped: bool, duplicates: bool, reason: str | None, key: str | None, count: int, seed: int, full: bool
) -> None:
    """Print a sample of kept documents, or of dropped ones or duplicates with the reason; or one document by key."""
    import_lean(kernels=True)  # the quality step measures what is shown
    console = Console(soft_wrap=True, highlight=False)
    store, summary = _summary(output)
    config = BuildConfig.model_validate(summary["config"])
    if dropped or reason is not None:
        rows = (row for row in _removed(store, summary, "rejects") if reason in (None, row["reason"]))
        found = _sampled(_by_key(rows, key), count, seed)
        for row in found:
            _show_reject(console, row, config, full)
        _say_if_none(console, found, f"dropped by rule {reason}" if reason is not None else "dropped", key)
        return
    if duplicates:
        found = _sampled(_by_key(_removed(store, summary, "duplicates"), key), count, seed)
        for row in found:
            place = f"{row['path']}@{row['offset']}"
            build = f" (published by build {row['build'][:16]})" if row.get("build") else ""
            console.print(
                f"{row['doc_key'].hex()}  {row['kind']} of {row['keeper'].hex()}{build}  "
                f"similarity {row['similarity']:.3f}  cluster of {row['cluster_size']}  {row['url'] or ''}  {place}"
            )
        _say_if_none(console, found, "a duplicate", key)
        return
    kept = (row for batch in read_corpus(open_corpus(output)) for row in batch.to_pylist())
    found = _sampled(_by_key(kept, key), count, seed)
    for row in found:
        _show_document(console, row, config, full)
    _say_if_none(console, found, "published", key)


def _say_if_none(console: Console, found: list[dict[str, Any]], what: str, key: str | None) -> None:
    if not found:
        beginning = f" whose doc_key begins with {key}" if key is not None else ""
        console.print(f"no document{beginning} is {what}; build.json counts what was kept, dropped and why")


def _by_key(rows: Iterator[dict[str, Any]], key: str | None) -> Iterator[dict[str, Any]]:
    return (row for row in rows if key is None or (row["doc_key"] or b"").hex().startswith(key.lower()))


def _show_document(console: Console, row: dict[str, Any], config: BuildConfig, full: bool) -> None:
    domains = " ".join(f"{one['name']}={one['score']:.2f}" for one in row["domains"] or ())
    console.print(f"\n── {row['doc_key'].hex()}  {row['url'] or ''}  {row['path']}@{row['offset']} part {row['part']}")
    console.print(
        f"{row['title'] or ''}  [{row['charset']}, {row['page_kind']}, {row['language']} {row['script'] or ''}, "
        f"{row['source_type'] or 'no type'}, {domains or 'no domain'}, quality {row['quality']:.3f}, "
        f"{row['n_chars']} characters, stands for {row['cluster_size']}]",
        markup=False,
    )
    console.print(row["text"] if full else _excerpt(row["text"]), markup=False)
    _show_rules(console, row, config)


def _show_reject(console: Console, row: dict[str, Any], config: BuildConfig, full: bool) -> None:
    key = row["doc_key"].hex() if row["doc_key"] else "-"
    console.print(f"\n── {key}  {row['url'] or ''}  {row['path']}@{row['offset']} part {row['part']}")
    value = "" if row["score"] is None else f": {row['score']:.4g}, threshold {row['threshold']}"
    console.print(f"dropped by {row['step']}, rule {row['reason']}{value}")
    if row["text"] is None:
        console.print("(no text: build with keep_rejects: true, or read the record with `wudao apply decode,extract`)")
        return
    console.print(row["text"] if full else _excerpt(row["text"]), markup=False)
    if row["step"] == "quality":
        _show_rules(console, row, config)


def _show_rules(console: Console, row: dict[str, Any], config: BuildConfig) -> None:
    """Print each rule's signal beside its threshold."""
    from pipelines.passes.loading import loaded_step

    table = Table(box=None, pad_edge=False)
    for name in ("rule", "signal", "value", "allowed", ""):
        table.add_column(name)
    for rule in loaded_step("quality", config.quality).explain(row):
        if rule.verdict != "rests":
            mark = "" if rule.verdict == "pass" else "dropped"
            table.add_row(rule.rule, rule.signal, f"{rule.value:.4g}", rule.threshold, mark)
    console.print(table)


def _excerpt(text: str) -> str:
    if len(text) <= EXCERPT:
        return text
    return f"{text[: EXCERPT * 3 // 4]} …… {text[-EXCERPT // 4 :]}"


def trace_command(output: str, shard: str, row: int) -> None:
    """Print where a row of a text or token shard comes from; ``shard`` is its path (or the end of it) or its index."""
    manifest = open_corpus(output)
    entry = _find_shard(output, shard, manifest)
    first = 0
    for batch in read_shard(manifest.store, entry):
        if row < first + batch.num_rows:
            found = batch.slice(row - first, 1).to_pylist()[0]
            break
        first += batch.num_rows
    else:
        raise BuildError(f"{entry['path']}: it has {entry['rows']} rows; row {row} is not one of them (the first is 0)")
    console = Console(soft_wrap=True, highlight=False)
    for name in (
        "doc_key",
        "url",
        "path",
        "offset",
        "part",
        "record_id",
        "fetched_at",
        "charset",
        "title",
        "cluster_size",
    ):
        value = found[name]
        console.print(f"{name:>13}  {value.hex() if isinstance(value, bytes) else value}", markup=False)
    store, summary = _summary(output)
    record = fetched_record(store, summary["config"]["input"]["paths"], found["path"], found["offset"])
    if record is not None:  # path and offset are Common Crawl's
        place = f"{record['fetched']}/{record['warc']}@{record['warc_offset']}"
        for name, value in (("crawl", record["crawl"]), ("length", record["length"]), ("fetched to", place)):
            console.print(f"{name:>13}  {value}", markup=False)
    for other in _removed(store, summary, "duplicates"):
        if other["keeper"] == found["doc_key"]:
            place = f"{other['url'] or ''} {other['path']}@{other['offset']}"
            console.print(f"{'stands for':>13}  {place} ({other['kind']}, {other['similarity']:.3f})", markup=False)


def _find_shard(output: str, shard: str, manifest: Any) -> dict[str, Any]:
    """Return the text shard that ``shard`` names: by index, by path, or by the path of its token shard."""
    from corpus.shards.manifest import read_manifest

    entries = list(manifest.shards())
    if shard.isdecimal() and int(shard) < len(entries):
        return dict(entries[int(shard)])
    tokens = Store(output).sub("tokens")
    both = entries + (list(read_manifest(tokens).shards()) if tokens.exists("manifest.json") else [])
    for entry in both:
        if shard == entry["path"] or shard.endswith("/" + entry["path"]):
            return dict(entries[entry["index"]])
    raise BuildError(
        f"{shard}: no shard of this build; name its index (0 to {len(entries) - 1}) or its path in the manifest"
    )


def explain_dedupe_command(config: BuildConfig) -> None:
    """Print bands, S-curve and expected errors of the configured near-duplicate detection."""
    from corpus.dedupe.explain import explain

    told = explain(config.dedupe)
    console = Console(soft_wrap=True, highlight=False)
    shape, settings = told.shape, config.dedupe
    console.print(
        f"{settings.shingle}-character shingles, {shape.bands} bands of {shape.rows} rows "
        f"({shape.bands * shape.rows} of {settings.permutations} permutations), threshold {settings.threshold}\n"
        f"a pair at the threshold becomes a candidate with probability {told.recall_at_threshold:.3f}; "
        f"half of the pairs at {told.half:.3f} do\n"
        f"candidates are verified: standard error of the similarity {told.sketch_error:.4f} at the threshold\n"
        f"before candidates {told.shuffle_bytes} bytes per document travel; {told.sketch_bytes} more for candidates"
    )
    for similarity, chance in told.curve:
        console.print(f"{similarity:5.2f}  {chance:6.4f}  {'█' * round(chance * 50)}")
