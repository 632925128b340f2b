"""A whole build: plan splits, run the passes, check both balances, write manifests and the summary."""

from __future__ import annotations

import datetime
import shlex
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
from rich.console import Console

from corpus.config.build import BuildConfig
from corpus.config.input import SOURCE_FIELDS
from corpus.errors import BuildError
from corpus.reading.digests import DigestCache
from corpus.reading.splits import Plan, plan_splits
from corpus.schema import SOURCE_TYPES
from corpus.shards.journal import finish
from corpus.shards.manifest import TEXT_SHARDS, Manifest, write_manifest
from corpus.shards.verify import SUMMARY_NAME, unbalanced
from corpus.shards.writer import write_parquet
from corpus.steps import make_step
from corpus.storage import Store
from pipelines.against import Earlier, leave_index, open_against, take_over
from pipelines.clean import write_current
from pipelines.crawl.summary import COMMON_CRAWL_SUMMARY
from pipelines.engines.interface import Engine
from pipelines.funnel import Funnel
from pipelines.inputs import CRAWL_FOLDER, fetched_input
from pipelines.lock import locked
from pipelines.passes.dedupe import SignatureFile, find_duplicates
from pipelines.passes.ingest import IngestTask
from pipelines.passes.loading import build_steps
from pipelines.passes.publish import SPLIT_NAMES, PublishTask
from pipelines.passes.publish import plan as plan_publish
from pipelines.passes.reports import Ordered, Report, Reports, committed, fingerprint
from pipelines.passes.task import Item, Task
from pipelines.passes.tokenise import find_tokenizer
from pipelines.progress import PassProgress
from pipelines.space import check_space, estimate
from pipelines.token_shards import tokenise
from pipelines.tombstoned import copies_of_removed
from pipelines.versions import DEDUPE_VERSION, environment

PLAN_CACHE = "digests.json"


