"""Noise levels and the schedules that order them: linear, cosine, VP and Karras.

A level says x = alpha * clean + sigma * noise. Time t runs from 0 (clean) to 1 (mostly noise).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from brainfill.core.config import check_ranges, option
from brainfill.core.errors import ConfigError

STEPS = 1000  # length of the discrete schedules; networks are told a level as an index 0 .. 999


class Level(NamedTuple):
    """How much signal and noise a tensor holds: x = alpha * clean + sigma * noise."""

    alpha: float
    sigma: float

    @property
    def ratio(self) -> float:
        """Noise over signal, sigma / alpha; 0 when clean."""
        return self.sigma / self.alpha

    @property
    def snr(self) -> float:
        """Signal-to-noise ratio alpha^2 / sigma^2; infinite when clean."""
        return math.inf if self.sigma == 0 else (self.alpha / self.sigma) ** 2


CLEAN = Level(1.0, 0.0)


class Schedule(Protocol):
    """Maps time to level and back."""

    def level(self, t: float) -> Level:
        """The level at time t in [0, 1]; `CLEAN` at 0."""

    def levels(self, n: int, start: float = 1.0) -> list[Level]:
        """n + 1 levels from time `start` down to `CLEAN`."""

    def time(self, ratio: float) -> float:
        """The time at which sigma / alpha equals `ratio`, in [0, 1]; clamped to the schedule."""


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig:
    """Which schedule a network was trained with."""

    name: Literal["linear", "cosine", "vp", "karras"] = option("linear", "family of noise levels")
    sigma_min: float = option(0.01, "karras: smallest noise-to-signal ratio", low=1e-6, high=1e3)
    sigma_max: float = option(80.0, "karras: largest noise-to-signal ratio", low=1e-3, high=1e6)

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.sigma_min >= self.sigma_max:
            msg = f"sigma_min {self.sigma_min} must be below sigma_max {self.sigma_max}"
            raise ConfigError(msg)

    def build(self) -> Schedule:
        """The schedule itself."""
        if self.name == "karras":
            return Karras(self.sigma_min, self.sigma_max)
        return Tabulated(self.name)


@dataclass(frozen=True)
class Tabulated:
    """Variance-preserving schedule through `STEPS` tabulated levels, log-linear in between.

    Index i of the table is reached at time (i + 1) / STEPS. "linear" after Ho et al.
    2020 (https://arxiv.org/abs/2006.11239), "cosine" after Nichol and Dhariwal 2021
    (https://arxiv.org/abs/2102.09672), "vp" after Song et al. 2021
    (https://arxiv.org/abs/2011.13456).
    """

    name: Literal["linear", "cosine", "vp"]

    def level(self, t: float) -> Level:
        """The level at time t in [0, 1]."""
        if t <= 0:
            return CLEAN
        alpha_bar = _alpha_bar(self.name)
        # log A is nearly linear between table entries; index -1 is the clean image, A = 1.
        index = min(t, 1.0) * STEPS
        a = math.exp(
            np.interp(index, np.arange(STEPS + 1), np.concatenate([[0], np.log(alpha_bar)]))
        )
        return Level(math.sqrt(a), math.sqrt(1 - a))

    def levels(self, n: int, start: float = 1.0) -> list[Level]:
        """n + 1 levels at equal distances in time."""
        return [self.level(start * k / n) for k in range(n, 0, -1)] + [CLEAN]

    def time(self, ratio: float) -> float:
        """Inverse of `level`, by noise-to-signal ratio."""
        log_a = -math.log1p(ratio**2)
        table = np.concatenate([[0], np.log(_alpha_bar(self.name))])
        return float(np.interp(-log_a, -table, np.arange(STEPS + 1))) / STEPS


@dataclass(frozen=True)
class Karras:
    """Variance-exploding levels, dense near the image: Karras et al. 2022, eq. 5, rho = 7.

    https://arxiv.org/abs/2206.00364
    """

    sigma_min: float = 0.01
    sigma_max: float = 80.0
    rho: float = 7.0

    def level(self, t: float) -> Level:
        """Level(1, sigma) at time t in [0, 1]."""
        if t <= 0:
            return CLEAN
        low, high = self.sigma_min ** (1 / self.rho), self.sigma_max ** (1 / self.rho)
        return Level(1.0, (low + min(t, 1.0) * (high - low)) ** self.rho)

    def levels(self, n: int, start: float = 1.0) -> list[Level]:
        """n levels whose last is sigma_min, then the clean one (for n = 1: sigma_max, clean)."""
        times = np.linspace(start, 0, n) if n > 1 else [start]
        return [self.level(max(float(t), 1e-12)) for t in times] + [CLEAN]

    def time(self, ratio: float) -> float:
        """Inverse of `level`."""
        low, high = self.sigma_min ** (1 / self.rho), self.sigma_max ** (1 / self.rho)
        return min(max((ratio ** (1 / self.rho) - low) / (high - low), 0.0), 1.0)


@lru_cache
def _alpha_bar(name: str) -> NDArray[Any]:
    """Cumulative product A_0 .. A_999 of 1 - beta, float64 (STEPS,), falling within (0, 1)."""
    index = np.arange(STEPS, dtype=np.float64)
    table: NDArray[Any]
    if name == "linear":
        table = np.cumprod(1 - np.linspace(1e-4, 0.02, STEPS))
    elif name == "cosine":
        shape = np.cos((np.arange(STEPS + 1) / STEPS + 0.008) / 1.008 * np.pi / 2) ** 2
        table = np.cumprod(1 - np.minimum(1 - shape[1:] / shape[:-1], 0.999))
    else:  # vp, b0 = 0.1, b1 = 20
        u = 1e-3 + (1 - 1e-3) * (index + 1) / STEPS
        table = np.exp(2 * (-0.25 * u**2 * (20 - 0.1) - 0.5 * u * 0.1))
    table.flags.writeable = False
    return table
