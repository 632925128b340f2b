"""Model FLOPs utilisation of the trainer on one device, the loader in the loop.

    python benchmarks/trainer_mfu.py [--presets cpm-109m,...] [--steps 60] [--dropout 0.0]

Needs torch (2.9 or newer; 2.10 for the varlen kernel), numpy and pyarrow only:
it writes its own token shards (random ids with Zipf frequencies, documents of
log-normal length), then trains from them through the ordinary loader, model,
optimiser and clipping. FLOPs are counted from the real mask
(``trainer.model.training_flops``): padding, recomputation and masked blocks
count nothing, the head counts for targets only. One JSON line per preset, the
median over the steps after warm-up; a failed preset gives a line with its error.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import hashlib
import io
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from corpus.schema import tokens_schema
from trainer.attention import backend
from trainer.config import TrainConfig
from trainer.loader import Loader
from trainer.presets import preset
from trainer.train import Trainer, device_peak

MEDIAN_DOCUMENT, SPREAD = 450, 1.0  # tokens, and sigma of the logarithm: web documents at 1.7 characters a token
SAMPLES = {"cpm-109m": 64, "cpm-334m": 32, "glm-large-zh": 64, "cpm-1.3b": 16}  # of a micro-batch, for 80 GB
SPECIAL = ["eod", "sep", "cls", "mask", "unused0", "unused1", "sop", "eop", "smask", "gmask", "dblock"]


def write_shards(folder: Path, kind: str, tokens: int, seed: int = 0) -> Path:
    """Write one shard of random documents and its manifest; the vocabulary is CPM's 30,000 or GLM's 50,000 pieces."""
    pieces = 50_000 if kind == "glm" else 30_000
    special = {name: pieces + i for i, name in enumerate(SPECIAL)} if kind == "glm" else {"eod": 7, "mask": 6}
    vocab = pieces + (len(SPECIAL) if kind == "glm" else 0)
    random = np.random.default_rng(seed)
    mean = MEDIAN_DOCUMENT * np.exp(SPREAD**2 / 2)
    lengths = np.maximum(2, random.lognormal(np.log(MEDIAN_DOCUMENT), SPREAD, int(tokens / mean) + 1)).astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids = np.minimum(random.zipf(1.2, int(offsets[-1])) + 8, pieces - 1).astype(np.uint16)
    ids[offsets[1:] - 1] = special["eod"]
    n = lengths.size
    schema = tokens_schema(wide=False)
    values = pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(ids), type=schema.field("tokens").type)
    rest: dict[str, Any] = {
        "doc_key": pa.array([i.to_bytes(16, "little") for i in range(n)], pa.binary(16)),
        "domain": np.full(n, -1),
        "domain_mask": np.zeros(n),
        "source_type": np.full(n, -1),
        "n_chars": lengths,
        "quality": np.zeros(n),
        "cluster_size": np.ones(n),
        "prompt_len": np.zeros(n),
    }
    columns = [values, *(pa.array(rest[f.name]).cast(f.type) for f in schema if f.name != "tokens")]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "train-00000.arrow"
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(pa.record_batch(columns, schema=schema))
    entry = {
        "index": 0,
        "path": path.name,
        "split": "train",
        "rows": n,
        "tokens": int(offsets[-1]),
        "bytes": path.stat().st_size,
        "sha256": "",
        "domain_tokens": [int(offsets[-1])],
    }
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([entry]), buffer)
    (folder / "shards.parquet").write_bytes(buffer.getvalue())
    root = {
        "schema_version": 1,
        "tokenizer": {
            "name": f"random-{vocab}",
            "kind": kind,
            "sha256": "0" * 64,
            "vocab_size": vocab,
            "padded_vocab_size": -(-vocab // 128) * 128,
            "special_ids": special,
            "sentence_end_ids": list(range(9, 12)),
        },
        "tables": {"domains": []},
        "root_hash": f"random-{kind}-{tokens}-{seed}",
        "parts": [{"path": "shards.parquet", "sha256": hashlib.sha256(buffer.getvalue()).hexdigest()}],
    }
    (folder / "manifest.json").write_text(json.dumps(root))
    return folder


def configure(name: str, micro: int, options: argparse.Namespace) -> TrainConfig:
    """Return the preset with one micro-batch of ``micro`` samples a step (times --accumulate)."""
    config = preset(name)
    objective = config.objective
    if objective.kind == "glm":
        flat = backend(options.attention, torch.device(options.device), torch.bfloat16) == "varlen"
        objective = dataclasses.replace(objective, samples_per_row=micro if flat else 1)
    return dataclasses.replace(
        config,
        model=dataclasses.replace(config.model, dropout=options.dropout),
        objective=objective,
        data=dataclasses.replace(config.data, verify="size", workers=options.workers, prefetch=8),
        optim=dataclasses.replace(
            config.optim,
            micro_batch=micro,
            batch=micro * options.accumulate,
            steps=options.warmup + options.steps,
        ),
        run=dataclasses.replace(
            config.run, device=options.device, attention=options.attention, tensorboard=False, compile=options.compile
        ),
    )


def measure(name: str, micro: int, shards: Path, out: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Run the steps and return medians."""
    trainer = Trainer(configure(name, micro, options), str(shards), out)
    trainer.prepare()
    device = trainer.place.device
    cuda = device.type == "cuda"
    seconds, tokens, flops, losses = [], [], [], []
    gc.collect()
    gc.disable()
    began = time.perf_counter()
    with Loader(trainer.builder, trainer.config, 0, 1, trainer.prepare_batch) as loader:
        for i, batches in enumerate(loader.batches(0, trainer.config.optim.steps)):
            loss, _, reason, step_tokens, step_flops = trainer._step(batches)
            if cuda:
                torch.cuda.synchronize()
            now = time.perf_counter()
            if i >= options.warmup:
                seconds.append(now - began)
                tokens.append(step_tokens)
                flops.append(step_flops)
            if reason:
                raise RuntimeError(f"step {i} was not applied: {reason}")
            losses.append(loss)
            began = now
    gc.enable()
    rate = statistics.median(f / s for f, s in zip(flops, seconds, strict=True))
    peak = device_peak(device)
    return {
        "preset": name,
        "parameters": sum(p.numel() for p in trainer.model.parameters()),
        "device": torch.cuda.get_device_name(device) if cuda else "cpu",
        "torch": torch.__version__,
        "dtype": str(trainer.place.dtype).removeprefix("torch."),
        "attention": trainer.kind,
        "samples_per_micro_batch": micro,
        "accumulate": options.accumulate,
        "dropout": options.dropout,
        "steps": len(seconds),
        "median_step_ms": round(1e3 * statistics.median(seconds), 2),
        "p90_step_ms": round(1e3 * sorted(seconds)[int(0.9 * len(seconds))], 2),
        "tokens_per_second": round(statistics.median(t / s for t, s in zip(tokens, seconds, strict=True))),
        "tflops_per_second": round(rate / 1e12, 2),
        "mfu": None if peak is None else round(rate / peak, 4),
        "peak_memory_gib": round(torch.cuda.max_memory_allocated(device) / 2**30, 2) if cuda else None,
        "first_loss": round(losses[0], 4),
        "last_loss": round(losses[-1], 4),
    }


