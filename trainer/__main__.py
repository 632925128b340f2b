"""``python -m trainer``: train, export to Hugging Face or Megatron."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from corpus.errors import WudaoError
from trainer.config import preset, presets


def parser() -> argparse.ArgumentParser:
    """Return the command line's definition."""
    top = argparse.ArgumentParser(prog="python -m trainer", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    train = commands.add_parser(
        "train", help="pretrain on token shards, or go on; run it through torchrun on several GPUs"
    )
    train.add_argument("tokens", help="folder or URL of token shards (its manifest.json)")
    train.add_argument("--preset", default="cpm-tiny", help=", ".join(presets()))
    train.add_argument("--out", type=Path, required=True, help="folder of the run; a run that is there is resumed")
    train.add_argument("--steps", type=int, help="short for --set optim.steps=...")
    train.add_argument("--init-from", type=Path, help="start from this checkpoint's weights (fine-tuning)")
    train.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="e.g. optim.lr=2e-4")
    hub = commands.add_parser("export-hf", help="write a checkpoint as a Hugging Face model")
    hub.add_argument("checkpoint", type=Path, help="a run's folder or one of its checkpoints")
    hub.add_argument("--tokenizer", type=Path, help="folder of the tokenizer artifact, copied beside the weights")
    hub.add_argument("--out", type=Path, required=True)
    megatron = commands.add_parser("export-megatron", help="write token shards as Megatron .bin/.idx")
    megatron.add_argument("tokens")
    megatron.add_argument("--split", default="train", choices=["train", "valid"])
    megatron.add_argument("--out", type=Path, required=True, help="prefix of the two files")
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run one command; errors that a person can act on are one sentence and exit status 1."""
    options = parser().parse_args(arguments)
    try:
        if options.command == "train":
            _train(options)
        elif options.command == "export-hf":
            _export_hf(options)
        else:
            _export_megatron(options)
    except WudaoError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


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


def _export_hf(options: argparse.Namespace) -> None:
    from trainer.export_huggingface import export
    from trainer.generate import load_model

    model, found = load_model(options.checkpoint)
    export(model.state_dict(), found.config.model, found.meta["tokenizer"], options.out)
    if options.tokenizer is not None:
        for path in sorted(options.tokenizer.iterdir()):
            if path.is_file():
                shutil.copyfile(path, options.out / path.name)


def _export_megatron(options: argparse.Namespace) -> None:
    from trainer.export_megatron import export
    from trainer.manifest import read_manifest

    print(export(read_manifest(options.tokens), options.split, options.out))


if __name__ == "__main__":
    sys.exit(main())
