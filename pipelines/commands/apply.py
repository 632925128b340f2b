"""``wudao apply``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import orjson

from corpus.config.load import load_config
from corpus.errors import ConfigError
from corpus.storage import Store
from pipelines.apply import apply_steps, pii_spans
from pipelines.lean_imports import import_lean


def apply_command(
    steps: str, source: list[str], output: Path | None, spans: bool, config: Path | None, overrides: list[str]
) -> None:
    """Run steps over files and write JSONL. What an earlier run wrote to the same place is not read."""
    import_lean(kernels=True)
    settings = load_config(config, [*overrides, f"input.paths={json.dumps(source)}", "input.source=files"])
    names = [name.strip() for name in steps.split(",") if name.strip()]
    if spans and names != ["scrub"]:
        raise ConfigError("--spans goes with the step scrub alone: wudao apply scrub INPUT --spans -o SPANS.jsonl")
    unread = [] if output is None else [os.path.realpath(output)]
    if output is not None and any(Path(one).is_file() and output.exists() and output.samefile(one) for one in source):
        raise ConfigError(f"{output}: the output is the input; choose another output")
    rows = pii_spans(settings, unread) if spans else apply_steps(names, settings, unread)
    # A store names its file where the disk is full.
    stream = Store(output.parent).open_write(output.name) if output is not None else sys.stdout.buffer
    try:
        for row in rows:
            stream.write(orjson.dumps(row) + b"\n")
    finally:
        if output is not None:
            stream.close()
