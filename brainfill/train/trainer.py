"""The training loop, as a generator that reports after every step."""

from __future__ import annotations

import importlib
import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, distributed

from brainfill.core.errors import ConfigError
from brainfill.models._inpainter import Inpainter
from brainfill.segmentation._base import Segmenter
from brainfill.train.batches import draw_batches, pooled
from brainfill.train.config import LoopConfig, SegmentConfig, TrainConfig
from brainfill.train.labelled import LabelledPack
from brainfill.train.labelled_examples import draw_labelled
from brainfill.train.lesioned import LesionedPack
from brainfill.train.pack import Pack
from brainfill.train.state import RunState, diverged, finite

_COMPILER_FOLDER = "TORCHINDUCTOR_CACHE_DIR"


class Report(NamedTuple):
    """One finished step: its number from 1, the loss and the learning rate."""

    step: int
    loss: float
    rate: float


def new_state(model: Inpainter | Segmenter, config: LoopConfig) -> RunState:
    """A run at step 0, its weights drawn from the seed."""
    _load_compiler()
    optimizer = torch.optim.AdamW(
        model.net.parameters(),
        lr=config.rate,
        betas=(0.9, 0.99),
        weight_decay=config.weight_decay,
    )
    return RunState(model.net, optimizer)


def _load_compiler() -> None:
    """Load torch's compiler, as the first optimiser of a process does, without the folder it makes for itself."""
    if "torch._dynamo" in sys.modules:
        return
    with tempfile.TemporaryDirectory(prefix="brainfill-") as folder:
        before = os.environ.get(_COMPILER_FOLDER)
        os.environ[_COMPILER_FOLDER] = folder
        try:
            importlib.import_module("torch._dynamo")
        finally:
            del os.environ[_COMPILER_FOLDER]
            if before is not None:
                os.environ[_COMPILER_FOLDER] = before


def train(
    inpainter: Inpainter, pack: Pack | LesionedPack, config: TrainConfig, state: RunState
) -> Iterator[Report]:
    """Train an inpainter from `state` to the last step, one report per step.

    Args:
        inpainter: the family; its network is the one in `state`.
        pack: where examples come from.
        config: how to train.
        state: changed in place.
    """
    rank, world = _rank_and_world()
    size = config.batch // world
    batches = draw_batches(pack, inpainter.config, config, size, rank, state.step)

    def loss(rng: np.random.Generator, device: torch.device) -> Callable[[], Tensor]:
        image, hole, first = next(batches)
        # One draw per equal slice of (0, 1] keeps every batch spread over the noise levels.
        times = (np.arange(size) + 1 - rng.random(size)) / size
        t = torch.from_numpy(np.where(rng.random(size) < config.noisiest, 1.0, times))
        noise = torch.from_numpy(rng.standard_normal(image.shape, dtype=np.float32))
        image, first, hole, noise = (v.to(device) for v in (image, first, hole, noise))
        return lambda: inpainter.loss(image, first, hole, t, noise, config.ring)

    return _optimised(loss, config, state)


def train_segmenter(
    segmenter: Segmenter, pack: LabelledPack, config: SegmentConfig, state: RunState
) -> Iterator[Report]:
    """Train a segmenter from `state` to the last step, one report per step.

    Args:
        segmenter: its network is the one in `state`.
        pack: where examples come from.
        config: how to train.
        state: changed in place.
    """
    rank, world = _rank_and_world()
    draw = partial(draw_labelled, pack, segmenter.config, config.looks)
    batches = pooled(draw, config, config.batch // world, rank, state.step)

    def loss(rng: np.random.Generator, device: torch.device) -> Callable[[], Tensor]:  # noqa: ARG001 - examples draw from their own
        batch = next(batches).to(device)
        return lambda: segmenter.loss(batch[:, :1], batch[:, 1:])

    return _optimised(loss, config, state)


def _optimised(
    loss_of_step: Callable[[np.random.Generator, torch.device], Callable[[], Tensor]],
    config: LoopConfig,
    state: RunState,
) -> Iterator[Report]:
    """Take the remaining steps.

    Every draw of a step depends on the seed, the rank and the step alone, so a run that was
    interrupted and continued equals one that was not.

    Args:
        loss_of_step: draws what a step needs, then gives the function that computes its loss.
        config: how to train.
        state: changed in place.
    """
    rank, world = _rank_and_world()
    device = next(state.net.parameters()).device
    half = arithmetic(config.precision, device) == "bfloat16"
    autocast = torch.autocast(device.type, dtype=torch.bfloat16, enabled=half)
    state.net.train()
    while state.step < config.steps:
        rng = np.random.default_rng([config.seed, rank, 1, state.step])
        compute = loss_of_step(rng, device)
        torch.manual_seed(int(rng.integers(2**62)))  # dropout draws from torch itself
        rate = learning_rate(config, state.step)
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        with autocast:
            loss = compute()
        # All processes stop together; one that went on would wait for the others for ever.
        if any_process(not finite(loss.detach()), device):
            raise diverged(state.step)
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if world > 1:
            _average_gradients(state.net, world)
        torch.nn.utils.clip_grad_norm_(state.net.parameters(), config.clip)
        state.optimizer.step()
        state.step += 1
        state.update_ema(config.ema)
        yield Report(state.step, float(loss.detach()), rate)


def arithmetic(precision: str, device: torch.device) -> str:
    """The arithmetic of a run, "bfloat16" or "float32": what `auto` means on this device.

    A processor without bfloat16 imitates it ten times slower than it computes in float32.
    """
    if precision != "auto":
        return precision
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()
    return "bfloat16" if native else "float32"


def learning_rate(config: LoopConfig, step: int) -> float:
    """Linear warm-up, then half a cosine down to 1 % of the peak at the last step."""
    if step < config.warmup:
        return config.rate * (step + 1) / config.warmup
    progress = (step - config.warmup) / max(config.steps - config.warmup, 1)
    return config.rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))


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
    return _rank_and_world()[0] == 0


def _rank_and_world() -> tuple[int, int]:
    if not distributed.is_initialized():
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()


def _average_gradients(net: torch.nn.Module, world: int) -> None:
    for p in net.parameters():
        if p.grad is not None:
            distributed.all_reduce(p.grad)
            p.grad /= world