@dataclass
class Build:
    """Runs a build. ``engine`` decides where, never what."""

    config: BuildConfig
    engine: Engine
    console: Console
    times: dict[str, float] = field(default_factory=dict)
    used: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.output = Store(self.config.output)
        self.work = self.output.sub("work")

    def run(self) -> Funnel:
        """Run every pass that is not done yet and return the funnel."""
        self.engine.expect(build_steps(self.config))
        self.work.make_private()
        with locked(self.output):
            finish(self.output)
            if self.config.tokenise and self.config.tokenizer_path is not None:
                find_tokenizer(self.config.tokenizer_path)  # a wrong place is said before any work
            indexes = open_against(self.config, self.output)
            plan = self._plan()
            earlier = take_over(indexes, self.output, self.run_task)
            funnel, ingest, clusters = self._ingest_and_dedupe(plan, earlier)
            manifest = self._publish(funnel, ingest, clusters, earlier)
            tokens = self._tokenise(manifest) if self.config.tokenise else None
            self._summarise(funnel, manifest, tokens)
        return funnel

    def _plan(self) -> Plan:
        started = time.monotonic()
        source = fetched_input(self.config, self.output, self.engine, self.console)
        if source is not self.config.input:
            self.times["fetch"] = time.monotonic() - started
            started = time.monotonic()
        cache = DigestCache()
        kept = Path(self.work.path(PLAN_CACHE)) if self.work.local else None
        if kept is not None:
            cache.load(kept)
        plan = plan_splits(source, cache)
        if kept is not None:
            cache.save(kept)
        written = sum(self.work.size(name) for name in self.work.names("documents")) if self.work.local else 0
        said = check_space(self.output, estimate(plan.splits), written)
        if said is not None:
            self.console.print(said, highlight=False)
        self.times["plan"] = time.monotonic() - started
        return plan

    def _ingest_and_dedupe(self, plan: Plan, earlier: Earlier) -> tuple[Funnel, Ordered, Report]:
        config = self.config
        task = IngestTask(config, self.output.root)
        settings = task.settings_fingerprint()
        items = [task.item(split, settings) for split in plan.splits]
        reports = self.run_task(task, items)
        funnel = Funnel()
        refused = write_parquet(
            self.work,
            f"dead_letters/plan-{fingerprint(plan.refused.to_pylist())}.parquet",
            pa.Table.from_batches([plan.refused]),
        )
        funnel.add_refused(plan.refused, refused)
        files = []
        for ordinal, item in enumerate(items):
            report = reports[item.fingerprint]
            funnel.add(report)
            signed = report["files"]["signatures"] or {}
            files.append(SignatureFile(ordinal, item.fingerprint, signed.get("path"), signed.get("rows", 0)))
        for item in items:  # what later passes read is kept: with 100,000 splits the rest would be most of the memory
            report = reports[item.fingerprint]
            report["files"] = {name: report["files"][name] for name in ("documents", "signatures")}
            kept = {name: report[name] for name in ("files", "batches")}
            reports[item.fingerprint] = kept | {"place": task.place(item)}
        ingest = Ordered((item.fingerprint for item in items), reports)
        started = time.monotonic()
        clusters = find_duplicates(self.engine, config, self.work, files, DEDUPE_VERSION, earlier.files(), earlier.hash)
        self.times["dedupe"] = time.monotonic() - started
        self.used["dedupe"] = [clusters["fingerprint"]]
        return funnel, ingest, clusters

    def _publish(self, funnel: Funnel, ingest: Ordered, clusters: Report, earlier: Earlier) -> Manifest:
        config = self.config
        signatures = ((mark, report["files"]["signatures"]) for mark, report in ingest)
        copies = copies_of_removed(config, self.output, signatures, clusters)
        task = PublishTask(config, self.output.root, copies)
        items = plan_publish(config, ingest, clusters, task.settings_fingerprint())
        reports = self.run_task(task, items)
        domains, source_types = label_tables(config)
        shards: list[dict[str, Any]] = []
        for name in SPLIT_NAMES:
            for item in items:
                report = reports[item.fingerprint]
                if name in report["shards"]:
                    shards.append(_text_entry(len(shards), name, report, domains, source_types))
        for item in items:
            report = reports[item.fingerprint]
            funnel.add_published(report)
            reports[item.fingerprint] = {"shards": report["shards"]}  # all that is read from here on
        problems = list(unbalanced(funnel.to_json()))
        if problems:
            raise BuildError(f"the balance does not hold ({'; '.join(problems)}); nothing was published")
        if config.scrub.max_leaks is not None:
            from pipelines.leaks import check_leaks  # imports the engine of personal information

            check_leaks(config.scrub, self.output.sub("corpus"), shards)
        root = {
            "kind": "text",
            "config_hash": self.config_hash(),
            "input_hash": fingerprint([mark for mark, _ in ingest]),
            "tables": {"domains": list(domains), "source_types": list(source_types)},
            "totals": _totals(shards, funnel),
            "environment": environment(),
        }
        if earlier.entries:
            root["against"] = earlier.hash
        manifest = write_manifest(self.output.sub("corpus"), TEXT_SHARDS, shards, root)
        shards.clear()
        published = ((item, reports[item.fingerprint]) for item in items)
        leave_index(config, self.output, self.run_task, published, ingest, earlier, manifest.root_hash)
        return manifest

    def config_hash(self) -> str:
        """Return the hash of everything in the configuration that can reach the output."""
        return fingerprint(
            self.config.model_dump(
                mode="json", exclude={"run": True, "output": True, "against": True, "input": set(SOURCE_FIELDS)}
            )
        )

    def _tokenise(self, manifest: Manifest) -> Manifest:
        return tokenise(self.config, self.output, manifest, self.run_task)

    def run_task(self, task: Task, items: list[Item]) -> Reports:
        """Run what has no report yet; say how much that is."""
        started = time.monotonic()
        unique = {item.fingerprint: item for item in items}
        reports = committed(self.work, task.name, unique)
        todo = [item for mark, item in unique.items() if mark not in reports]
        done = len(unique) - len(todo)
        resumed = f", {done} done before" if done else ""
        self.console.print(f"{task.name}: {len(todo)} splits to run{resumed}", highlight=False)
        with PassProgress(self.console, task.name, sum(item.weight for item in todo), len(todo)) as progress:

            def on_report(item: Item, report: Report) -> None:
                reports[item.fingerprint] = report
                ledger = report.get("ledger", {})
                progress.done(
                    item.fingerprint, ledger.get("documents", 0), ledger.get("kept", 0), report.get("read_bytes", 0)
                )

            if todo:
                self.engine.run(task, self.work, todo, on_report, progress.seen)
        missing = [mark for mark in unique if mark not in reports]
        if missing:
            raise BuildError(
                f"{task.name}: {len(missing)} splits came back without a report; run the same command again"
            )
        self.times[task.name] = time.monotonic() - started
        self.used[task.name] = sorted(unique)
        return reports

    def _summarise(self, funnel: Funnel, manifest: Manifest, tokens: Manifest | None) -> None:
        summary = {
            "funnel": funnel.to_json(),
            "removed": funnel.removed,
            "root_hash": manifest.root_hash,
            "tokens_root_hash": tokens.root_hash if tokens else None,
            "seconds": {name: round(seconds, 3) for name, seconds in self.times.items()},
            "step_seconds": funnel.step_seconds(),
            "read_bytes": funnel.read_bytes,
            "finished_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "artifacts": self._artifacts(),
            "config": self.config.model_dump(mode="json"),
            "environment": environment(),
        }
        self.output.write_atomic(
            SUMMARY_NAME, orjson.dumps(summary, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2) + b"\n"
        )

        write_current(self.work, self.used)

    def _artifacts(self) -> dict[str, dict[str, str]]:
        """Return name -> hash of the files outside the package that each step reads, by step."""
        found = {name: make_step(name, section).artifacts() for name, section in build_steps(self.config)}
        return {name: artifacts for name, artifacts in found.items() if artifacts}

    def show_places(self, console: Console) -> None:
        """Print where everything lies."""
        places = [("corpus", "corpus/manifest.json"), ("tokens", "tokens/manifest.json"), ("summary", SUMMARY_NAME)]
        if self.config.input.source == "commoncrawl":
            places.append(("fetched", f"{CRAWL_FOLDER}/{COMMON_CRAWL_SUMMARY}"))
        for name, place in places:
            if self.output.exists(place):
                console.print(f"{name:>12}  {self.output.path(place)}", highlight=False)
        for kind in ("dead_letters", "rejects", "duplicates"):
            if self.work.exists(kind):
                console.print(f"{kind:>12}  {self.work.path(kind)}", highlight=False)
        console.print(f"{'data card':>12}  wudao report {shlex.quote(self.config.output)}", highlight=False)


def label_tables(config: BuildConfig) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of domains and of source types in the order of their codes."""
    return tuple(config.label.domains), SOURCE_TYPES


def _text_entry(
    index: int, split: str, report: Report, domains: tuple[str, ...], source_types: tuple[str, ...]
) -> dict[str, Any]:
    shard = report["shards"][split]
    counts = report["statistics"][split]
    return {
        **shard,
        "index": index,
        "path": shard["path"].removeprefix("corpus/"),
        "split": split,
        "n_chars": counts["n_chars"],
        "domain_rows": [counts["domain"].get(name, 0) for name in (*domains, "none")],
        "source_type_rows": [counts["source_type"].get(name, 0) for name in (*source_types, "none")],
    }


def _totals(shards: list[dict[str, Any]], funnel: Funnel) -> dict[str, Any]:
    totals: dict[str, Any] = {name: sum(shard[name] for shard in shards) for name in ("rows", "n_chars", "bytes")}
    totals["by_split"] = {
        name: sum(shard["rows"] for shard in shards if shard["split"] == name) for name in SPLIT_NAMES
    }
    return totals | {"text_bytes": funnel.text_bytes, "columns": funnel.columns_json()}
