"""``python -m trainer``: train, generate, draw curves, export to Hugging Face or Megatron."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import json
import shutil
import sys
import textwrap
from pathlib import Path

from corpus.errors import ConfigError, MissingDependency, WudaoError, io_sentence
from trainer.config import TrainConfig
from trainer.presets import preset, presets


def parser() -> argparse.ArgumentParser:
    """Return the command line's definition."""
    top = argparse.ArgumentParser(prog="python -m trainer", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    train = commands.add_parser(
        "train",
        help="pretrain on token shards, or go on; run it through torchrun on several GPUs",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=_settings(),
    )
    train.add_argument("tokens", help="folder or URL of token shards (its manifest.json)")
    train.add_argument("--preset", default="cpm-tiny", help=", ".join(presets()))
    train.add_argument("--out", type=Path, required=True, help="folder of the run; a run that is there is resumed")
    train.add_argument("--steps", type=int, help="short for --set optim.steps=...")
    train.add_argument("--init-from", type=Path, help="start from this checkpoint's weights (fine-tuning)")
    train.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="e.g. optim.lr=2e-4")
    sample = commands.add_parser(
        "generate", help="continue prompts of token ids, one JSON array a line on standard input (wudao generate)"
    )
    sample.add_argument("checkpoint", type=Path, help="a run's folder or one of its checkpoints")
    sample.add_argument("--length", type=int, default=100, help="most new tokens of a sample")
    sample.add_argument("--count", type=int, default=1, help="samples of each prompt")
    sample.add_argument("--temperature", type=float, default=0.8, help="0: always the most probable token")
    sample.add_argument("--top-k", type=int, default=40, help="choose among so many tokens; 0: among all")
    sample.add_argument("--seed", type=int, default=0)
    sample.add_argument("--device", default="cpu")
    hub = commands.add_parser("export-hf", help="write a checkpoint as a Hugging Face model")
    hub.add_argument("checkpoint", type=Path, help="a run's folder or one of its checkpoints")
    hub.add_argument("--tokenizer", type=Path, help="folder of the tokenizer artifact, copied beside the weights")
    hub.add_argument("--out", type=Path, required=True)
    curves = commands.add_parser("curves", help="draw the validation losses of several runs beside each other")
    curves.add_argument("runs", type=Path, nargs="+", help="folders of runs")
    curves.add_argument("--out", type=Path, required=True, help="SVG file")
    megatron = commands.add_parser("export-megatron", help="write token shards as Megatron .bin/.idx")
    megatron.add_argument("tokens")
    megatron.add_argument("--split", default="train", choices=["train", "valid"])
    megatron.add_argument("--out", type=Path, required=True, help="prefix of the two files")
    return top


def _settings() -> str:
    """Return every SECTION.KEY of ``--set`` with its default."""
    lines = ["settings, and their values where a preset says nothing else:"]
    for section, values in dataclasses.asdict(TrainConfig()).items():
        if isinstance(values, dict):
            keys = " ".join(f"{key}={json.dumps(value)}" for key, value in values.items())
            lines.append(textwrap.fill(f"{section}: {keys}", 100, initial_indent="  ", subsequent_indent="    "))
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; errors that a person can act on are one sentence and exit status 1."""
    options = parser().parse_args(arguments)
    run = {
        "train": _train,
        "generate": _generate,
        "export-hf": _export_hf,
        "curves": _curves,
        "export-megatron": _export_megatron,
    }
    try:
        _require_torch()
        run[options.command](options)
    except WudaoError as error:
        # On every rank: torchrun ends the others as soon as one has left, the first one too.
        print(f"error: {error}", file=sys.stderr, flush=True)
        return 1
    except OSError as error:
        if error.errno is None:
            raise
        print(f"error: {io_sentence(error)}", file=sys.stderr)
        return 1
    return 0


def _require_torch() -> None:
    if importlib.util.find_spec("torch") is None:
        raise MissingDependency("the trainer needs PyTorch: pip install 'wudao-corpus[train]'")


def _train(options: argparse.Namespace) -> None:
    from trainer import distributed
    from trainer.train import Trainer

    steps = [] if options.steps is None else [f"optim.steps={options.steps}"]
    config = preset(options.preset).override([*steps, *options.set])
    trainer = Trainer(config, options.tokens, options.out, options.init_from)
    try:
        trainer.prepare()
        if trainer.place.first and trainer.step:
            print(f"resuming at step {trainer.step}", flush=True)
        summary = trainer.run(lambda line: print(line, flush=True))
        if trainer.place.first:
            print(f"done: step {summary.step}, curves in {options.out / 'loss.svg'}")
    finally:
        distributed.stop()


def _generate(options: argparse.Namespace) -> None:
    from trainer.generate import serve

    names = ("device", "count", "length", "temperature", "top_k", "seed")
    for line in serve(sys.stdin, options.checkpoint, **{name: getattr(options, name) for name in names}):
        print(line, flush=True)


def _export_hf(options: argparse.Namespace) -> None:
    from trainer.export_huggingface import export
    from trainer.generate import load_model

    model, found = load_model(options.checkpoint)
    export(model.state_dict(), found.config.model, found.meta["tokenizer"], options.out)
    if options.tokenizer is not None:
        for path in sorted(options.tokenizer.iterdir()):
            if path.is_file():
                shutil.copyfile(path, options.out / path.name)


def _curves(options: argparse.Namespace) -> None:
    from trainer.logs import compare, read_metrics

    metrics = {run.name: read_metrics(run) for run in options.runs}
    empty = [str(run) for run in options.runs if not metrics[run.name]]
    if empty:
        raise ConfigError(f"{', '.join(empty)}: no metrics.jsonl with a line in it; name the folders of runs")
    options.out.write_text(compare(metrics), encoding="utf-8")
    print(f"curves in {options.out}")


def _export_megatron(options: argparse.Namespace) -> None:
    from trainer.export_megatron import export
    from trainer.manifest import read_manifest

    print(export(read_manifest(options.tokens), options.split, options.out))


if __name__ == "__main__":
    sys.exit(main())
