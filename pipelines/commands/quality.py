"""``wudao quality train``."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from corpus.config.load import load_config
from corpus.errors import BuildError, ConfigError, CorruptionError
from corpus.shards.reader import open_corpus, read_corpus
from pipelines.apply import apply_steps


def train_command(
    good: list[str],
    bad: list[str],
    output: Path,
    per_class: int,
    seed: int,
    config: Path | None,
    overrides: list[str],
) -> None:
    """Train the quality classifier on texts worth keeping and texts that are not."""
    from corpus.quality.classifier import train

    if output.is_dir():
        raise ConfigError(f"{output}: is a folder; name the file that receives the model with -o")
    kept, poor = (_drawn(places, per_class, config, overrides) for places in (good, bad))
    try:
        path = train(kept, poor, output, seed)
    except ValueError as error:
        raise BuildError(str(error)) from None
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"{path}: trained on {len(kept):,} good and {len(poor):,} bad texts")
    console.print(f"use it with --set quality.classifier={path}")


def _drawn(places: list[str], count: int, config: Path | None, overrides: list[str]) -> list[str]:
    """Return the ``count`` texts of smallest hash, sorted by it: independent of the order of files."""
    from corpus.labels.sampling import text_rank

    texts = (text for place in places for text in _texts(place, config, overrides))
    return [text for _, text in heapq.nsmallest(count, ((text_rank(text), text) for text in texts))]


def _texts(place: str, config: Path | None, overrides: list[str]) -> Iterator[str]:
    """Yield the texts of a finished corpus, or of files of any input format."""
    try:
        manifest = open_corpus(place)
    except CorruptionError:
        settings = load_config(config, [*overrides, f"input.paths={json.dumps([place])}", "input.source=files"])
        yield from (row["text"] for row in apply_steps(["normalise"], settings) if "text" in row)
        return
    for batch in read_corpus(manifest, "train"):
        yield from batch.column("text").to_pylist()
