"""``wudao crawl`` and ``wudao commoncrawl``: the web as input."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corpus.errors import MissingDependency

ConfigOption = Annotated[
    Path | None, typer.Option("-c", "--config", help="YAML file with sections crawl, commoncrawl and run.")
]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="Override one value: section.key=value.")]
OutputOption = Annotated[str, typer.Option("-o", "--output", help="Folder that receives WARC files and state.")]
EngineOption = Annotated[str | None, typer.Option(help="local, spark or beam.")]
WorkersOption = Annotated[int | None, typer.Option(help="Worker processes of the local engine.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("crawl")(crawl)
    app.command("commoncrawl")(commoncrawl)


def crawl(
    seeds: Annotated[list[str], typer.Argument(metavar="SEEDS...", help="URLs, or files with a URL a line.")],
    output: OutputOption,
    contact: Annotated[str | None, typer.Option(help="URL or e-mail of the operator, sent with every request.")] = None,
    depth: Annotated[int | None, typer.Option(help="Links from a seed.")] = None,
    max_pages: Annotated[int | None, typer.Option(help="Pages in the whole crawl.")] = None,
    hosts: Annotated[
        list[str] | None, typer.Option(help="Host or glob in scope; repeatable. Default: the seeds' hosts.")
    ] = None,
    engine: EngineOption = None,
    workers: WorkersOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Crawl politely into WARC files. A rerun goes on where the last one stopped, and fetches what has become stale."""
    from pipelines.crawl.configuration import load_crawl_config, read_seeds

    given = {"contact": contact, "max_depth": depth, "max_pages": max_pages, "hosts": hosts or None}
    settings = load_crawl_config(config, overrides or [], crawl=given, run={"engine": engine, "workers": workers})
    try:
        from pipelines.crawl.rounds import Crawl
    except ImportError as error:
        raise MissingDependency(f"{error}; install the crawler with: pip install 'wudao-corpus[crawl]'") from error
    from rich.console import Console

    from pipelines.engines.registry import make_engine

    runner = make_engine(settings.run)
    try:
        console = Console(soft_wrap=True)
        Crawl(settings.crawl, output, runner, console, settings.run.memory_limit).run(read_seeds(seeds))
        console.print(
            f"      warc  {output.rstrip('/')}/warc  (wudao build -i {output.rstrip('/')}/warc)", highlight=False
        )
    finally:
        runner.close()


def commoncrawl(
    output: OutputOption,
    crawls: Annotated[list[str] | None, typer.Option("--crawl", help="A crawl (CC-MAIN-…); repeatable.")] = None,
    index: Annotated[
        list[str] | None, typer.Option(help="Parquet of the columnar index: file, folder, glob or URL; repeatable.")
    ] = None,
    data: Annotated[str | None, typer.Option(help="Where warc_filename is relative to.")] = None,
    hosts: Annotated[list[str] | None, typer.Option(help="Host or glob; repeatable.")] = None,
    max_records: Annotated[int | None, typer.Option(help="Take no more records than this.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say bytes, requests and cost, and fetch nothing.")
    ] = False,
    engine: EngineOption = None,
    workers: WorkersOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Fetch the Chinese records of Common Crawl, and no other bytes, into WARC files."""
    from pipelines.crawl.configuration import load_crawl_config

    given: dict[str, object] = {"crawls": crawls or None, "index": index or None, "data": data, "hosts": hosts or None}
    given["max_records"] = max_records
    settings = load_crawl_config(config, overrides or [], commoncrawl=given, run={"engine": engine, "workers": workers})
    try:
        from pipelines.crawl.commoncrawl import CommonCrawl
    except ImportError as error:
        raise MissingDependency(f"{error}; install the crawler with: pip install 'wudao-corpus[crawl]'") from error
    from rich.console import Console

    from pipelines.engines.registry import make_engine

    runner = make_engine(settings.run)
    try:
        job = CommonCrawl(settings.commoncrawl, output, runner, Console(soft_wrap=True), settings.run.memory_limit)
        job.dry_run() if dry_run else job.run()
    finally:
        runner.close()
