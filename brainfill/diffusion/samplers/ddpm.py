"""DDPM: ancestral sampling, fresh noise at every step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from brainfill.core.config import option
from brainfill.core.errors import ConfigError
from brainfill.diffusion.levels import Level
from brainfill.diffusion.noise import Noise
from brainfill.diffusion.posterior import posterior
from brainfill.diffusion.sample import Denoise


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of DDPM."""

    variance: Literal["small", "large"] = option(
        "small",
        "posterior variance, or the forward step's; networks with a learned variance tell it themselves",
    )


@dataclass(frozen=True)
class Ddpm:
    """Ho et al. 2020, eq. 6 and 7, https://arxiv.org/abs/2006.11239, between any two levels.

    A learned variance is interpolated between the two, in its logarithm (Nichol and Dhariwal 2021,
    eq. 15, https://arxiv.org/abs/2102.09672).
    """

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
        clean, learned = denoise(x, now)
        if then.sigma == 0:
            return clean
        q = posterior(now, then)
        fixed = 0.0 if self.config.variance == "small" else 1.0
        share = fixed if learned is None else learned
        sd = q.large_sd * q.shrink ** (1 - share)
        return q.of_x * x + q.of_clean * clean + sd * noise(x)


def build(config: Config) -> Ddpm:
    """The sampler."""
    return Ddpm(config)
