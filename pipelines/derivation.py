"""Corpora made from a corpus: what `wudao extract`, `decontaminate` and `labels apply` have in common.

All of them read an existing corpus and its token shards, run tasks over its
shards on any engine, and leave a folder that looks like that of a build:
manifests, a summary whose balances hold, reports for the next run.
"""

from __future__ import annotations

import datetime
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from rich.console import Console

from corpus.config.build import BuildConfig
from corpus.errors import BuildError
from corpus.shards.manifest import TEXT_SHARDS, TOKEN_SHARDS, Manifest, read_manifest, write_manifest
from corpus.shards.reader import open_dataset
from corpus.shards.verify import SUMMARY_NAME, unbalanced
from corpus.shards.view import VIEW, Dataset, base_reference, open_tokens
from corpus.storage import Store
from pipelines.build import Build
from pipelines.clean import CURRENT_NAME, write_current
from pipelines.engines.interface import Engine
from pipelines.passes.publish import SPLIT_NAMES
from pipelines.passes.reports import Report
from pipelines.passes.select import Place
from pipelines.versions import environment

IN_PLACE = "labels apply"
REPLACEABLE = ("extract", "decontaminate", "labels apply -o")  # corpora that another run may overwrite


@dataclass
class Parent:
    """The corpus that something is made from, with its token shards where it has any."""

    corpus: Dataset
    tokens: Dataset | None

    @classmethod
    def open(cls, place: str) -> Parent:
        """Return the parent in ``place``: the output of a build or of `wudao extract`."""
        corpus = open_dataset(place)
        derived = corpus.manifest.root.get("derived", {})
        # Labels changed in place, interrupted before the token shards followed: the rows are still the same.
        same_rows = [derived["from"]["root_hash"]] if derived.get("by") == IN_PLACE else []
        return cls(corpus, open_tokens(corpus, same_rows))

    @property
    def tables(self) -> dict[str, list[str]]:
        """The names of domains and source types."""
        tables: dict[str, list[str]] = self.corpus.manifest.root["tables"]
        return tables

    def shards(self) -> list[tuple[dict[str, Any], dict[str, Any] | None]]:
        """Return the entries of text shards, each with that of its token shard."""
        text = list(self.corpus.manifest.shards())
        tokens: list[dict[str, Any]] | list[None] = [None] * len(text)
        if self.tokens is not None:
            tokens = list(self.tokens.manifest.shards())
        return list(zip(text, tokens, strict=True))

    def place(self, tokens: bool = False, base: bool = False) -> Place | None:
        """Return where the text (or token) dataset, or its base, lies."""
        dataset = self.tokens if tokens else self.corpus
        if dataset is None:
            return None
        return Place(dataset.base.store.root, dataset.base.root_hash) if base else Place.of(dataset)

    def summary(self) -> dict[str, Any]:
        """Return the summary of the parent's build, empty where it has none."""
        store = Store(self.corpus.manifest.store.root.rstrip("/").rpartition("/")[0])
        found: dict[str, Any] = orjson.loads(store.read_bytes(SUMMARY_NAME)) if store.exists(SUMMARY_NAME) else {}
        return found

    def provenance(self) -> dict[str, Any]:
        """Return what a derived manifest says about its parent: content, not place."""
        root = self.corpus.manifest.root
        return {
            "root_hash": root["root_hash"],
            "tokens_root_hash": self.tokens.manifest.root_hash if self.tokens is not None else None,
            "derived": root.get("derived"),
        }


