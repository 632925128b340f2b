"""Text from checkpoints: what a model is asked, and the same text from the same seed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trainer_token_shards import EOD, TOKENIZER

torch = pytest.importorskip("torch", reason="torch is not installed (extra 'train')")

from corpus.errors import ConfigError  # noqa: E402
from trainer.blank_infilling import GlmTokens, build_blocks, build_prefix  # noqa: E402
from trainer.generate import _batch, generate, load_model, serve  # noqa: E402
from trainer.objectives import SpecialTokens  # noqa: E402
from trainer.presets import preset  # noqa: E402
from trainer.train import Trainer  # noqa: E402

SPECIAL = TOKENIZER["special_ids"]
SMALL = ["model.layers=1", "model.hidden=32", "optim.batch=4", "optim.micro_batch=4", "optim.steps=2"]
QUIET = ["run.tensorboard=false", "run.eval_samples=4", "data.extent_documents=16"]


def trained(kind: str, tokens: Path, out: Path, *changes: str) -> Path:
    trainer = Trainer(preset(f"{kind}-tiny").override([*SMALL, *QUIET, *changes]), str(tokens), out)
    trainer.prepare()
    trainer.run()
    return out


@pytest.mark.parametrize("kind", ["cpm", "glm"])
def test_the_same_seed_gives_the_same_text(kind: str, make_shards: Callable[..., Path], tmp_path: Path) -> None:
    model, found = load_model(trained(kind, make_shards(), tmp_path / "run"))
    runs = [generate(model, found, [20, 21, 22], 12, seed=seed) for seed in (3, 3, 4, 5)]
    assert runs[0] == runs[1]
    assert len({tuple(run) for run in runs}) > 1
    assert all(token < TOKENIZER["vocab_size"] and token not in SPECIAL.values() for run in runs for token in run)
    greedy = [generate(model, found, [20, 21, 22], 5, temperature=0.0, seed=seed) for seed in (0, 1)]
    assert greedy[0] == greedy[1]


def test_samples_do_not_depend_on_how_many_are_asked_for(make_shards: Callable[..., Path], tmp_path: Path) -> None:
    run = trained("cpm", make_shards(), tmp_path / "run")
    options: dict[str, Any] = {"device": "cpu", "length": 6, "temperature": 0.8, "top_k": 40}
    about, *both = serve(["[20, 21]\n", "[40]\n"], run, count=2, seed=7, **options)
    _, alone = serve(["[40]\n"], run, count=1, seed=8, **options)
    assert both[3] == alone
    described = json.loads(about)
    assert described["preset"] == "cpm-tiny"
    assert described["step"] == 2
    assert described["tokenizer"]["sha256"] == TOKENIZER["sha256"]


def test_prompts_stand_as_in_training(make_shards: Callable[..., Path]) -> None:
    """A continued text is laid out as document mode does it, a filled mask as token mode does it."""
    special = SpecialTokens.of(TOKENIZER, "glm")
    assert special.glm is not None
    glm: GlmTokens = special.glm
    made = [30, 31]
    expected = build_prefix(np.array([glm.cls, 20, 21, *made, EOD]), 3, glm)
    found = _batch([glm.cls, 20, 21, glm.gmask], made, special)
    for name in ("ids", "positions", "block_positions"):
        assert getattr(found, name)[0].tolist() == getattr(expected, name).tolist(), name
    assert set(found.context_end[0].tolist()) == {expected.separator}
    text = np.array([glm.cls, 20, *made, 22, EOD])
    blank = build_blocks(text, [(2, 4)], [0], glm.mask, glm, None)
    found = _batch([glm.cls, 20, glm.mask, 22, EOD], made, special)
    for name in ("ids", "positions", "block_positions"):
        assert getattr(found, name)[0].tolist() == getattr(blank, name).tolist(), name
    assert set(found.context_end[0].tolist()) == {blank.separator}


def test_what_cannot_be_continued_is_one_sentence(make_shards: Callable[..., Path], tmp_path: Path) -> None:
    tokens = make_shards()
    cpm = load_model(trained("cpm", tokens, tmp_path / "cpm"))
    with pytest.raises(ConfigError, match="the prompt is empty"):
        generate(*cpm, [], 3)
    with pytest.raises(ConfigError, match="300 tokens, too many for a model of 256 positions"):
        generate(*cpm, [20] * 300, 3)
    assert len(generate(*cpm, [20] * 254, 30)) <= 3
    glm = load_model(trained("glm", tokens, tmp_path / "glm"))
    with pytest.raises(ConfigError, match="2 masks"):
        generate(*glm, [20, SPECIAL["mask"], 21, SPECIAL["smask"]], 3)
    generate(*glm, [], 3)
    whole = load_model(trained("cpm", tokens, tmp_path / "whole", "objective.document_mask=false"))
    generate(*whole, [], 3)
    with pytest.raises(ConfigError, match="no such kind of device"):
        load_model(tmp_path / "cpm", "abacus")
    with pytest.raises(ConfigError, match="no checkpoint here"):
        load_model(tmp_path / "nowhere")
