"""``wudao build``."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from corpus.config.load import load_config
from corpus.errors import ConfigError
from corpus.storage import Store
from pipelines.engines.registry import make_engine
from pipelines.lean_imports import import_lean
from pipelines.passes.loading import build_steps


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
    dry_run: bool,
    overrides: list[str],
) -> None:
    """Run a build and print its funnel and where everything lies; with ``dry_run`` only say what it would fetch."""
    import json

    if inputs:
        overrides += [f"input.paths={json.dumps(inputs)}", "input.source=files"]
    for key, value in (("output", output), ("run.engine", engine), ("run.workers", workers), ("run.master", master)):
        if value is not None:
            overrides.append(f"{key}={json.dumps(value)}")
    if conf:
        for one in conf:
            if "=" not in one:
                raise ConfigError(f"--conf {one}: write it as name=value, such as spark.executor.memory=4g")
        overrides.append(f"run.conf={json.dumps(dict(one.split('=', 1) for one in conf))}")
    if beam_args:
        overrides.append(f"run.beam_args={json.dumps(beam_args)}")
    if against:
        overrides.append(f"against={json.dumps(against)}")
    if not tokens:
        overrides.append("tokenise=false")
    settings = load_config(config, overrides)
    console = Console(stderr=False, soft_wrap=True)
    if fresh and not dry_run:
        _forget(Store(settings.output).sub("work"))
    runner = make_engine(settings.run)
    try:
        if not dry_run:
            runner.expect(build_steps(settings))  # loads beside the imports below
        import_lean(kernels=True)  # duplicates are verified in this process
        from pipelines.build import Build
        from pipelines.inputs import dry_run as say_what_is_fetched

        if dry_run:
            say_what_is_fetched(settings, Store(settings.output), runner, console)
            return
        build = Build(settings, runner, console)
        funnel = build.run()
    finally:
        runner.close()
    funnel.show(console)
    build.show_places(console)


def _forget(work: Store) -> None:
    work.delete_all(list(work.names("reports")))
