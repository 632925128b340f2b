"""``wudao build``."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from corpus.config.load import load_config
from corpus.storage import Store
from pipelines.build import Build
from pipelines.engines.registry import make_engine


def build_command(
    config: Path | None,
    inputs: list[str] | None,
    output: str | None,
    engine: str | None,
    workers: int | None,
    master: str | None,
    conf: list[str] | None,
    beam_args: list[str] | None,
    against: list[str] | None,
    fresh: bool,
    tokens: bool,
    overrides: list[str],
) -> None:
    """Run a build and print its funnel and where everything lies."""
    import json

    if inputs:
        overrides.append(f"input.paths={json.dumps(inputs)}")
    for key, value in (("output", output), ("run.engine", engine), ("run.workers", workers), ("run.master", master)):
        if value is not None:
            overrides.append(f"{key}={json.dumps(value)}")
    if conf:
        overrides.append(f"run.conf={json.dumps(dict(one.split('=', 1) for one in conf))}")
    if beam_args:
        overrides.append(f"run.beam_args={json.dumps(beam_args)}")
    if against:
        overrides.append(f"against={json.dumps(against)}")
    if not tokens:
        overrides.append("tokenise=false")
    settings = load_config(config, overrides)
    console = Console(stderr=False, soft_wrap=True)
    if fresh:
        _forget(Store(settings.output).sub("work"))
    runner = make_engine(settings.run)
    try:
        build = Build(settings, runner, console)
        funnel = build.run()
    finally:
        runner.close()
    funnel.show(console)
    build.show_places(console)


def _forget(work: Store) -> None:
    work.delete_all(list(work.names("reports")))