def main() -> None:
    """Measure the presets and print one JSON line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", default="cpm-109m,cpm-334m,glm-large-zh,cpm-1.3b")
    parser.add_argument("--steps", type=int, default=60, help="measured steps")
    parser.add_argument("--warmup", type=int, default=15)
    parser.add_argument("--micro-batch", type=int, help="samples of a micro-batch; halved until it fits in memory")
    parser.add_argument("--accumulate", type=int, default=1, help="micro-batches of a step")
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--attention", default="auto", choices=["auto", "dense", "flex", "varlen"])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--workers", type=int, default=4, help="processes that build batches; 0: a thread")
    parser.add_argument("--tokens", type=int, default=30_000_000, help="tokens of the generated shards")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shards: dict[str, Path] = {}
        for name in options.presets.split(","):
            kind = "glm" if name.startswith("glm") else "cpm"
            if kind not in shards:
                shards[kind] = write_shards(Path(folder) / kind, kind, options.tokens)
            micro = options.micro_batch or SAMPLES.get(name, 16)
            while True:
                try:
                    line = measure(name, micro, shards[kind], Path(folder) / f"run-{name}-{micro}", options)
                    break
                except torch.cuda.OutOfMemoryError:
                    line = {"preset": name, "error": f"out of memory with {micro} samples"}
                    if micro == 1:
                        break
                    micro //= 2
                except Exception as error:  # noqa: BLE001 a failed preset must not cost the others' figures
                    line = {"preset": name, "error": f"{type(error).__name__}: {error}"[:500]}
                    break
                finally:
                    gc.collect()
                    torch.cuda.empty_cache()
                    torch.compiler.reset()
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
