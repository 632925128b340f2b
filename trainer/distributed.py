"""Ranks, devices and the wrapping of a model for several of them."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor

from corpus.errors import ConfigError
from trainer.config import RunConfig
from trainer.model import Transformer

_SHAPES = 64  # compiled variants of one function; tables of segment borders and of targets come in a few sizes


@dataclass(frozen=True)
class Place:
    """Where this process runs."""

    rank: int
    world: int
    device: torch.device
    dtype: torch.dtype

    @property
    def first(self) -> bool:
        """True on the rank that writes."""
        return self.rank == 0

    def sum(self, *values: float) -> list[float]:
        """Return the sums of ``values`` over all ranks, in double precision."""
        if self.world == 1:
            return list(values)
        tensor = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(tensor)
        summed: list[float] = tensor.tolist()
        return summed

    def barrier(self) -> None:
        """Wait for all ranks."""
        if self.world > 1:
            dist.barrier()

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context in which forward passes run."""
        if self.dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, self.dtype)


def world_size() -> int:
    """Return the number of ranks that torchrun announces, 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def start(config: RunConfig) -> Place:
    """Join the process group that torchrun set up, if any, and choose device and type.

    Raises:
        ConfigError: the device that is asked for does not exist.
    """
    rank, world = int(os.environ.get("RANK", "0")), world_size()
    local = int(os.environ.get("LOCAL_RANK", "0"))
    name = config.device if config.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("run.device=cuda, but this machine has no CUDA device; use run.device=cpu")
    device = torch.device("cuda", local) if name == "cuda" else torch.device(name)
    if device.type == "cuda":
        torch.cuda.set_device(device)
        torch.set_float32_matmul_precision("high")
    dtype = {"auto": torch.bfloat16 if device.type == "cuda" else torch.float32}.get(config.dtype)
    if world > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", rank=rank, world_size=world)
    return Place(rank, world, device, dtype or getattr(torch, config.dtype))


def stop() -> None:
    """Leave the process group."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def wrap(model: Transformer, config: RunConfig, place: Place) -> nn.Module:
    """Return the model ready for its ranks: DDP, FSDP2 (blocks, then the rest), or as it is; compiled if asked for."""
    compiled = config.compile if config.compile is not None else place.device.type == "cuda"
    if compiled:
        torch._dynamo.config.recompile_limit = _SHAPES
    if config.parallel == "fsdp" and place.world > 1:
        from torch.distributed.device_mesh import init_device_mesh

        mesh = init_device_mesh(place.device.type, (place.world,))
        policy = MixedPrecisionPolicy(param_dtype=place.dtype, reduce_dtype=torch.float32)
        for block in model.blocks:
            if compiled:
                block.compile(dynamic=False)
            fully_shard(block, mesh=mesh, mp_policy=policy)
        fully_shard(model, mesh=mesh, mp_policy=policy)
        return model
    if compiled:
        model.compile()
    if place.world == 1:
        return model
    ids = [place.device.index] if place.device.type == "cuda" else None
    return nn.parallel.DistributedDataParallel(model, device_ids=ids)


def accumulate(model: nn.Module, last: bool) -> AbstractContextManager[Any]:
    """Return the context of one micro-batch: gradients are exchanged in the last one of a step only."""
    if isinstance(model, nn.parallel.DistributedDataParallel):
        return nullcontext() if last else model.no_sync()
    if isinstance(model, FSDPModule):
        model.set_requires_gradient_sync(last)
    return nullcontext()


def clip(model: nn.Module, limit: float) -> Tensor:
    """Clip gradients to norm ``limit`` over all ranks and return the norm before."""
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), limit)
    if isinstance(norm, DTensor):  # FSDP2: spread over the ranks
        return norm.full_tensor()
    return norm
