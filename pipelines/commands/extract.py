"""``wudao extract``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from corpus.config.load import load_config
from corpus.shards.quota import strata_names
from corpus.shards.selection import Selection
from pipelines.derivation import Derivation, Parent
from pipelines.engines.registry import make_engine
from pipelines.subset import Subset, extract

Result = TypeVar("Result")


def with_derivation(
    corpus: str,
    output: str,
    engine: str | None,
    workers: int | None,
    config: Path | None,
    overrides: list[str],
    action: Callable[[Derivation], Result],
) -> Result:
    """Run ``action`` on a corpus derived from ``corpus`` into ``output``, on the engine that is asked for."""
    for key, value in (("output", output), ("run.engine", engine), ("run.workers", workers)):
        if value is not None:
            overrides = [*overrides, f"{key}={json.dumps(value)}"]
    settings = load_config(config, overrides)
    parent = Parent.open(corpus)
    runner = make_engine(settings.run)
    try:
        return action(Derivation(settings, runner, Console(soft_wrap=True), parent))
    finally:
        runner.close()


def extract_command(
    corpus: str,
    output: str,
    selection: Selection,
    view: bool,
    engine: str | None,
    workers: int | None,
    config: Path | None,
    overrides: list[str],
) -> None:
    """Extract a subset and print what it holds."""

    def run(derivation: Derivation) -> None:
        subset = extract(derivation, selection, view=view)
        show_subset(derivation.console, subset, selection)
        derivation.show_places()

    with_derivation(corpus, output, engine, workers, config, overrides, run)


def show_subset(console: Console, subset: Subset, selection: Selection) -> None:
    """Print the counts of a subset, and where a share could not be filled."""
    funnel, totals = subset.summary["funnel"], subset.corpus.root["totals"]
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("documents in the corpus", f"{funnel['read']:,}")
    for name, count in funnel["skipped"].items():
        table.add_row(f"  {name.replace('_', ' ')}", f"{count:,}")
    table.add_row("documents in the subset", f"{funnel['published']:,}")
    table.add_row("  characters", f"{totals['n_chars']:,}")
    if subset.tokens is not None:
        table.add_row("  tokens", f"{subset.tokens.root['totals']['tokens']:,}")
    console.print(table)
    quota = subset.quota
    for name, has, goal in zip(strata_names(selection), quota.available, quota.goals, strict=True):
        if goal is not None and goal > has:
            console.print(
                f"{name}: {goal:,} {quota.unit} were asked for, the corpus has {has:,}; all of them were taken",
                highlight=False,
            )
