"""Tokens per second and core of the trainer's loader: windows alone, and each objective's finished batches.

    python benchmarks/loader.py [TOKENS]     # a folder of token shards; random ones without it

CPU time of this process, so that a busy machine changes little.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer_mfu import write_shards

from trainer import manifest
from trainer.data import TokenDataset
from trainer.loader import BatchBuilder
from trainer.presets import preset

TARGET = 20e6  # tokens per second and core, windows of 1,024


def main() -> None:
    """Print one JSON line per measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tokens", nargs="?")
    parser.add_argument("--seconds", type=float, default=2.0, help="CPU seconds per measurement")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = options.tokens or str(write_shards(Path(folder), "glm", 30_000_000))
        shards = manifest.read_manifest(root)
        data = TokenDataset(shards, "train", 1024, preset("cpm-109m").data)
        data.read(0, 64)  # the first block's permutation is not part of the steady state, later ones are
        seen, first = 0, 64
        began = time.process_time()
        while time.process_time() - began < options.seconds:
            data.read(first, 64)
            first += 64
            seen += 64 * 1024
        rate = seen / (time.process_time() - began)
        print(json.dumps({"what": "windows of 1,024 tokens", "tokens_per_second": round(rate), "target": TARGET}))
        for name in ("cpm-109m", "glm-large-zh"):
            config = preset(name)
            if config.objective.kind == "glm" and "gmask" not in shards.tokenizer["special_ids"]:
                continue
            builder = BatchBuilder(shards, "train", dataclasses.replace(config, name="benchmark"))
            builder.build(0, 32)
            seen, first = 0, 32
            began = time.process_time()
            while time.process_time() - began < options.seconds:
                seen += builder.build(first, 32).tokens
                first += 32
            rate = seen / (time.process_time() - began)
            print(json.dumps({"what": f"{name}: finished batches", "tokens_per_second": round(rate)}))


if __name__ == "__main__":
    main()
