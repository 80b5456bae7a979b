"""Projectors: put known values back after each move."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from brainfill.diffusion.levels import Level
from brainfill.diffusion.noise import Noise


class Projector(Protocol):
    """Changes x so that it agrees with what is known."""

    def __call__(self, x: Tensor, level: Level, noise: Noise) -> Tensor:
        """x (B, C, *S) at `level`, corrected; same shape."""


class KeepKnown:
    """Overwrites the known part with its own noisy version at the same level (RePaint).

    Lugmayr et al. 2022, algorithm 1, https://arxiv.org/abs/2201.09865.

    Args:
        clean: known values (B, C, *S), any value where unknown.
        hole: 1 where x is free, 0 where it is known, broadcastable to `clean`.
        noisy: False keeps the known part clean at every level, for networks trained with noise in
            the hole only (Palette, Saharia et al. 2022, https://arxiv.org/abs/2111.05826).
    """

    def __init__(self, clean: Tensor, hole: Tensor, *, noisy: bool = True) -> None:
        self.clean = clean
        self.hole = hole
        self.noisy = noisy

    def __call__(self, x: Tensor, level: Level, noise: Noise) -> Tensor:
        """x inside the hole, the known values outside; exact at the clean level."""
        known = self.clean
        if self.noisy and level.sigma > 0:
            known = level.alpha * known + level.sigma * noise(x)
        return x * self.hole + known * (1 - self.hole)
