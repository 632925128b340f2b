"""The commands that work on a finished corpus: extract, export, decontaminate, labels, quality."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EngineOption = Annotated[str | None, typer.Option(help="local, spark or beam.")]
WorkersOption = Annotated[int | None, typer.Option(help="Worker processes of the local engine.")]
ConfigOption = Annotated[Path | None, typer.Option("-c", "--config", help="YAML configuration; see corpus.yaml.")]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="Override one value: section.key=value.")]
CorpusArgument = Annotated[str, typer.Argument(metavar="CORPUS", help="The output of a build or of wudao extract.")]
OutputOption = Annotated[str, typer.Option("-o", "--output", help="Folder or URL that receives the result.")]


def extract(
    corpus: CorpusArgument,
    output: OutputOption,
    domain: Annotated[list[str] | None, typer.Option(help="Only documents of this domain; repeatable (any).")] = None,
    min_score: Annotated[float, typer.Option(help="Least score of the domains named.")] = 0.0,
    source_type: Annotated[
        list[str] | None, typer.Option(help="Only documents of this source type; repeatable (any).")
    ] = None,
    where: Annotated[
        str | None, typer.Option(help="SQL condition over the columns, such as \"quality > 0.8 AND script = 'hans'\".")
    ] = None,
    split: Annotated[str | None, typer.Option(help="train or valid; both without it.")] = None,
    sample: Annotated[int | None, typer.Option(help="Draw so many documents.")] = None,
    tokens: Annotated[str | None, typer.Option(help="Draw documents up to so many tokens: 300k, 2.5M, 10B.")] = None,
    mix: Annotated[
        str | None, typer.Option(help='Shares by domain: "medical=0.3,finance=0.2,*=0.5"; * is every other document.')
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed draws another sample.")] = 0,
    view: Annotated[bool, typer.Option("--view", help="Write row numbers into the corpus; copy nothing.")] = False,
    engine: EngineOption = None,
    workers: WorkersOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Make a corpus of its own from documents of a corpus; token shards follow row by row. A rerun resumes."""
    from corpus.shards.selection import Selection, parse_count, parse_mix
    from pipelines.commands.extract import extract_command

    selection = Selection(
        domains=tuple(domain or ()),
        min_score=min_score,
        source_types=tuple(source_type or ()),
        split=_split(split),
        where=where,
        sample=sample,
        tokens=parse_count(tokens) if tokens is not None else None,
        mix=parse_mix(mix) if mix is not None else (),
        seed=seed,
    )
    extract_command(corpus, output, selection, view, engine, workers, config, overrides or [])


def export(
    corpus: CorpusArgument,
    output: OutputOption,
    format_name: Annotated[
        str, typer.Option("--format", help="parquet, jsonl, hf (with a dataset card), words (segmented) or megatron.")
    ] = "parquet",
    split: Annotated[str | None, typer.Option(help="train or valid; both without it.")] = None,
    engine: EngineOption = None,
    workers: WorkersOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Write a corpus or view for other programs, one file per shard."""
    from pipelines.commands.export import export_command

    export_command(corpus, output, format_name, _split(split), engine, workers, config, overrides or [])


def _split(split: str | None) -> str | None:
    from corpus.errors import ConfigError

    if split not in (None, "train", "valid"):
        raise ConfigError(f"--split: '{split}' is neither train nor valid")
    return split


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command()(extract)
    app.command()(export)
