"""``wudao verify --pii``."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from corpus.config.scrub import ScrubSettings
from corpus.errors import BuildError
from corpus.shards.reader import open_corpus
from corpus.shards.verify import read_summary
from corpus.shards.view import Dataset
from corpus.steps.scrub import Scrub
from corpus.storage import Store
from pipelines.leaks import Leaks, find_leaks

SHOWN = 10


def verify_pii_command(output: str, max_leaks: float | None) -> None:
    """Scan the published shards and print leaks per kind; exit status 1 above ``max_leaks`` per million characters.

    Without ``max_leaks`` the configuration's ``scrub.max_leaks`` counts, and without that nothing fails. Rules are
    those of the build, looked for even where it had scrubbing off. No value is printed, only places.
    """
    console = Console(soft_wrap=True, highlight=False, markup=False)
    dataset = Dataset.of(open_corpus(output))
    settings = _settings(output)
    limit = max_leaks if max_leaks is not None else settings.max_leaks
    step = Scrub(settings.model_copy(update={"enabled": True}))
    leaks = find_leaks(step, (batch for shard in dataset.manifest.shards() for batch in dataset.batches(shard)))
    show_leaks(console, leaks)
    if limit is not None and leaks.rate() > limit:
        console.print(f"{leaks.rate():.4f} leaks per million characters, {limit:g} are allowed")
        sys.exit(1)


def _settings(output: str) -> ScrubSettings:
    """Return the scrub section of the build, the defaults where there is no summary."""
    try:
        summary = read_summary(Store(output))
    except BuildError:
        return ScrubSettings.model_validate({})
    return ScrubSettings.model_validate(summary.get("config", {}).get("scrub", {}))


def show_leaks(console: Console, leaks: Leaks) -> None:
    """Print counts and rates per kind, and places of the first leaks."""
    console.print(f"{leaks.rows:,} documents, {leaks.characters:,} characters")
    table = Table(box=None, pad_edge=False)
    for name in ("found by", "kind", "leaks", "per million characters"):
        table.add_column(name, justify="left" if name in ("found by", "kind") else "right")
    for by, counts in (("rules", leaks.by_rules), ("audit", leaks.by_audit)):
        for kind, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])):
            table.add_row(by, kind, f"{count:,}", f"{leaks.rate(count):.4f}")
    table.add_row("", "all", f"{leaks.count:,}", f"{leaks.rate():.4f}")
    console.print(table)
    if leaks.left:
        left = ", ".join(f"{kind} {count:,}" for kind, count in sorted(leaks.left.items()))
        console.print(f"left where they are by the configuration: {left}")
    for leak in leaks.places[:SHOWN]:
        console.print(f"  {leak.doc_key.hex()} {leak.field} {leak.start}-{leak.end} {leak.kind} ({leak.by})")
    if leaks.count > SHOWN:
        console.print(f"  … and {leaks.count - SHOWN:,} more")
