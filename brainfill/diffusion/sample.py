"""The one sampling loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

from torch import Tensor

from brainfill.diffusion.denoiser import Condition, Denoiser, Estimate
from brainfill.diffusion.levels import Level
from brainfill.diffusion.noise import Noise
from brainfill.diffusion.plans import Move
from brainfill.diffusion.projectors import Projector

Denoise = Callable[[Tensor, Level], Estimate]


class Sampler(Protocol):
    """Moves x from one level to another with the help of a denoiser."""

    def reset(self) -> None:
        """Forget earlier steps; called at the start and after fresh noise."""

    def step(self, denoise: Denoise, x: Tensor, now: Level, then: Level, noise: Noise) -> Tensor:
        """x (B, C, *S) at level `now` to level `then`; same shape."""


def sample(
    denoiser: Denoiser,
    x: Tensor,
    plan: Sequence[Move],
    sampler: Sampler,
    noise: Noise,
    cond: Condition,
    projector: Projector | None = None,
    watch: Callable[[int, Tensor], None] | None = None,
) -> Tensor:
    """Walk x (B, C, *S), given at the first move's level, along the plan; same shape.

    Args:
        denoiser: estimates the clean tensor.
        x: where to start.
        plan: the moves.
        sampler: how to take a denoising or encoding move.
        noise: source of standard normal tensors.
        cond: passed to the denoiser at every call.
        projector: applied after every move.
        watch: called with the move's number and x after every move.
    """
    sampler.reset()
    for turn, move in enumerate(plan):
        if move.kind == "renoise":
            x = renoise(x, move.now, move.then, noise)
            sampler.reset()
        elif move.kind == "estimate":
            x = denoiser(x, move.now, cond, turn=turn).clean
        else:

            def denoise(x: Tensor, level: Level, turn: int = turn) -> Estimate:
                return denoiser(x, level, cond, turn=turn)

            x = sampler.step(denoise, x, move.now, move.then, noise)
        if projector is not None:
            x = projector(x, move.then, noise)
        if watch is not None:
            watch(turn, x)
    return x


def renoise(x: Tensor, now: Level, then: Level, noise: Noise) -> Tensor:
    """One forward step of the noising process from `now` to the noisier `then`."""
    scale = then.alpha / now.alpha
    added = then.sigma**2 - (scale * now.sigma) ** 2
    return scale * x + math.sqrt(max(added, 0.0)) * noise(x)
