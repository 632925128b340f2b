"""``wudao tokenizer train`` and ``wudao tokenise``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from corpus.config.build import BuildConfig
from corpus.config.load import load_config
from corpus.errors import BuildError
from corpus.shards.reader import open_corpus
from corpus.storage import Store
from pipelines.build import Build
from pipelines.engines.registry import make_engine
from pipelines.lock import locked
from pipelines.passes.tokenise import TrainTokenizerTask
from pipelines.token_shards import tokenise

Result = TypeVar("Result")


def train_command(corpus: str, output: str, kind: str | None, config: Path | None, overrides: list[str]) -> None:
    """Train a tokenizer on a corpus and print where it lies."""
    if kind is not None:
        overrides.append(f"tokenizer.kind={json.dumps(kind)}")
    settings = load_config(config, overrides)
    manifest = open_corpus(corpus)
    target = Store(output)
    task = TrainTokenizerTask(manifest.store.root, target.root, settings.tokenizer)
    console = Console(soft_wrap=True)
    report = _with_engine(settings, output, console, lambda build: build.run_task(task, [task.item(manifest)]))
    for one in report.values():
        console.print(f"tokenizer  {target.path(one['folder'])}  sha256 {one['sha256']}", highlight=False)


def tokenise_command(corpus: str, tokenizer: str | None, config: Path | None, overrides: list[str]) -> None:
    """Write token shards beside the corpus of a build."""
    settings = load_config(config, overrides)
    if tokenizer is not None:
        settings = settings.model_copy(update={"tokenizer_path": Store(tokenizer).root})
    manifest = open_corpus(corpus)
    output = Store(manifest.store.root.rstrip("/").rpartition("/")[0])
    if not manifest.store.root.rstrip("/").endswith("/corpus"):
        raise BuildError(f"{corpus}: not the output of a build; name the folder that holds corpus/manifest.json")
    console = Console(soft_wrap=True)
    with locked(output):
        tokens = _with_engine(
            settings, output.root, console, lambda build: tokenise(settings, output, manifest, build.run_task)
        )
    console.print(
        f"tokens  {tokens.store.path('manifest.json')}  {tokens.root['totals']['tokens']:,} tokens", highlight=False
    )


def _with_engine(settings: BuildConfig, output: str, console: Console, action: Callable[[Build], Result]) -> Result:
    engine = make_engine(settings.run)
    try:
        return action(Build(_at(settings, output), engine, console))
    finally:
        engine.close()


def _at(settings: BuildConfig, output: str) -> BuildConfig:
    return settings.model_copy(update={"output": output})
