"""``wudao generate``: the command has the tokenizer, the trainer's process the weights."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed (extra 'train')")
pytest.importorskip("sentencepiece", reason="sentencepiece is not installed")

import tokenizer_training
from corpus.config.tokenizer import TokenizerSettings
from corpus.errors import BuildError, ConfigError
from pipelines.commands.generate import encode_prompt, fill, generate_command
from trainer.presets import preset
from trainer.train import Trainer

TEXTS = [
    f"{who}在{where}{what}，{end}。\n"
    for who in ("邮递员", "老师傅", "气象站的姑娘")
    for where in ("渡口", "山脚下", "旧仓库", "车站")
    for what in ("等一封信", "修一台水泵", "记下风向")
    for end in ("直到天黑", "谁也没有说话", "雨就停了")
]
SETTINGS = TokenizerSettings(vocabulary_size=420, minimum_characters_per_piece=1)
QUICK = ["--length", "8", "--temperature", "1.0", "--top-k", "0"]


@pytest.fixture
def output(make_shards: Callable[..., Path], tmp_path: Path) -> Path:
    """A build's folder with a tokenizer, and a GLM trained for two steps."""
    folder = tmp_path / "out" / "tokenizer" / "glm"
    tokenizer_training.train("glm", iter(TEXTS), folder, SETTINGS)
    tokenizer = tokenizer_training.load(folder)
    ids = [[*tokenizer.encode(text), tokenizer.eod_id] for text in TEXTS]
    shards = [("train", ids[:90], [-1] * 90), ("valid", ids[90:], [-1] * (len(ids) - 90))]
    tokens = make_shards("out/tokens", shards, tokenizer={**tokenizer.meta, "sha256": tokenizer.sha256})
    changes = ["model.layers=1", "model.hidden=32", "optim.batch=4", "optim.micro_batch=4", "optim.steps=2"]
    config = preset("glm-tiny").override([*changes, "run.tensorboard=false", "run.eval_samples=4"])
    trainer = Trainer(config, str(tokens), tmp_path / "out" / "runs" / "glm-tiny")
    trainer.prepare()
    trainer.run()
    return tmp_path / "out"


def test_the_command_continues_and_fills_and_repeats_itself(output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = output / "runs" / "glm-tiny"
    prompts = ["邮递员在渡口", "老师傅在[MASK]修一台水泵。"]
    command = [sys.executable, "-m", "pipelines.cli", "generate", str(run), "-n", "2", "--seed", "5", *QUICK]
    command += [part for prompt in prompts for part in ("--prompt", prompt)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split("\n\n[")
    assert lines[0].startswith("glm-tiny  step 2  tokenizer glm-")
    assert len(lines) == 5
    assert all("邮递员在渡口" in line for line in lines[1:3])
    assert all("老师傅在【" in line and "】修一台水泵。" in line for line in lines[3:])
    capsys.readouterr()
    generate_command(run, output / "tokenizer" / "glm", prompts, ["--seed", "5", *QUICK], 2)
    assert capsys.readouterr().out == done.stdout
    generate_command(run, None, prompts[:1], ["--seed", "6", *QUICK], 1)  # sample 2 above had seed 5 + 1
    assert capsys.readouterr().out.partition("[1] ")[2].strip() == lines[2].partition("] ")[2].strip()


def test_what_is_wrong_is_one_sentence(output: Path, tmp_path: Path) -> None:
    run = output / "runs" / "glm-tiny"
    other = tmp_path / "other"
    tokenizer_training.train("glm", iter(TEXTS[:50]), other, SETTINGS)
    with pytest.raises(ConfigError, match=r"trained with the tokenizer glm-.*other is another; name its folder"):
        generate_command(run, other, ["雨"], QUICK, 1)
    with pytest.raises(ConfigError, match="holds none"):
        generate_command(run, tmp_path / "nowhere", ["雨"], QUICK, 1)
    with pytest.raises(BuildError, match="no checkpoint here; name a run's folder"):
        generate_command(tmp_path / "nowhere", other, ["雨"], QUICK, 1)
    with pytest.raises(BuildError, match="2 masks, but one at a time"):
        generate_command(run, None, ["[MASK]雨[gMASK]"], QUICK, 1)


def test_masks_are_text_for_a_model_without_them(output: Path) -> None:
    tokenizer = tokenizer_training.load(output / "tokenizer" / "glm")
    special = tokenizer.special_ids
    assert encode_prompt(tokenizer, "雨[sMASK]停", "glm").count(special["smask"]) == 1
    assert encode_prompt(tokenizer, "雨[sMASK]停", "causal") == tokenizer.encode("雨[sMASK]停")
    assert fill(tokenizer, "雨[gMASK]停", tokenizer.encode("就"), "glm") == "雨【就】停"
    assert fill(tokenizer, "雨[gMASK]停", tokenizer.encode("了"), "causal") == "雨[gMASK]停了"
    assert fill(tokenizer, "雨", tokenizer.encode("停了"), "glm") == "雨停了"
