"""The ``wudao`` command. Heavy modules are imported by the command that needs them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from corpus.errors import WudaoError, io_sentence
from pipelines.commands import crawl_app, subset_app

app = typer.Typer(
    help="Build Chinese pretraining corpora from the web, and train on them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
tokenizer_app = typer.Typer(help="Tokenizers: train one from a corpus.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(tokenizer_app, name="tokenizer")
crawl_app.register(app)
subset_app.register(app)

ConfigOption = Annotated[Path | None, typer.Option("-c", "--config", help="YAML configuration; see corpus.yaml.")]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="Override one value: section.key=value.")]
OutputArgument = Annotated[str, typer.Argument(metavar="OUTPUT", help="The output folder or URL of a build.")]


@app.command()
def build(
    config: ConfigOption = None,
    inputs: Annotated[
        list[str] | None, typer.Option("-i", "--input", help="File, folder, glob or URL; repeatable.")
    ] = None,
    output: Annotated[
        str | None, typer.Option("-o", "--output", help="Folder or URL that receives everything.")
    ] = None,
    engine: Annotated[str | None, typer.Option(help="local, spark or beam.")] = None,
    workers: Annotated[int | None, typer.Option(help="Worker processes of the local engine.")] = None,
    master: Annotated[str | None, typer.Option(help="Spark master URL.")] = None,
    conf: Annotated[
        list[str] | None, typer.Option(help="Spark property name=value, passed through; repeatable.")
    ] = None,
    beam_args: Annotated[
        list[str] | None, typer.Option(help="Beam pipeline options '--runner=… --region=…', passed on; repeatable.")
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(help="Output (or index) of an earlier build: its documents stay, copies of them go; repeatable."),
    ] = None,
    fresh: Annotated[bool, typer.Option(help="Forget finished work and start over.")] = False,
    tokens: Annotated[bool, typer.Option(help="Train a tokenizer and write token shards.")] = True,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say bytes, requests and cost of what would be fetched; build nothing."),
    ] = False,
    overrides: SetOption = None,
) -> None:
    """Build a corpus: ingest, dedupe, publish, tokenise. A rerun goes on where the last one stopped."""
    from pipelines.commands.build import build_command

    names = (config, inputs, output, engine, workers, master, conf, beam_args, against)
    build_command(*names, fresh, tokens, dry_run, overrides or [])


@app.command()
def apply(
    steps: Annotated[str, typer.Argument(help="Step names, comma-separated: decode,extract,language,quality,scrub,…")],
    source: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Files, folders, globs or URLs.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="JSONL to write; standard output without it.")
    ] = None,
    spans: Annotated[bool, typer.Option("--spans", help="With step scrub: write PII spans only.")] = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Run steps alone over files, without a build; ids are kept, removed documents say why."""
    from pipelines.commands.apply import apply_command

    apply_command(steps, source, output, spans, config, overrides or [])


