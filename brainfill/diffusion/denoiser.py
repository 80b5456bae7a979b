"""Denoisers: from a network that predicts noise, image or velocity to an estimate of the clean image."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from brainfill.diffusion.levels import STEPS, Level, Schedule

Prediction = Literal["eps", "x0", "v"]


@dataclass(frozen=True)
class Condition:
    """What a network is told besides the noisy tensor: `channels` (B, C, *S), concatenated to it."""

    channels: Tensor | None = None


class Denoiser(Protocol):
    """Estimates the clean tensor."""

    def __call__(self, x: Tensor, level: Level, cond: Condition, *, turn: int = 0) -> Tensor:
        """x (B, C, *S) at `level` to an estimate of the clean x; `turn` counts the moves."""


def predicted_clean(output: Tensor, x: Tensor, level: Level, prediction: Prediction) -> Tensor:
    """Clean estimate from a network output, x at a variance-preserving `level` (METHODS 1.2)."""
    if prediction == "x0":
        return output
    if prediction == "eps":
        return (x - level.sigma * output) / level.alpha
    return level.alpha * x - level.sigma * output


class NetDenoiser:
    """A trained network as a denoiser; the only place that knows its time index and prediction.

    Levels of any schedule are understood: x is rescaled to the variance-preserving level with the
    same noise-to-signal ratio, and the network is told the index of that ratio in its own schedule.
    """

    def __init__(self, net: nn.Module, schedule: Schedule, prediction: Prediction) -> None:
        self.net = net
        self.schedule = schedule
        self.prediction = prediction

    def __call__(self, x: Tensor, level: Level, cond: Condition, *, turn: int = 0) -> Tensor:  # noqa: ARG002 - protocol
        """Clean estimate of x (B, C, *S) at `level`; same shape."""
        own = preserving(level)
        x = x * (own.alpha / level.alpha)
        index = self.schedule.time(level.ratio) * STEPS - 1
        t = torch.full((x.shape[0],), index, dtype=torch.float32, device=x.device)
        inputs = x if cond.channels is None else torch.cat([x, cond.channels], dim=1)
        output: Tensor = self.net(inputs, t)
        return predicted_clean(output.to(x.dtype), x, own, self.prediction)


def preserving(level: Level) -> Level:
    """The level with the same noise-to-signal ratio and alpha^2 + sigma^2 = 1."""
    norm = math.hypot(level.alpha, level.sigma)
    return Level(level.alpha / norm, level.sigma / norm)


def clipped(denoiser: Denoiser, clip: Callable[[Tensor], Tensor]) -> Denoiser:
    """The denoiser with its estimate passed through `clip`, such as a clamp to the data range."""

    def run(x: Tensor, level: Level, cond: Condition, *, turn: int = 0) -> Tensor:
        return clip(denoiser(x, level, cond, turn=turn))

    return run


def averaged(denoisers: Sequence[Denoiser]) -> Denoiser:
    """The mean estimate of several denoisers."""

    def run(x: Tensor, level: Level, cond: Condition, *, turn: int = 0) -> Tensor:
        total = torch.zeros_like(x)
        for denoiser in denoisers:
            total += denoiser(x, level, cond, turn=turn)
        return total / len(denoisers)

    return run
