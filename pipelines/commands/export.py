"""``wudao export``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, cast, get_args

from rich.console import Console

from corpus.errors import BuildError, ConfigError
from corpus.shards.dataset_card import dataset_card
from corpus.storage import Store
from pipelines.commands.extract import with_derivation
from pipelines.derivation import Derivation, Parent
from pipelines.passes.export import SUFFIXES, ExportTask, FileFormat
from pipelines.passes.publish import SPLIT_NAMES

FORMATS = (*get_args(FileFormat), "megatron")
CARD_NAME = "README.md"


def export_command(
    corpus: str,
    output: str,
    format_name: str,
    split: str | None,
    engine: str | None,
    workers: int | None,
    config: Path | None,
    overrides: list[str],
) -> None:
    """Export a corpus and print where the files lie."""
    if format_name not in FORMATS:
        raise ConfigError(f"--format: '{format_name}' is not known; known: {', '.join(FORMATS)}")
    if format_name == "megatron":
        _export_megatron(Parent.open(corpus), output, split)
        return

    def run(derivation: Derivation) -> None:
        export(derivation, cast(FileFormat, format_name), split)

    with_derivation(corpus, output, engine, workers, config, overrides, run)


def export(derivation: Derivation, format_name: FileFormat, split: str | None = None) -> list[dict[str, Any]]:
    """Write the files of one format, for Hugging Face with a card; return path, rows and bytes of each."""
    output, parent, console = derivation.output, derivation.parent, derivation.console
    if output.exists("corpus/manifest.json") or output.exists("manifest.json"):
        raise BuildError(f"{output.root}: holds a corpus; choose another output with -o")
    place = parent.place()
    assert place is not None
    task = ExportTask(output.root, place, format_name)
    shards = [shard for shard, _ in parent.shards() if split in (None, shard["split"]) and shard["rows"]]
    counts = Counter(shard["split"] for shard in shards)
    numbers: Counter[str] = Counter()
    items = []
    for shard in shards:
        items.append(task.item(shard, numbers[shard["split"]], counts[shard["split"]]))
        numbers[shard["split"]] += 1
    if not items:
        raise BuildError(f"{parent.corpus.manifest.store.root}: no documents to export")
    derivation.build.work.make_private()
    reports = derivation.run(task, items)
    files = [{name: report[name] for name in ("file", "rows", "bytes")} for report in reports]
    if format_name == "hf":
        rows = {name: sum(s["rows"] for s in shards if s["split"] == name) for name in counts}
        patterns = {
            name: [f"data/{name}-*-of-{counts[name]:05d}{SUFFIXES[format_name]}"]
            for name in SPLIT_NAMES
            if counts[name]
        }
        tokens = parent.tokens.manifest.root if parent.tokens is not None and split is None else None
        name = os.path.basename(output.root.rstrip("/"))
        card = dataset_card(name, parent.corpus.manifest.root, tokens, patterns, rows)
        output.write_atomic(CARD_NAME, card.encode())
    _forget(derivation.build.work)
    _say(console, output, files)
    return files


def _forget(work: Store) -> None:
    """Delete the reports: an export is complete, and nothing but its files is to be handed on."""
    if work.local:
        shutil.rmtree(work.root)
        return
    for name in list(work.names()):
        work.delete(name)


def _say(console: Console, output: Store, files: list[dict[str, Any]]) -> None:
    size = sum(one["bytes"] for one in files)
    rows = sum(one["rows"] for one in files)
    console.print(
        f"{output.path('data')}: {len(files)} files, {rows:,} documents, {size / 1e6:.1f} MB", highlight=False
    )
    if output.exists(CARD_NAME):
        console.print(output.path(CARD_NAME), highlight=False)


def _export_megatron(parent: Parent, output: str, split: str | None) -> None:
    """Write ``OUTPUT/train.bin``, ``.idx`` and so on; the trainer, which knows the format, runs as a process."""
    if parent.tokens is None:
        raise BuildError(
            f"{parent.corpus.manifest.store.root}: there are no token shards beside it; run `wudao tokenise` first"
        )
    if parent.tokens.is_view:
        raise BuildError("a view has no token shards of its own: copy it with `wudao extract VIEW -o OUT`, then export")
    root = parent.tokens.manifest.root
    for name in SPLIT_NAMES:
        if split not in (None, name) or not root["totals"]["by_split"].get(name, {}).get("tokens"):
            continue
        prefix = os.path.join(output, name)
        command = [sys.executable, "-m", "trainer", "export-megatron", parent.tokens.manifest.store.root]
        done = subprocess.run([*command, "--split", name, "--out", prefix], check=False, capture_output=True, text=True)
        if done.returncode:
            said = done.stderr.strip().splitlines()
            raise BuildError(
                f"megatron export of split {name}: {said[-1].removeprefix('error: ') if said else 'failed'}"
            )
        print(f"{prefix}.bin  {prefix}.idx  sha256 of the tokens {done.stdout.strip()}")
