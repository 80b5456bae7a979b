"""Guidance is a denoiser around a denoiser: it moves the clean estimate towards what is wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from brainfill.core.config import check_ranges, option
from brainfill.diffusion.denoiser import Condition, Denoiser, Estimate, preserving, time_index
from brainfill.diffusion.levels import Level, Schedule

Judge = Callable[[Tensor, Level], Tensor]
"""What a network says of x (B, C, *S) at a level, differentiable in x."""

Ask = Callable[[Condition], Estimate]
"""The denoiser once more, of the same x, told something else."""


class Guide(Protocol):
    """What one wish changes of a clean estimate."""

    def __call__(
        self, x: Tensor, level: Level, cond: Condition, said: Estimate, ask: Ask
    ) -> Tensor:
        """The change (B, C, *S) of `said`, the estimate of x at `level`; `ask` for another condition's."""


def guided(denoiser: Denoiser, guides: Sequence[Guide]) -> Denoiser:
    """The denoiser with its clean estimate changed by every guide; their order does not matter."""

    def run(x: Tensor, level: Level, cond: Condition, *, turn: int = 0) -> Estimate:
        def ask(cond: Condition) -> Estimate:
            return denoiser(x, level, cond, turn=turn)

        said = ask(cond)
        changes = [guide(x, level, cond, said, ask) for guide in guides]
        return said._replace(clean=sum(changes, start=said.clean))

    return run


def judge(net: nn.Module, schedule: Schedule) -> Judge:
    """A network of noisy images, trained with `schedule`, as one that understands any level."""

    def run(x: Tensor, level: Level) -> Tensor:
        own = preserving(level)
        output: Tensor = net(x * (own.alpha / level.alpha), time_index(schedule, level, x))
        return output

    return run


@dataclass(frozen=True, kw_only=True)
class GradientConfig:
    """Options of guidance that climbs a likelihood."""

    strength: float = option(1.0, "weight of the wish; 1 is its own likelihood", low=0.0, high=1e6)
    scale: Literal["likelihood", "rms"] = option(
        "likelihood",
        "weigh the gradient as it is, or make its root mean square that of the estimated noise first",
    )

    def __post_init__(self) -> None:
        check_ranges(self)


def climbing(likelihood: Judge, config: GradientConfig) -> Guide:
    """A guide along the gradient of a log-likelihood of what is wanted.

    The noise loses strength * sigma * gradient, so the clean estimate gains sigma^2 / alpha of it
    (Dhariwal and Nichol 2021, algorithm 2, https://arxiv.org/abs/2105.05233); with the likelihood of
    the noisy image and strength 1 that is the estimate under Bayes' rule. Scaled by root mean
    squares, wishes of different kinds weigh alike, and strength is a share of the noise.

    Args:
        likelihood: log p(wanted | x at a level), (B,) or (B, ...), up to a constant.
        config: strength and scale.
    """

    def guide(
        x: Tensor,
        level: Level,
        cond: Condition,  # noqa: ARG001 - protocol
        said: Estimate,
        ask: Ask,  # noqa: ARG001 - protocol
    ) -> Tensor:
        with torch.enable_grad():  # sampling itself needs none
            noisy = x.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(likelihood(noisy, level).sum(), noisy)
        if config.scale == "likelihood":
            return config.strength * level.sigma**2 / level.alpha * gradient
        noise = (x - level.alpha * said.clean) / level.sigma
        even = gradient / rms(gradient).clamp(min=torch.finfo(x.dtype).tiny)
        return config.strength * level.sigma / level.alpha * rms(noise) * even

    return guide


def rms(x: Tensor) -> Tensor:
    """Root mean square of each item of x (B, ...), as (B, 1, ...)."""
    return x.square().mean(dim=tuple(range(1, x.ndim)), keepdim=True).sqrt()
