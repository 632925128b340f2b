"""Whole runs on a CPU: resume, refusals, ranks, learning."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_runs import tiny, train
from trainer_token_shards import TOKENIZER, documents, three_shards

torch = pytest.importorskip("torch", reason="torch is not installed (extra 'train')")

from corpus.errors import ConfigError, CorruptionError  # noqa: E402
from trainer import checkpoint  # noqa: E402
from trainer.config import TrainConfig  # noqa: E402
from trainer.logs import read_metrics  # noqa: E402
from trainer.train import Trainer, TrainingError  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[2]


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
