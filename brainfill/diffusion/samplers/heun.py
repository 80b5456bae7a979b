"""Heun: second-order deterministic sampler, two network calls per step."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from brainfill.diffusion.levels import Level
from brainfill.diffusion.noise import Noise
from brainfill.diffusion.sample import Denoise


@dataclass(frozen=True, kw_only=True)
class Config:
    """Heun has no options."""


@dataclass(frozen=True)
class Heun:
    """Karras et al. 2022, algorithm 1, https://arxiv.org/abs/2206.00364, in y = x / alpha.

    There the ordinary differential equation is dy / dratio = (y - clean) / ratio for every schedule,
    so the same step also encodes.
    """

    def reset(self) -> None:
        """Nothing to forget."""

    def step(self, denoise: Denoise, x: Tensor, now: Level, then: Level, noise: Noise) -> Tensor:  # noqa: ARG002 - protocol
        """One move, towards less noise or more."""
        y, dr = x / now.alpha, then.ratio - now.ratio
        slope = (y - denoise(x, now).clean) / now.ratio
        ahead = y + dr * slope
        if then.sigma > 0:
            slope_ahead = (ahead - denoise(ahead * then.alpha, then).clean) / then.ratio
            ahead = y + dr * (slope + slope_ahead) / 2
        return ahead * then.alpha


def build(config: Config) -> Heun:  # noqa: ARG001 - registry signature
    """The sampler."""
    return Heun()
