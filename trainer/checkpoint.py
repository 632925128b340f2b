"""Checkpoints: sharded over ranks, whole or not there, refused where they do not belong to the run.

A checkpoint is written into a folder with a name that nobody reads, and
renamed when every rank has finished and ``checkpoint.json`` is in it. The
arrays are in PyTorch's distributed format and load on any number of ranks.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.distributed.checkpoint import state_dict_loader, state_dict_saver
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_state_dict,
    set_model_state_dict,
    set_state_dict,
)

from corpus.errors import ConfigError, CorruptionError
from trainer.config import TrainConfig
from trainer.distributed import Place

_NAME = re.compile(r"step-(\d{9})")
_FILE = "checkpoint.json"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on disk and what it says about itself."""

    path: Path
    meta: dict[str, Any]

    @property
    def config(self) -> TrainConfig:
        """The configuration that it was written under."""
        return TrainConfig.from_dict(self.meta["config"])


def latest(folder: Path) -> Checkpoint | None:
    """Return the newest complete checkpoint in ``folder`` (a run's ``checkpoints``), or None."""
    if not folder.is_dir():
        return None
    names = sorted(name for name in os.listdir(folder) if _NAME.fullmatch(name) and (folder / name / _FILE).is_file())
    return read(folder / names[-1]) if names else None


def read(path: Path) -> Checkpoint:
    """Read a checkpoint's description; ``path`` may also be a run's folder.

    Raises:
        ConfigError: there is no checkpoint.
        CorruptionError: its description cannot be read.
    """
    if not (path / _FILE).is_file():
        found = latest(path / "checkpoints") or latest(path)
        if found is None:
            raise ConfigError(f"{path}: no checkpoint here; name a run's folder or one of its checkpoints/step-*")
        return found
    try:
        meta = json.loads((path / _FILE).read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise CorruptionError(f"{path / _FILE}: not valid JSON ({error})") from None
    if meta.get("format_version") != FORMAT_VERSION:
        raise ConfigError(
            f"{path}: checkpoint format {meta.get('format_version')}, this program reads {FORMAT_VERSION}"
        )
    return Checkpoint(path, meta)


def check_resume(found: Checkpoint, config: TrainConfig, tokenizer_sha256: str, data_hash: str) -> None:
    """Check that a run may go on from a checkpoint.

    Raises:
        ConfigError: the first thing that differs, in one sentence.
    """
    _check_tokenizer(found, tokenizer_sha256)
    if found.meta["resume_hash"] != config.resume_hash():
        changed = _difference(found.meta["config"], config.to_dict())
        raise ConfigError(
            f"{found.path} was written under another configuration ({changed}); "
            f"restore it, choose another --out, or start from its weights with --init-from"
        )
    if found.meta["data_hash"] != data_hash:
        raise ConfigError(
            f"{found.path} was written while training on other token shards (root hash {found.meta['data_hash'][:12]}, "
            f"now {data_hash[:12]}); choose another --out, or start from its weights with --init-from"
        )


def check_weights(found: Checkpoint, config: TrainConfig, tokenizer_sha256: str) -> None:
    """Check that a model may start from a checkpoint's weights.

    Raises:
        ConfigError: the first thing that differs, in one sentence.
    """
    _check_tokenizer(found, tokenizer_sha256)
    if found.meta["model_hash"] != config.model_hash():
        changed = _difference({"model": found.meta["config"]["model"]}, {"model": config.to_dict()["model"]})
        raise ConfigError(f"{found.path} holds another model ({changed})")


def _check_tokenizer(found: Checkpoint, sha256: str) -> None:
    if found.meta["tokenizer_sha256"] != sha256:
        raise ConfigError(
            f"{found.path} was trained with the tokenizer {found.meta['tokenizer_sha256'][:12]}, "
            f"these shards were made with {sha256[:12]}: tokenise the corpus with the checkpoint's tokenizer"
        )


def _difference(old: dict[str, Any], new: dict[str, Any]) -> str:
    for section, values in old.items():
        if isinstance(values, dict):
            for key, value in values.items():
                if new.get(section, {}).get(key) != value and section != "run":
                    return f"{section}.{key} was {value!r}, is {new[section].get(key)!r}"
    return "unknown"


def save(
    folder: Path,
    step: int,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    meta: dict[str, Any],
    place: Place,
    keep: int,
) -> Path:
    """Write the checkpoint of ``step`` and remove all but the ``keep`` newest; called by every rank."""
    final = folder / f"step-{step:09d}"
    partial = folder / f".{final.name}.partial"
    if place.first:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
    place.barrier()
    weights, state = get_state_dict(model, optimizer)
    with _quiet():
        both = {"model": weights, "optimizer": state}
        state_dict_saver.save(both, checkpoint_id=str(partial), no_dist=place.world == 1)
    place.barrier()
    if place.first:
        text = json.dumps({"format_version": FORMAT_VERSION, **meta}, indent=1, sort_keys=True)
        (partial / _FILE).write_text(text + "\n", encoding="utf-8")
        for path in partial.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        if final.exists():
            shutil.rmtree(final)
        os.replace(partial, final)
        complete = sorted(name for name in os.listdir(folder) if _NAME.fullmatch(name))
        for name in complete[:-keep]:
            shutil.rmtree(folder / name)
    place.barrier()
    return final


def restore(found: Checkpoint, model: nn.Module, optimizer: torch.optim.Optimizer, place: Place) -> None:
    """Load weights and optimiser state in place."""
    weights, state = get_state_dict(model, optimizer)
    both: dict[str, Any] = {"model": weights, "optimizer": state}
    _load(found, both, place)
    set_state_dict(model, optimizer, model_state_dict=both["model"], optim_state_dict=both["optimizer"])


def restore_weights(found: Checkpoint, model: nn.Module, place: Place) -> None:
    """Load the weights only."""
    weights = {"model": get_model_state_dict(model)}
    _load(found, weights, place)
    set_model_state_dict(model, weights["model"], options=StateDictOptions(strict=True))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without torch's warning that a process of its own saves alone: ``no_dist`` says so on purpose."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")
        yield


def _load(found: Checkpoint, state: dict[str, Any], place: Place) -> None:
    try:
        with _quiet():
            state_dict_loader.load(state, checkpoint_id=str(found.path), no_dist=place.world == 1)
    except (CheckpointException, RuntimeError, OSError, EOFError, KeyError, ValueError) as error:
        raise CorruptionError(
            f"{found.path}: the checkpoint cannot be read; remove it to go on from the one before"
        ) from error
