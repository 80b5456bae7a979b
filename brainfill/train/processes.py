"""Several processes that train one network together, as torchrun launches them; or one alone."""

from __future__ import annotations

import os
from collections.abc import Iterable

import torch
from torch import Tensor, distributed

from brainfill.core.errors import ConfigError


def join_workers(device: str, batch: int) -> str:
    """Join the other processes when launched by torchrun; the device of this process.

    Raises:
        ConfigError: the batch cannot be divided equally among the processes.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return device
    if batch % world:
        msg = f"a batch of {batch} crops cannot be divided among {world} processes"
        raise ConfigError(msg, f"for example train.batch={batch + world - batch % world}")
    cuda = device.startswith("cuda")
    distributed.init_process_group("nccl" if cuda else "gloo")
    return f"cuda:{os.environ['LOCAL_RANK']}" if cuda else device


def leave_workers() -> None:
    """Take leave of the other processes, if there are any."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def any_process(flag: bool, device: str | torch.device) -> bool:
    """Whether `flag` holds in this or another process, so that all stop at the same step."""
    if not distributed.is_initialized():
        return flag
    shared = torch.tensor(float(flag), device=device)
    distributed.all_reduce(shared, distributed.ReduceOp.MAX)
    return bool(shared)


def is_main_process() -> bool:
    """Whether this process is the one that writes files."""
    return rank_and_world()[0] == 0


def rank_and_world() -> tuple[int, int]:
    """Number of this process, from 0, and how many there are."""
    if not distributed.is_initialized():
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()


def average(tensors: Iterable[Tensor], world: int) -> None:
    """Replace each tensor by its mean over all processes."""
    for tensor in tensors:
        distributed.all_reduce(tensor)
        tensor.div_(world)
