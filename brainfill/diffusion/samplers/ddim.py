"""DDIM: follows the estimated noise; deterministic unless eta is above 0."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from brainfill.core.config import check_ranges, option
from brainfill.diffusion.levels import Level
from brainfill.diffusion.noise import Noise
from brainfill.diffusion.sample import Denoise


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of DDIM."""

    eta: float = option(
        0.0, "share of fresh noise: 0 deterministic, 1 ancestral", low=0.0, high=1.0
    )

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True)
class Ddim:
    """Song et al. 2021, eq. 12, https://arxiv.org/abs/2010.02502; inverts itself."""

    config: Config

    def reset(self) -> None:
        """Nothing to forget."""

    def step(self, denoise: Denoise, x: Tensor, now: Level, then: Level, noise: Noise) -> Tensor:
        """One move, towards less noise or (eta 0) more."""
        clean = denoise(x, now).clean
        if then.sigma == 0:
            return clean
        eps = (x - now.alpha * clean) / now.sigma
        fresh = self.config.eta * posterior_sd(now, then)
        x = then.alpha * clean + math.sqrt(then.sigma**2 - fresh**2) * eps
        return x + fresh * noise(x) if fresh > 0 else x


def posterior_sd(now: Level, then: Level) -> float:
    """Standard deviation of x at `then`, given x at the noisier `now` and the clean x."""
    added = now.sigma**2 - (now.alpha / then.alpha * then.sigma) ** 2
    return math.sqrt(max(added, 0.0)) * then.sigma / now.sigma


def build(config: Config) -> Ddim:
    """The sampler."""
    return Ddim(config)
