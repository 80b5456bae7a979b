"""Haar wavelets: eight bands at half resolution, from which the image comes back exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from brainfill.core.config import check_ranges, option
from brainfill.diffusion.codecs._base import check_sides

_BANDS = 8


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of the wavelet transform.

    Bands of an orthonormal transform have the energy of the image, most of it in the lowest: Friedrich
    et al. 2024 divide that one by 3 (https://arxiv.org/abs/2402.19043), Durrer et al. 2025 all by
    sqrt(8), so that the lowest is a mean (https://arxiv.org/abs/2507.13146).
    """

    low_divisor: float = option(1.0, "what the lowest band is divided by", low=1e-3, high=1e3)
    divisor: float = option(1.0, "what every band is divided by", low=1e-3, high=1e3)

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True)
class Haar:
    """Bands in the order LLL, LLH, ..., HHH of depth, height and width; those of one image together."""

    config: Config
    channels: int = _BANDS
    factor: int = 2

    def encode(self, image: Tensor) -> Tensor:
        """Image (B, N, D, H, W) with even sides to bands (B, 8 N, D/2, H/2, W/2)."""
        check_sides(image, self.factor)
        bands = image[:, :, None]
        for axis in (3, 4, 5):
            pairs = torch.unflatten(bands, axis, (-1, 2))
            first, second = pairs.unbind(axis + 1)
            split = torch.stack([first + second, first - second], dim=3) / math.sqrt(2)
            bands = split.flatten(2, 3)
        return (bands / self._divisors(bands)).flatten(1, 2)

    def decode(self, code: Tensor) -> Tensor:
        """Bands (B, 8 N, d, h, w) to the image (B, N, 2 d, 2 h, 2 w)."""
        bands = torch.unflatten(code, 1, (-1, _BANDS))
        bands = bands * self._divisors(bands)
        for axis in (5, 4, 3):
            total, difference = torch.unflatten(bands, 2, (-1, 2)).unbind(3)
            pairs = torch.stack([total + difference, total - difference], dim=axis + 1)
            bands = pairs.flatten(axis, axis + 1) / math.sqrt(2)
        return bands[:, :, 0]

    def _divisors(self, bands: Tensor) -> Tensor:
        """One for each band (8, 1, 1, 1)."""
        divisors = torch.full((_BANDS, 1, 1, 1), self.config.divisor).to(bands)
        divisors[0] *= self.config.low_divisor
        return divisors


def build(config: Config, net: nn.Module | None = None) -> Haar:  # noqa: ARG001 - registry signature
    """The codec."""
    return Haar(config)
