"""Frequencies of targets, and models that begin with them."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tiny_runs import tiny, train

torch = pytest.importorskip("torch", reason="torch is not installed (extra 'train')")

from trainer.logs import read_metrics  # noqa: E402
from trainer.model import Transformer  # noqa: E402
from trainer.train import Trainer  # noqa: E402
from trainer.unigrams import SMOOTHING, entropy, start_from, target_counts  # noqa: E402


def test_entropy() -> None:
    assert entropy(np.array([5, 5, 0, 5, 5])) == pytest.approx(math.log(4))
    assert entropy(np.array([0, 7])) == 0.0
    assert entropy(np.array([3, 1])) == pytest.approx(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))


@pytest.mark.parametrize("kind", ["causal", "glm"])
def test_counts_are_of_the_targets_of_the_split(kind: str, make_shards: Callable[..., Path], tmp_path: Path) -> None:
    trainer = Trainer(tiny(kind), str(make_shards()), tmp_path / "run")
    trainer.prepare()
    vocab = trainer.config.model.vocab
    counts = target_counts(trainer.builder, vocab, 1 << 20)
    assert counts.shape == (vocab,)
    tokens = trainer.builder.dataset.tokens
    assert 0 < counts.sum() <= tokens + trainer.config.objective.length * 64
    assert target_counts(trainer.builder, vocab, 1000).sum() < counts.sum()


def test_a_model_begins_with_the_frequencies() -> None:
    model = Transformer(tiny(model__vocab=300).model)
    model.initialise(1)
    counts = (5_000 / np.arange(1, 301)).astype(np.int64)
    counts[17] = 0
    start_from(model, counts)
    share = (counts + SMOOTHING) / (counts + SMOOTHING).sum()
    hidden = model.norm(torch.randn(64, model.config.hidden))
    predicted = (hidden @ model.tokens.weight.t()).softmax(dim=-1).mean(dim=0).detach().numpy()
    assert np.abs(np.log(predicted / share)).max() < 0.1


@pytest.mark.parametrize("kind", ["causal", "glm"])
def test_runs_begin_below_those_that_do_not_know(kind: str, make_shards: Callable[..., Path], tmp_path: Path) -> None:
    tokens = make_shards()
    first = {}
    for start in (True, False):
        out = tmp_path / str(start)
        train(tiny(kind, optim__steps=1, optim__unigram_start=start), tokens, out)
        first[start] = next(line["loss"] for line in read_metrics(out) if line["split"] == "train")
    assert first[True] < first[False]
