"""Datasets over the token shards of tests, small enough that an epoch has several blocks."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from trainer_token_shards import EOD

from trainer import manifest
from trainer.config import DataConfig, TrainConfig
from trainer.data import TokenDataset
from trainer.presets import preset

SMALL = DataConfig(extent_documents=16, block_extents=4, seed=7)


def dataset(folder: Path, length: int = 32, split: str = "train", **changes: object) -> TokenDataset:
    return TokenDataset(
        manifest.read_manifest(str(folder)),
        split,
        length,
        dataclasses.replace(SMALL, **changes),  # type: ignore[arg-type]
    )


def configuration(kind: str, **data: object) -> TrainConfig:
    config = preset("glm-tiny" if kind == "glm" else "cpm-tiny")
    return dataclasses.replace(
        config,
        objective=dataclasses.replace(config.objective, kind=kind, length=48),
        data=dataclasses.replace(SMALL, **data),  # type: ignore[arg-type]
        optim=dataclasses.replace(config.optim, batch=16, micro_batch=4),
    )


def split_documents(stream: list[int]) -> list[tuple[int, ...]]:
    result, document = [], []
    for token in stream:
        document.append(token)
        if token == EOD:
            result.append(tuple(document))
            document = []
    return result
