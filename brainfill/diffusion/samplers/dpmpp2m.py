"""DPM-Solver++(2M): second-order multistep sampler, one network call per step."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from brainfill.diffusion.levels import Level
from brainfill.diffusion.noise import Noise
from brainfill.diffusion.sample import Denoise


@dataclass(frozen=True, kw_only=True)
class Config:
    """DPM-Solver++(2M) has no options."""


class Dpmpp2m:
    """Lu et al. 2022, algorithm 2, https://arxiv.org/abs/2211.01095."""

    def __init__(self) -> None:
        self._last: tuple[Tensor, float] | None = None

    def reset(self) -> None:
        """Forget the previous estimate; the next step is first order."""
        self._last = None

    def step(self, denoise: Denoise, x: Tensor, now: Level, then: Level, noise: Noise) -> Tensor:  # noqa: ARG002 - protocol
        """One move towards less noise."""
        clean = denoise(x, now).clean
        if then.sigma == 0:
            return clean
        # h is the step in log(alpha / sigma); the last one tells how to extrapolate.
        h = math.log(now.ratio / then.ratio)
        ahead = clean
        if self._last is not None:
            previous, h_last = self._last
            ahead = clean + h / h_last / 2 * (clean - previous)
        self._last = (clean, h)
        return then.sigma / now.sigma * x - then.alpha * math.expm1(-h) * ahead


def build(config: Config) -> Dpmpp2m:  # noqa: ARG001 - registry signature
    """The sampler."""
    return Dpmpp2m()
