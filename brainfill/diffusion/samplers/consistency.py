"""Consistency: jumps to the image at once, one call a step; for models distilled to allow it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from brainfill.core.config import check_ranges, option
from brainfill.core.errors import ConfigError
from brainfill.diffusion.levels import Level
from brainfill.diffusion.noise import Noise
from brainfill.diffusion.sample import Denoise


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of multistep consistency sampling."""

    least_ratio: float = option(
        0.002, "noise-to-signal ratio that the model leaves in its answer", low=0.0, high=0.1
    )

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True)
class Consistency:
    """Song et al. 2023, algorithm 1, https://arxiv.org/abs/2303.01469.

    A consistency model answers any noisy tensor with the end of its path, so one step from pure
    noise is a sample; each further step noises it again, to less, and asks once more.
    """

    config: Config

    def reset(self) -> None:
        """Nothing to forget."""

    def step(self, denoise: Denoise, x: Tensor, now: Level, then: Level, noise: Noise) -> Tensor:
        """One move towards less noise.

        Raises:
            ConfigError: the move leads to more noise, where an answer would be worth nothing.
        """
        if then.ratio > now.ratio:
            msg = "sampler 'consistency' cannot encode an image"
            raise ConfigError(msg, "use ddim or heun")
        clean = denoise(x, now).clean
        if then.sigma == 0:
            return clean
        added = then.sigma**2 - (then.alpha * self.config.least_ratio) ** 2
        return then.alpha * clean + math.sqrt(max(added, 0.0)) * noise(x)


def build(config: Config) -> Consistency:
    """The sampler."""
    return Consistency(config)
