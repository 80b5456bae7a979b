"""Sinusoidal embedding of a scalar such as a noise level."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def sinusoidal(values: Tensor, width: int, max_period: float = 10_000.0) -> Tensor:
    """Cosines and sines of `values` at geometrically spaced frequencies.

    Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, as used by Ho et al. 2020 for time steps.

    Args:
        values: float (B,), any range; the frequencies suit 0 to 1000.
        width: number of features; an odd width is padded with one zero.
        max_period: longest wavelength, in units of `values` and 2 pi.

    Returns:
        float32 (B, width), in [-1, 1].
    """
    half = width // 2
    exponents = torch.arange(half, dtype=torch.float32, device=values.device) / half
    angles = values.float()[:, None] * torch.exp(-math.log(max_period) * exponents)
    waves = torch.cat([angles.cos(), angles.sin()], dim=1)
    return F.pad(waves, (0, width - 2 * half))