@tokenizer_app.command("train")
def tokenizer_train(
    corpus: OutputArgument,
    output: Annotated[str, typer.Option("-o", "--output", help="Folder or URL that receives the artifact.")],
    kind: Annotated[str | None, typer.Option(help="cpm, glm or bpe.")] = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Train a tokenizer on a deterministic sample of a corpus."""
    from pipelines.commands.tokenise import train_command

    train_command(corpus, output, kind, config, overrides or [])


@app.command()
def tokenise(
    corpus: OutputArgument,
    tokenizer: Annotated[
        str | None, typer.Option(help="Tokenizer artifact, folder or URL; without it one is trained.")
    ] = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Write token shards for the corpus of a build, row i to row i."""
    from pipelines.commands.tokenise import tokenise_command

    tokenise_command(corpus, tokenizer, config, overrides or [])


@app.command()
def verify(
    output: OutputArgument,
    pii: Annotated[bool, typer.Option("--pii", help="Look for personal information in the published shards.")] = False,
    max_leaks: Annotated[
        float | None, typer.Option(help="With --pii: fail above so many findings per million characters.")
    ] = None,
) -> None:
    """Re-read everything: checksums, row counts, schemas, balances, text row against token row."""
    from pipelines.commands.pii import verify_pii_command
    from pipelines.commands.verify import verify_command

    if pii:
        verify_pii_command(output, max_leaks)
    else:
        verify_command(output)


@app.command()
def remove(
    output: OutputArgument,
    url: Annotated[list[str] | None, typer.Option(help="Documents of this address; repeatable.")] = None,
    host: Annotated[
        list[str] | None, typer.Option(help="Documents of this host; .example.org takes in all below it; repeatable.")
    ] = None,
    doc: Annotated[list[str] | None, typer.Option(help="The document of this doc_key (hex); repeatable.")] = None,
    person: Annotated[list[str] | None, typer.Option(help="Documents that hold this name; repeatable.")] = None,
    number: Annotated[list[str] | None, typer.Option("--id", help="Documents that hold this number.")] = None,
    keep: Annotated[list[str] | None, typer.Option(help="A doc_key (hex) that stays: a namesake; repeatable.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove what is shown.")] = False,
    count: Annotated[int, typer.Option("-n", "--count", help="How many documents of each role to show.")] = 20,
) -> None:
    """Take documents out of a build on request, with their duplicates, so that no later build brings them back."""
    from corpus.takedown.request import Request
    from pipelines.commands.remove import remove_command

    names = (url, host, doc, person, number, keep)
    remove_command(output, Request(*(tuple(one or ()) for one in names)), yes, count)


@app.command()
def clean(
    output: OutputArgument,
    intermediates: Annotated[
        bool, typer.Option("--intermediates", help="Also delete everything that holds raw text.")
    ] = False,
) -> None:
    """Delete what the last finished build does not name."""
    from corpus.storage import Store
    from pipelines.clean import clean as sweep

    swept = sweep(Store(output), intermediates=intermediates)
    typer.echo(f"{swept.files} files, {swept.bytes / 1e6:.1f} MB deleted")


@app.command()
def report(
    output: OutputArgument,
    file: Annotated[
        str | None, typer.Option("-o", "--output", help="File or URL to write; OUTPUT/report.html without it.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the corpus; that of the folder without it.")] = None,
    shards: Annotated[
        int, typer.Option(min=1, help="Read the rows of at most so many shards; what is then a sample says so.")
    ] = 64,
) -> None:
    """Write the data card: one HTML file with funnel, composition, distributions, duplicates, time and samples."""
    from pipelines.commands.report import report_command

    report_command(output, file, name, shards)


@app.command()
def inspect(
    output: OutputArgument,
    dropped: Annotated[
        bool, typer.Option("--dropped", help="Dropped documents, with rule, value and threshold.")
    ] = False,
    duplicates: Annotated[bool, typer.Option("--duplicates", help="Duplicates, with what they were like.")] = False,
    reason: Annotated[str | None, typer.Option(help="Only documents dropped by this rule.")] = None,
    key: Annotated[str | None, typer.Option(help="The document whose doc_key begins with these hex digits.")] = None,
    count: Annotated[int, typer.Option("-n", "--count", help="How many to show.")] = 10,
    seed: Annotated[int, typer.Option(help="Another seed draws another sample.")] = 0,
    full: Annotated[bool, typer.Option("--full", help="Whole texts, not excerpts.")] = False,
) -> None:
    """Look at documents: kept ones, or dropped ones and why; each signal beside its threshold."""
    from pipelines.commands.inspect import inspect_command

    inspect_command(output, dropped, duplicates, reason, key, count, seed, full)


@app.command()
def trace(
    output: OutputArgument,
    shard: Annotated[str, typer.Argument(help="Index or path of a text or token shard.")],
    row: Annotated[int, typer.Argument(help="Row in the shard, from 0.")],
) -> None:
    """From a row of a shard back to its page: URL, file, offset, and the duplicates it stands for."""
    from pipelines.commands.inspect import trace_command

    trace_command(output, shard, row)


@app.command()
def explain(
    what: Annotated[str, typer.Argument(help="dedupe")] = "dedupe",
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Show what a configuration means: for dedupe bands, S-curve and expected errors."""
    from corpus.config.load import load_config
    from corpus.errors import ConfigError
    from pipelines.commands.inspect import explain_dedupe_command

    if what != "dedupe":
        raise ConfigError(f"there is nothing to explain about '{what}'; known: dedupe")
    explain_dedupe_command(load_config(config, overrides or []))


# No help of its own: --help, too, is an argument that the trainer answers.
@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def train(context: typer.Context) -> None:
    """Pretrain on token shards: the arguments of `python -m trainer train` (TOKENS --preset … --out …)."""
    import subprocess

    if {"-h", "--help"} & set(context.args):
        typer.echo("Pretrain on token shards. `wudao train …` runs `python -m trainer train …`; on several GPUs start")
        typer.echo("`torchrun --nproc-per-node=8 -m trainer train …` yourself.\n")
    sys.exit(subprocess.run([sys.executable, "-m", "trainer", "train", *context.args], check=False).returncode)


@app.command()
def generate(
    run: Annotated[Path, typer.Argument(help="Folder of a training run, or one of its checkpoints.")],
    tokenizer: Annotated[
        Path | None, typer.Option(help="The run's tokenizer; without it looked for in OUTPUT/tokenizer.")
    ] = None,
    prompt: Annotated[
        list[str] | None, typer.Option(help="Beginning of a text; for GLM it may hold one [MASK]. Repeatable.")
    ] = None,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="Samples of each prompt.")] = 1,
    length: Annotated[int, typer.Option(min=1, help="Most new tokens of a sample.")] = 100,
    temperature: Annotated[float, typer.Option(min=0.0, help="0: always the most probable token.")] = 0.8,
    top_k: Annotated[int, typer.Option(min=0, help="Choose among so many tokens; 0: among all.")] = 40,
    seed: Annotated[int, typer.Option(help="Sample k is drawn with seed + k.")] = 0,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Look at what a model writes: continue a prompt, or fill the mask in it; the same seed, the same text."""
    from pipelines.commands.generate import generate_command

    values = {"length": length, "temperature": temperature, "top-k": top_k, "seed": seed, "device": device}
    arguments = [part for name, value in values.items() for part in (f"--{name}", str(value))]
    generate_command(run, tokenizer, prompt or [""], arguments, count)


@app.command("config")
def show_config(config: ConfigOption = None, overrides: SetOption = None) -> None:
    """Print the configuration as commented YAML: the defaults, or a file with its overrides applied."""
    from corpus.config.load import load_config
    from corpus.config.show import commented_yaml

    typer.echo(commented_yaml(load_config(config, overrides or [])), nl=False)


def main() -> None:
    """Entry point. What a person can act on is printed as one sentence; only defects show a traceback."""
    try:
        app()
    except WudaoError as error:
        typer.echo(f"wudao: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        if error.errno is None:
            raise
        typer.echo(f"wudao: {io_sentence(error)}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        typer.echo("wudao: interrupted; run the same command to go on", err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()
