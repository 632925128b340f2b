"""Whole runs on a CPU: resume, refusals, ranks, learning, exports."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from trainer_token_shards import EOD, TOKENIZER, documents, three_shards

torch = pytest.importorskip("torch", reason="torch is not installed (extra 'train')")

from corpus.errors import ConfigError, CorruptionError  # noqa: E402
from trainer import checkpoint, export_megatron, manifest  # noqa: E402
from trainer.__main__ import main  # noqa: E402
from trainer.config import TrainConfig  # noqa: E402
from trainer.logs import draw, read_metrics  # noqa: E402
from trainer.optim import StepGuard, learning_rate  # noqa: E402
from trainer.presets import preset  # noqa: E402
from trainer.train import Trainer, TrainingError  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[2]


def tiny(kind: str = "causal", **overrides: Any) -> TrainConfig:
    config = preset("glm-tiny" if kind == "glm" else "cpm-tiny")
    settings = {
        "model.layers": 2,
        "model.hidden": 32,
        "model.dropout": 0.1,
        "objective.length": 48,
        "optim.batch": 8,
        "optim.micro_batch": 4,
        "optim.steps": 8,
        "run.eval_every": 4,
        "run.eval_samples": 8,
        "run.checkpoint_every": 4,
        "run.log_every": 1,
        "run.tensorboard": False,
        "data.extent_documents": 16,
        "data.block_extents": 4,
        **{key.replace("__", "."): value for key, value in overrides.items()},
    }
    return config.override([f"{key}={json.dumps(value)}" for key, value in settings.items()])


def train(config: TrainConfig, tokens: Path, out: Path, init_from: Path | None = None) -> Trainer:
    trainer = Trainer(config, str(tokens), out, init_from)
    trainer.prepare()
    trainer.run()
    return trainer


def weights(trainer: Trainer) -> dict[str, Any]:
    return trainer.model.state_dict()


@pytest.mark.parametrize("kind", ["causal", "glm"])
def test_interrupted_equals_uninterrupted_bit_for_bit(
    kind: str, make_shards: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = make_shards()
    whole = train(tiny(kind), tokens, tmp_path / "whole")
    broken = Trainer(tiny(kind), str(tokens), tmp_path / "broken")
    broken.prepare()
    step = Trainer._step

    def die(self: Trainer, batches: Any) -> Any:
        if self.step == 6:
            raise KeyboardInterrupt
        return step(self, batches)

    monkeypatch.setattr(Trainer, "_step", die)
    with pytest.raises(KeyboardInterrupt):
        broken.run()
    monkeypatch.setattr(Trainer, "_step", step)
    resumed = Trainer(tiny(kind), str(tokens), tmp_path / "broken")
    resumed.prepare()
    assert resumed.step == 4
    resumed.run()
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(resumed)[name]), name
    losses = [[line["loss"] for line in read_metrics(tmp_path / run)] for run in ("whole", "broken")]
    assert losses[0] == losses[1]


def test_overfits_one_batch(make_shards: Callable[..., Path], tmp_path: Path) -> None:
    tokens = make_shards(shards=[("train", documents(4, seed=9, longest=40), [-1] * 4)])
    config = tiny(model__dropout=0.0, model__hidden=64, optim__steps=150, optim__lr=3e-3, run__log_every=50)
    trainer = Trainer(config, str(tokens), tmp_path / "run")
    trainer.prepare()
    assert trainer.run().train_loss < 0.1


def test_accumulation_does_not_change_the_result(make_shards: Callable[..., Path], tmp_path: Path) -> None:
    tokens = make_shards()
    options = {"model__dropout": 0.0, "optim__steps": 4}
    one = train(tiny("glm", optim__micro_batch=8, **options), tokens, tmp_path / "one")
    four = train(tiny("glm", optim__micro_batch=2, **options), tokens, tmp_path / "four")
    for name, tensor in weights(one).items():
        assert torch.allclose(tensor, weights(four)[name], atol=1e-4), name


@pytest.mark.slow
@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_two_ranks_train_as_one(parallel: str, make_shards: Callable[..., Path], tmp_path: Path) -> None:
    tokens = make_shards()
    changes = ["--set", "model.dropout=0.0", "--set", f"run.parallel={parallel}", "--steps", "4"]
    for name, launcher in {
        "one": [sys.executable, "-m", "trainer"],
        "two": [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "trainer"],
    }.items():
        sets = ["model.layers=2", "model.hidden=32", "objective.length=48", "optim.batch=8", "optim.micro_batch=4"]
        sets += ["run.log_every=1", "run.tensorboard=false"]
        flags = [part for value in sets for part in ("--set", value)]
        command = [
            *launcher,
            "train",
            str(tokens),
            "--preset",
            "cpm-tiny",
            "--out",
            str(tmp_path / name),
            *flags,
            *changes,
        ]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-2000:]
    one, two = (read_metrics(tmp_path / name) for name in ("one", "two"))
    assert [line["loss"] for line in one] == pytest.approx([line["loss"] for line in two], abs=2e-4)


def test_refusals_come_before_any_step(make_shards: Callable[..., Path], tmp_path: Path) -> None:
    tokens = make_shards()
    config = tiny(optim__steps=4)
    train(config, tokens, tmp_path / "run")

    def refused(match: str, config: TrainConfig, tokens: Path, init_from: Path | None = None, out: str = "run") -> None:
        before = (tmp_path / "run" / "metrics.jsonl").read_bytes()
        trainer = Trainer(config, str(tokens), tmp_path / out, init_from)
        with pytest.raises((ConfigError, CorruptionError), match=match):
            trainer.prepare()
        assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == before

    refused(r"another configuration \(optim.lr was", tiny(optim__steps=4, optim__lr=1e-5), tokens)
    refused("cannot be divided by 1 ranks", tiny(optim__batch=9), tokens)
    other_tokenizer = make_shards("other", tokenizer={**TOKENIZER, "sha256": "b" * 64})
    refused("trained with the tokenizer aaaaaaaaaaaa", config, other_tokenizer)
    refused("trained with the tokenizer", config, other_tokenizer, tmp_path / "run", "fine")
    other_data = make_shards("more", shards=three_shards(seed=50))
    refused("on other token shards", config, other_data)
    refused(r"another model \(model.layers was 2", tiny(model__layers=3), tokens, tmp_path / "run", "fine")
    refused("no checkpoint here", config, tokens, tmp_path / "nowhere", "fine")
    refused("model.vocab = 100", tiny(model__vocab=100), tokens, out="fine")
    path = next(tokens.glob("valid-*.arrow"))
    data = bytearray(path.read_bytes())
    data[-100] ^= 255
    path.write_bytes(data)
    refused("its sha256 is not", config, tokens)


def test_fine_tuning_starts_from_the_weights(make_shards: Callable[..., Path], tmp_path: Path) -> None:
    tokens = make_shards()
    base = train(tiny(optim__steps=4), tokens, tmp_path / "base")
    subset = make_shards("subset", shards=three_shards(seed=50))
    tuned = Trainer(tiny(optim__steps=2, optim__lr=1e-5), str(subset), tmp_path / "tuned", tmp_path / "base")
    tuned.prepare()
    assert tuned.step == 0
    for name, tensor in weights(base).items():
        assert torch.equal(tensor, weights(tuned)[name])


def test_steps_that_are_not_finite_are_not_applied_and_end_the_run(
    make_shards: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(tiny(run__max_bad_steps=3), str(make_shards()), tmp_path / "run")
    trainer.prepare()
    before = {name: tensor.clone() for name, tensor in weights(trainer).items()}
    monkeypatch.setattr("trainer.distributed.clip", lambda model, limit: torch.tensor(float("nan")))
    with pytest.raises(TrainingError, match=r"step 3: 3 steps in a row were not applied \(not finite\)"):
        trainer.run()
    assert all(torch.equal(before[name], tensor) for name, tensor in weights(trainer).items())


def test_step_guard_refuses_spikes() -> None:
    guard = StepGuard(spike_factor=4.0, max_bad_steps=2)
    assert all(guard.accepts(1.0, 1.0 + 0.1 * (i % 3)) is None for i in range(120))
    assert guard.accepts(1.0, 6.0) == "gradient spike"
    assert guard.accepts(float("inf"), 1.0) == "not finite"
    assert guard.exhausted
    other = StepGuard(4.0, 2)
    other.restore(guard.state())
    assert other.exhausted
    assert other.accepts(1.0, 1.0) is None
    assert not other.exhausted


def test_schedule() -> None:
    optim = dataclasses.replace(preset("glm-large").optim, lr=1.0, steps=1000, warmup_ratio=0.1, min_lr_ratio=0.1)
    rates = [learning_rate(step, optim) for step in range(1001)]
    assert rates[0] == pytest.approx(0.01)
    assert rates[99] == 1.0
    assert rates[1000] == pytest.approx(0.1)
    assert all(a >= b for a, b in pairwise(rates[100:]))


def test_a_torn_checkpoint_is_not_seen(make_shards: Callable[..., Path], tmp_path: Path) -> None:
    trainer = train(tiny(optim__steps=4), make_shards(), tmp_path / "run")
    folder = tmp_path / "run" / "checkpoints"
    (folder / "step-000000009").mkdir()
    (folder / ".step-000000008.partial").mkdir()
    found = checkpoint.latest(folder)
    assert found is not None
    assert found.meta["step"] == trainer.step == 4
    for part in found.path.glob("*.distcp"):
        part.write_bytes(part.read_bytes()[:100])
    again = Trainer(tiny(optim__steps=4), str(tmp_path / "tokens"), tmp_path / "run")
    with pytest.raises(CorruptionError, match="cannot be read"):
        again.prepare()


def test_command_line_trains_exports_and_says_what_is_wrong(
    make_shards: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    tokens = str(make_shards())
    sets = [f"--set={s}" for s in ("model.layers=1", "model.hidden=32", "optim.batch=4", "optim.micro_batch=4")]
    run = str(tmp_path / "run")
    assert main(["train", tokens, "--out", run, "--steps", "2", "--set=run.tensorboard=false", *sets]) == 0
    assert "valid loss" in capsys.readouterr().out
    assert "<polyline" in (tmp_path / "run" / "loss.svg").read_text()
    assert main(["export-hf", run, "--out", str(tmp_path / "hf")]) == 0
    model = transformers.GPT2LMHeadModel.from_pretrained(str(tmp_path / "hf"))
    from trainer.generate import generate, load_model

    ours, found = load_model(tmp_path / "run")
    prompt = [20, 30, 40]
    theirs = model.generate(torch.tensor([prompt]), max_new_tokens=5, do_sample=False, eos_token_id=EOD)[0, 3:].tolist()
    assert generate(ours, found, prompt, 5, temperature=0.0) == [t for t in theirs if t != EOD]
    assert main(["train", tokens, "--out", run, "--preset", "nothing"]) == 1
    assert "error: there is no preset 'nothing'" in capsys.readouterr().err


def test_glm_export_has_the_published_names(make_shards: Callable[..., Path], tmp_path: Path) -> None:
    from trainer.export_huggingface import export
    from trainer.generate import generate, load_model

    train(tiny("glm", optim__steps=2), make_shards(), tmp_path / "run")
    model, found = load_model(tmp_path / "run")
    export(model.state_dict(), found.config.model, found.meta["tokenizer"], tmp_path / "hf")
    config = json.loads((tmp_path / "hf" / "config.json").read_text())
    assert config["architectures"] == ["GLMForConditionalGeneration"]
    safetensors = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")
    stored = safetensors.load_file(str(tmp_path / "hf" / "model.safetensors"))
    assert stored["glm.transformer.layers.1.attention.query_key_value.weight"].shape == (96, 32)
    assert stored["glm.transformer.block_position_embeddings.weight"].shape[0] == 257
    assert sum(t.numel() for t in stored.values()) == sum(p.numel() for p in model.parameters())
    made = generate(model, found, [20, 21, 22], 6, seed=1)
    assert made == generate(model, found, [20, 21, 22], 6, seed=1)
    assert all(token < TOKENIZER["vocab_size"] for token in made)


def test_megatron_export_holds_the_same_tokens(make_shards: Callable[..., Path], tmp_path: Path) -> None:
    found = manifest.read_manifest(str(make_shards()))
    exported = export_megatron.export(found, "train", tmp_path / "megatron" / "train")
    assert exported == export_megatron.token_hash(found, "train")
    tokens, offsets, borders = export_megatron.read(tmp_path / "megatron" / "train")
    docs = [d for split, docs, _ in three_shards() if split == "train" for d in docs]
    assert tokens.tolist() == [t for d in docs for t in d]
    assert borders.tolist() == list(range(len(docs) + 1))
    assert (offsets // 2).tolist() == np.cumsum([0, *map(len, docs)])[:-1].tolist()
    assert (tmp_path / "megatron" / "train.idx").read_bytes()[:9] == b"MMIDIDX\x00\x00"


def test_curves_of_runs_are_drawn_beside_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, losses in {"cpm": [7.0, 5.5], "glm": [7.5, 6.0, 5.8]}.items():
        lines = [{"step": i, "split": "valid", "loss": x, "unigram_entropy": 6.5} for i, x in enumerate(losses)]
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    runs = [str(tmp_path / name) for name in ("cpm", "glm")]
    out = tmp_path / "loss.svg"
    assert main(["curves", *runs, "--out", str(out)]) == 0
    drawn = ElementTree.fromstring(out.read_text())
    lines = drawn.findall("{*}polyline")
    assert [len(line.attrib["points"].split()) for line in lines] == [2, 2, 3, 3]
    assert {"cpm valid", "glm unigram entropy"} <= {text.text for text in drawn.findall("{*}text")}
    assert main(["curves", str(tmp_path / "nowhere"), "--out", str(out)]) == 1
    assert "no metrics.jsonl" in capsys.readouterr().err


def test_curves_are_drawn_without_finite_losses() -> None:
    assert draw([]).startswith("<svg")
    assert draw([{"step": 1, "split": "train", "loss": float("nan")}]).startswith("<svg")


def test_megatron_reads_the_export(make_shards: Callable[..., Path], tmp_path: Path) -> None:
    reader = pytest.importorskip("megatron.core.datasets.indexed_dataset", reason="megatron-core is not installed")
    found = manifest.read_manifest(str(make_shards()))
    export_megatron.export(found, "train", tmp_path / "train")
    dataset = reader.IndexedDataset(str(tmp_path / "train"))
    docs = [d for split, docs, _ in three_shards() if split == "train" for d in docs]
    assert len(dataset) == len(docs)
    assert all(dataset[i].tolist() == d for i, d in enumerate(docs))
