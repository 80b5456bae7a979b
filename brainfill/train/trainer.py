"""The training loop, as a generator that reports after every step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch

from brainfill.train.batches import draw_batches
from brainfill.train.config import LoopConfig
from brainfill.train.learners._base import Learner, Turn
from brainfill.train.processes import any_process, average, rank_and_world
from brainfill.train.state import RunState, diverged, finite


class Report(NamedTuple):
    """One finished step: its number from 1, the mean of each loss by name, and the learning rate."""

    step: int
    losses: Mapping[str, float]
    rate: float


def train(learner: Learner, config: LoopConfig, state: RunState) -> Iterator[Report]:
    """Take the remaining steps of a run, one report per step.

    Every draw of a step depends on the seed, the rank and the step alone, so a run that was
    interrupted and continued equals one that was not.

    Args:
        learner: its networks and optimisers are those in `state`.
        config: how to train.
        state: changed in place.

    Raises:
        DataError: the training has diverged.
    """
    rank, world = rank_and_world()
    device = next(state.net.parameters()).device
    half = arithmetic(config.precision, device) == "bfloat16"
    autocast = torch.autocast(device.type, dtype=torch.bfloat16, enabled=half)
    batches = draw_batches(learner.examples(), config, config.batch // world, rank, state.step)
    state.net.train()
    while state.step < config.steps:
        rng = np.random.default_rng([config.seed, rank, 1, state.step])
        batch = {name: values.to(device) for name, values in next(batches).items()}
        turns = learner.turns(batch, rng)
        torch.manual_seed(int(rng.integers(2**62)))  # dropout draws from torch itself
        state.set_rates(lambda peak: learning_rate(config, state.step, peak))
        losses: dict[str, list[float]] = {}
        for turn in turns:
            loss = _take(turn, config, state, autocast, world)
            losses.setdefault(turn.name, []).append(loss)
        if world > 1:
            average([b for b in state.net.buffers() if b.is_floating_point()], world)
        state.step += 1
        state.update_ema(config.ema)
        means = {name: sum(values) / len(values) for name, values in losses.items()}
        yield Report(state.step, means, learning_rate(config, state.step - 1))


def _take(
    turn: Turn, config: LoopConfig, state: RunState, autocast: torch.autocast, world: int
) -> float:
    """Move the parameters of one optimiser down the gradient of its loss, which is returned."""
    with autocast:
        loss = turn.loss()
    # All processes stop together; one that went on would wait for the others for ever.
    if any_process(not finite(loss.detach()), loss.device):
        raise diverged(state.step)
    # Of all networks, since the loss of one may lead through another.
    state.net.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    moved = [p for group in turn.optimizer.param_groups for p in group["params"]]
    if world > 1:
        average([p.grad for p in moved if p.grad is not None], world)
    # Weights stay as they are, and can be saved, where a gradient is not finite though its loss is.
    if any_process(not finite(torch.nn.utils.clip_grad_norm_(moved, config.clip)), loss.device):
        raise diverged(state.step)
    turn.optimizer.step()
    return float(loss.detach())


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


def learning_rate(config: LoopConfig, step: int, peak: float | None = None) -> float:
    """Linear warm-up, then half a cosine down to 1 % of the peak at the last step.

    Args:
        config: gives the number of steps, of those of the warm-up, and the peak.
        step: from 0.
        peak: of an optimiser that has one of its own.
    """
    peak = config.rate if peak is None else peak
    if step < config.warmup:
        return peak * (step + 1) / config.warmup
    progress = (step - config.warmup) / max(config.steps - config.warmup, 1)
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))
