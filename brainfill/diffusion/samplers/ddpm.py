"""DDPM: ancestral sampling, fresh noise at every step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from brainfill.core.config import option
from brainfill.core.errors import ConfigError
from brainfill.diffusion.levels import Level
from brainfill.diffusion.noise import Noise
from brainfill.diffusion.sample import Denoise


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of DDPM."""

    variance: Literal["small", "large"] = option(
        "small", "posterior variance, or the forward step's"
    )


@dataclass(frozen=True)
class Ddpm:
    """Ho et al. 2020, eq. 6 and 7, https://arxiv.org/abs/2006.11239, between any two levels."""

    config: Config

    def reset(self) -> None:
        """Nothing to forget."""

    def step(self, denoise: Denoise, x: Tensor, now: Level, then: Level, noise: Noise) -> Tensor:
        """One move towards less noise.

        Raises:
            ConfigError: the move leads to more noise, which has no ancestral form.
        """
        if then.ratio > now.ratio:
            msg = "sampler 'ddpm' cannot encode an image"
            raise ConfigError(msg, "use ddim or heun")
        clean = denoise(x, now)
        if then.sigma == 0:
            return clean
        scale = now.alpha / then.alpha
        added = max(now.sigma**2 - (scale * then.sigma) ** 2, 0.0)
        mean = scale * (then.sigma / now.sigma) ** 2 * x + then.alpha * added / now.sigma**2 * clean
        small = self.config.variance == "small"
        sd = math.sqrt(added) * (then.sigma / now.sigma if small else 1.0)
        return mean + sd * noise(x)


def build(config: Config) -> Ddpm:
    """The sampler."""
    return Ddpm(config)
