"""What a run is for others: Hugging Face models with the same output, Megatron files with the same tokens."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tiny_runs import tiny, train
from trainer_token_shards import EOD, TOKENIZER, three_shards

torch = pytest.importorskip("torch", reason="torch is not installed (extra 'train')")

from trainer import export_megatron, manifest  # noqa: E402
from trainer.__main__ import main  # noqa: E402
from trainer.export_huggingface import export  # noqa: E402
from trainer.generate import generate, load_model  # noqa: E402


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
    ours, found = load_model(tmp_path / "run")
    prompt = [20, 30, 40]
    theirs = model.generate(torch.tensor([prompt]), max_new_tokens=5, do_sample=False, eos_token_id=EOD)[0, 3:].tolist()
    assert generate(ours, found, prompt, 5, temperature=0.0) == [t for t in theirs if t != EOD]
    assert main(["train", tokens, "--out", run, "--preset", "nothing"]) == 1
    assert "error: there is no preset 'nothing'" in capsys.readouterr().err


def test_glm_export_has_the_published_names(make_shards: Callable[..., Path], tmp_path: Path) -> None:
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


def test_megatron_reads_the_export(make_shards: Callable[..., Path], tmp_path: Path) -> None:
    reader = pytest.importorskip("megatron.core.datasets.indexed_dataset", reason="megatron-core is not installed")
    found = manifest.read_manifest(str(make_shards()))
    export_megatron.export(found, "train", tmp_path / "train")
    dataset = reader.IndexedDataset(str(tmp_path / "train"))
    docs = [d for split, docs, _ in three_shards() if split == "train" for d in docs]
    assert len(dataset) == len(docs)
    assert all(dataset[i].tolist() == d for i, d in enumerate(docs))