@dataclass
class Derivation:
    """Runs tasks for one derived corpus and finishes its folder."""

    config: BuildConfig
    engine: Engine
    console: Console
    parent: Parent
    build: Build = field(init=False)

    def __post_init__(self) -> None:
        self.build = Build(self.config, self.engine, self.console)
        self.started = time.monotonic()

    @property
    def output(self) -> Store:
        """The folder that receives the derived corpus."""
        return self.build.output

    def prepare(self) -> None:
        """Make the folder. Raises BuildError where it holds a corpus that cannot be made again from another."""
        if self.output.exists("corpus/manifest.json"):
            held = read_manifest(self.output.sub("corpus"))
            read_from = (self.parent.corpus.manifest.store.root, self.parent.corpus.base.store.root)
            if held.root.get("derived", {}).get("by") not in REPLACEABLE or held.store.root in read_from:
                raise BuildError(f"{self.output.root}: holds a corpus of its own; choose another output with -o")
        self.build.work.make_private()

    def run(self, task: Any, items: list[Any]) -> list[Report]:
        """Run what has no report yet and return the reports in the order of ``items``."""
        reports = self.build.run_task(task, items)
        return [reports[item.fingerprint] for item in items]

    def write_text(
        self,
        reports: Sequence[Report],
        derived: dict[str, Any],
        *,
        view: bool,
        tables: dict[str, list[str]] | None = None,
    ) -> Manifest:
        """Write the manifest of the text shards that ``reports`` tell of, in their order.

        ``tables`` replaces the parent's names of domains and source types.
        """
        store = self.output.sub("corpus")
        tables = tables or self.parent.tables
        names, types = [*tables["domains"], "none"], [*tables["source_types"], "none"]
        shards = []
        columns: dict[str, Counter[str]] = {}
        text_bytes = 0
        for index, report in enumerate(reports):
            counts = report["statistics"]
            shards.append(
                report["shard"]
                | {
                    "index": index,
                    "domain_rows": [counts["domain"].get(name, 0) for name in names],
                    "source_type_rows": [counts["source_type"].get(name, 0) for name in types],
                }
            )
            text_bytes += counts["text_bytes"]
            for name, value in counts.items():
                if isinstance(value, dict):
                    columns.setdefault(name, Counter()).update(value)
        totals: dict[str, Any] = {name: sum(shard[name] for shard in shards) for name in ("rows", "n_chars", "bytes")}
        totals["by_split"] = {s: sum(one["rows"] for one in shards if one["split"] == s) for s in SPLIT_NAMES}
        totals["text_bytes"] = text_bytes
        totals["columns"] = {name: dict(counter.most_common()) for name, counter in sorted(columns.items())}
        above = self.parent.corpus.manifest.root
        root = {
            "kind": VIEW if view else "text",
            "config_hash": above["config_hash"],
            "input_hash": above["input_hash"],
            "tables": tables,
            "totals": totals,
            "derived": derived | {"from": self.parent.provenance()},
            "environment": environment(),
        }
        if view:
            root["base"] = base_reference(store, self.parent.corpus.base)
        return write_manifest(store, TEXT_SHARDS, shards, root)

    def write_tokens(self, reports: Sequence[Report], corpus: Manifest, *, view: bool) -> Manifest | None:
        """Write the manifest of the token shards, None where the parent has none."""
        if self.parent.tokens is None:
            return None
        store = self.output.sub("tokens")
        above = self.parent.tokens.manifest
        tables = corpus.root["tables"]
        shards = [report["token_shard"] | {"index": index} for index, report in enumerate(reports)]
        keys = ("rows", "tokens", "bytes", "n_chars")
        totals: dict[str, Any] = {name: sum(shard[name] for shard in shards) for name in keys}
        totals["by_split"] = {
            split: {key: sum(one[key] for one in shards if one["split"] == split) for key in ("rows", "tokens")}
            for split in SPLIT_NAMES
        }
        names = enumerate([*tables["domains"], "none"])
        totals["domain_tokens"] = {name: sum(one["domain_tokens"][i] for one in shards) for i, name in names}
        root = {
            "kind": VIEW if view else "tokens",
            "corpus_root_hash": corpus.root_hash,
            "dtype": above.root["dtype"],
            "tables": tables,
            "totals": totals,
        }
        # A trainer must not take a view for token shards: it has no tokenizer of its own to name.
        root["tokenizer_of_base" if view else "tokenizer"] = self._tokenizer(above, store, copy=not view)
        if view:
            root["base"] = base_reference(store, self.parent.tokens.base)
        return write_manifest(store, TOKEN_SHARDS, shards, root)

    def _tokenizer(self, above: Manifest, store: Store, *, copy: bool) -> dict[str, Any]:
        """Return the manifest's tokenizer entry; ``copy`` puts the artifact beside the corpus."""
        told: dict[str, Any] = dict(above.root.get("tokenizer") or above.root["tokenizer_of_base"])
        source = above.store.sub(told["path"])
        if copy and list(source.names()):
            folder = f"tokenizer/{told['path'].rstrip('/').rpartition('/')[2]}"
            target = self.output.sub(folder)
            if target.root != source.root:
                for name in source.names():
                    target.write_atomic(name, source.read_bytes(name))
            told["path"] = f"../{folder}"
        elif store.local and source.local:
            told["path"] = os.path.relpath(source.root, store.root)
        return told

    def finish(
        self,
        corpus: Manifest,
        tokens: Manifest | None,
        funnel: dict[str, Any],
        removed: dict[str, list[dict[str, Any]]],
        derived: dict[str, Any],
    ) -> dict[str, Any]:
        """Check the balances, write the summary and return it."""
        problems = list(unbalanced(funnel))
        if problems:
            raise BuildError(f"the balance does not hold ({'; '.join(problems)}); this is a defect")
        above = self.parent.summary()
        summary = {
            "funnel": funnel,
            "removed": removed,
            "root_hash": corpus.root_hash,
            "tokens_root_hash": tokens.root_hash if tokens is not None else None,
            "seconds": {name: round(seconds, 3) for name, seconds in self.build.times.items()},
            "step_seconds": {},
            "read_bytes": sum(shard["bytes"] for shard, _ in self.parent.shards()),
            "finished_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "artifacts": above.get("artifacts", {}),
            "config": above.get("config", self.config.model_dump(mode="json")),
            "environment": environment(),
            "derived": derived | {"from": self.parent.corpus.manifest.store.root},
        }
        self._write_summary(summary)
        return summary

    def keep_summary(self, corpus: Manifest, tokens: Manifest | None, derived: dict[str, Any]) -> None:
        """Enter new root hashes into the summary of a build whose documents did not change."""
        summary = self.parent.summary()
        if summary:
            summary |= {"root_hash": corpus.root_hash, "derived": derived}
            summary["tokens_root_hash"] = tokens.root_hash if tokens is not None else None
            self._write_summary(summary)

    def _write_summary(self, summary: dict[str, Any]) -> None:
        data = orjson.dumps(summary, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2) + b"\n"
        self.output.write_atomic(SUMMARY_NAME, data)
        held: dict[str, list[str]] = {}
        if self.build.work.exists(CURRENT_NAME):
            held = orjson.loads(self.build.work.read_bytes(CURRENT_NAME))
        write_current(self.build.work, held | self.build.used)

    def show_places(self) -> None:
        """Print where everything lies."""
        for name in ("corpus", "tokens"):
            if self.output.exists(f"{name}/manifest.json"):
                self.console.print(f"{name:>12}  {self.output.path(name)}/manifest.json", highlight=False)
        self.console.print(f"{'summary':>12}  {self.output.path(SUMMARY_NAME)}", highlight=False)


def selected_funnel(read: int, skipped: dict[str, int], published: int) -> dict[str, Any]:
    """Return the funnel of a subset: the parent's documents are its records, those outside are skipped."""
    return {
        "read": read,
        "with_documents": published,
        "skipped": {name: count for name, count in skipped.items() if count},
        "quarantined": {},
        "documents": published,
        "dropped": {},
        "document_quarantined": {},
        "duplicates": {},
        "published": published,
    }
