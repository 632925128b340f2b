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


def decontaminate(
    corpus: CorpusArgument,
    against: Annotated[
        list[str], typer.Option(help="File of evaluation items (JSONL, JSON, text, CSV, TSV, Parquet); repeatable.")
    ],
    output: OutputOption,
    action: Annotated[str, typer.Option(help="drop: a corpus without the documents; tag: only list them.")] = "drop",
    characters: Annotated[int, typer.Option(help="Characters in a row that count as a match.")] = 13,
    max_items: Annotated[int, typer.Option(help="n-grams of more items than this are templates and ignored.")] = 10,
    view: Annotated[bool, typer.Option("--view", help="Write row numbers into the corpus; copy nothing.")] = False,
    engine: EngineOption = None,
    workers: WorkersOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Find documents that contain evaluation items, by shared character n-grams; drop or list them."""
    from pipelines.commands.decontaminate import decontaminate_command

    decontaminate_command(
        corpus, against, output, action, characters, max_items, view, engine, workers, config, overrides or []
    )


def _split(split: str | None) -> str | None:
    from corpus.errors import ConfigError

    if split not in (None, "train", "valid"):
        raise ConfigError(f"--split: '{split}' is neither train nor valid")
    return split


LabelledArgument = Annotated[
    list[Path], typer.Argument(metavar="FILES...", help='JSONL: {"text": …, "domains": […], "source": …}')
]
labels_app = typer.Typer(help="Domain labels: learn, measure, apply.", no_args_is_help=True, rich_markup_mode=None)
quality_app = typer.Typer(help="Quality: artifacts learnt from text.", no_args_is_help=True, rich_markup_mode=None)


@labels_app.command("bootstrap")
def labels_bootstrap(
    corpus: CorpusArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder that receives the artifact.")],
    per_domain: Annotated[int, typer.Option(help="At most so many documents of each domain are learned from.")] = 3000,
    min_documents: Annotated[int, typer.Option(help="Domains with fewer sure documents keep the lexicon alone.")] = 100,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Train a domain labeller without labelled data, on documents that the lexicons are sure of."""
    from pipelines.commands.labels import bootstrap_command

    bootstrap_command(corpus, output, per_domain, min_documents, config, overrides or [])


@labels_app.command("train")
def labels_train(
    files: LabelledArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder that receives the artifact.")],
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Train a domain labeller on labelled documents."""
    from pipelines.commands.labels import train_command

    train_command(files, output, config, overrides or [])


@labels_app.command("evaluate")
def labels_evaluate(
    files: LabelledArgument,
    artifact: Annotated[Path | None, typer.Option(help="Artifact to measure; the configuration's without it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Measure domain labels on labelled documents, by class, source and length."""
    from pipelines.commands.labels import evaluate_command

    evaluate_command(files, artifact, as_json, config, overrides or [])


@labels_app.command("calibrate")
def labels_calibrate(
    files: LabelledArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="File that receives the constants.")],
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Fit the probabilities of the lexicons to labelled documents."""
    from pipelines.commands.labels import calibrate_command

    calibrate_command(files, output, config, overrides or [])


@labels_app.command("apply")
def labels_apply(
    corpus: CorpusArgument,
    artifact: Annotated[Path | None, typer.Argument(help="Artifact; the configuration's labels without it.")] = None,
    output: Annotated[
        str | None, typer.Option("-o", "--output", help="Write a relabelled copy here; in place without it.")
    ] = None,
    engine: EngineOption = None,
    workers: WorkersOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Label a finished corpus again; texts and tokens stay as they are."""
    from pipelines.commands.labels import apply_command

    apply_command(corpus, artifact, output, engine, workers, config, overrides or [])


@quality_app.command("train")
def quality_train(
    good: Annotated[list[str], typer.Option(help="Texts worth keeping: files, folders or a corpus; repeatable.")],
    bad: Annotated[list[str], typer.Option(help="Texts not worth it; repeatable.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="File that receives the model.")],
    per_class: Annotated[int, typer.Option(help="At most so many texts of each kind, drawn by hash.")] = 100_000,
    seed: Annotated[int, typer.Option(help="Seed of the training.")] = 1,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Train the quality classifier; `quality.classifier` in the configuration names it."""
    from pipelines.commands.quality import train_command

    train_command(good, bad, output, per_class, seed, config, overrides or [])


@quality_app.command("cohesion")
def quality_cohesion(
    places: Annotated[list[str], typer.Argument(metavar="CORPUS|FILES...", help="A corpus, files or folders.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="File that receives the table.")],
    documents: Annotated[
        int, typer.Option(help="At most so many documents, spread over hosts, drawn by hash.")
    ] = 30_000,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Learn which characters belong side by side; where `quality.cohesion` names it, shuffled words are dropped."""
    from pipelines.commands.quality import cohesion_command

    cohesion_command(places, output, documents, config, overrides or [])


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.add_typer(labels_app, name="labels")
    app.add_typer(quality_app, name="quality")
    app.command()(extract)
    app.command()(export)
    app.command()(decontaminate)
