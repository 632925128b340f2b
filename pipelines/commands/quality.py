"""``wudao quality train|cohesion``."""

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


def cohesion_command(
    places: list[str], output: Path, documents: int, config: Path | None, overrides: list[str]
) -> None:
    """Make the cohesion table from a sample of a corpus, or of what the profile keeps of files."""
    import pyarrow as pa

    from corpus.quality.cohesion import draw, learn, write_table

    if output.is_dir():
        raise ConfigError(f"{output}: is a folder; name the file that receives the table with -o")
    steps = ["normalise", "language", "label", "quality"]
    found = (one for place in places for one in _documents(place, steps, config, [*overrides, "quality.cohesion=null"]))
    texts = draw(found, documents)
    try:
        table = learn(pa.array(texts, pa.large_string()))
    except ValueError as error:
        raise BuildError(f"{', '.join(places)}: {error}") from None
    write_table(table, output)
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"{output}: learnt from {table.learnt_symbols:,} characters of {len(texts):,} documents")
    console.print(f"use it with --set quality.cohesion={output}")


def _drawn(places: list[str], count: int, config: Path | None, overrides: list[str]) -> list[str]:
    """Return the ``count`` texts of smallest hash, sorted by it: independent of the order of files."""
    from corpus.labels.sampling import text_rank

    texts = (text for place in places for _, text in _documents(place, ["normalise"], config, overrides))
    return [text for _, text in heapq.nsmallest(count, ((text_rank(text), text) for text in texts))]


def _documents(place: str, steps: list[str], config: Path | None, overrides: list[str]) -> Iterator[tuple[str, str]]:
    """Yield (host or file, text) of a finished corpus, or of what ``steps`` leave of files of any input format."""
    try:
        manifest = open_corpus(place)
    except CorruptionError:
        settings = load_config(config, [*overrides, f"input.paths={json.dumps([place])}", "input.source=files"])
        for row in apply_steps(steps, settings):
            if "text" in row:
                yield row.get("host") or row["path"], row["text"]
        return
    for batch in read_corpus(manifest, "train"):
        columns = (batch.column(name).to_pylist() for name in ("host", "path", "text"))
        for host, path, text in zip(*columns, strict=True):
            yield host or path, text
