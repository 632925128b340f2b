"""``wudao report``."""

from __future__ import annotations

from pathlib import Path

import typer

from corpus.errors import ConfigError
from corpus.report.gather import REPORT_NAME, gather
from corpus.report.page import page
from corpus.report.rows import MAX_SHARDS
from corpus.storage import Store


def report_command(place: str, output: str | None, name: str | None, shards: int = MAX_SHARDS) -> None:
    """Write the data card of a build or subset and say where it lies."""
    target = output if output is not None else Store(place).path(REPORT_NAME)
    folder, _, file = target.rpartition("/")
    if file in ("", ".", "..") or folder.endswith(":/"):
        raise ConfigError(f"-o {target}: name a file, such as {REPORT_NAME}")
    if "://" not in target and Path(target).is_dir():
        raise ConfigError(f"-o {target}: a folder; name a file in it")
    data = page(gather(place, name, shards))
    store = Store(folder or ("/" if target.startswith("/") else "."))
    store.write_atomic(file, data)
    typer.echo(f"{store.path(file)}  {len(data) / 1000:,.0f} kB")
