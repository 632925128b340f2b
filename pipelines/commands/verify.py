"""``wudao verify``."""

from __future__ import annotations

import sys

import typer

from corpus.shards.verify import verify
from corpus.storage import Store


def verify_command(output: str) -> None:
    """Verify a build; exit status 1 where anything is wrong, each problem on a line of its own."""
    verdict = verify(Store(output))
    for problem in verdict.problems:
        typer.echo(problem, err=True)
    typer.echo(f"{verdict.shards} shards, {verdict.rows:,} rows, {verdict.bytes / 1e6:.1f} MB read: ", nl=False)
    if verdict.problems:
        typer.echo(f"{len(verdict.problems)} problems")
        sys.exit(1)
    typer.echo("everything as the manifests say")
