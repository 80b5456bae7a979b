"""What networks are told besides the image: numbers such as a noise level, classes, coordinates."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

NO_CLASS = -1  # of an item whose class is not told


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


def coordinates(start: Sequence[int], size: Sequence[int], whole: Sequence[int]) -> Tensor:
    """Where each voxel of a crop lies in the whole volume, to be shown as channels.

    Patches that know their place: Bieder et al. 2023, https://arxiv.org/abs/2303.15288.

    Args:
        start: index of the crop's first voxel along each axis, in the whole volume.
        size: of the crop, in voxels.
        whole: size of the volume, in voxels.

    Returns:
        float32 (axes, *size), from -1 at the first voxel of the volume to 1 at its last.
    """
    axes = [
        2 * (torch.arange(n, dtype=torch.float32) + first) / max(total - 1, 1) - 1
        for first, n, total in zip(start, size, whole, strict=True)
    ]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))


def dropped(label: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """The classes (B,) with a share of them, chosen by chance, replaced by `NO_CLASS`.

    A network trained so also knows images of no class in particular, which guidance without a
    classifier needs (Ho and Salimans 2022, https://arxiv.org/abs/2207.12598).
    """
    keep = torch.rand(label.shape, generator=generator).to(label.device) >= share
    return torch.where(keep, label, NO_CLASS)
