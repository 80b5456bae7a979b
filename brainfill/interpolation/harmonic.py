"""Harmonic interpolation: the smoothest fill of a hole, which networks take as their start."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

_SWEEPS = 12


def harmonic_fill(image: Tensor, hole: Tensor) -> Tensor:
    """Fill the hole with the smoothest surface through the known voxels (Laplace's equation).

    Solved from coarse to fine: each scale starts from the enlarged coarser answer and takes a few
    sweeps of averaging neighbours, so the cost does not grow with the size of the hole.

    Args:
        image: float (B, 1, D, H, W); values in the hole are not used.
        hole: same shape, 1 where unknown, 0 where known.

    Returns:
        The image with the hole filled; known voxels are unchanged. A hole without any known voxel
        around becomes 0.
    """
    weight = 1 - hole
    values = image * weight
    scales = [(values, weight)]
    while max(values.shape[2:]) > 1 and bool((weight == 0).any()):
        total, weight = _halve(values * weight), _halve(weight)
        values = total / weight.clamp(min=1e-6)
        scales.append((values, weight))
    estimate, _ = scales.pop()
    for values, weight in reversed(scales):
        coarse = F.interpolate(estimate, size=values.shape[2:], mode="trilinear")
        known = (weight > 0).to(values.dtype)
        estimate = values * known + coarse * (1 - known)
        for _ in range(_SWEEPS):
            estimate = values * known + _neighbour_mean(estimate) * (1 - known)
    return image * (1 - hole) + estimate * hole


def _halve(x: Tensor) -> Tensor:
    # Sides of one voxel stay; odd sides are averaged over what is there.
    size = [min(2, n) for n in x.shape[2:]]
    return F.avg_pool3d(x, size, ceil_mode=True, count_include_pad=False)


def _neighbour_mean(x: Tensor) -> Tensor:
    padded = F.pad(x, (1,) * 6, mode="replicate")
    middle = slice(1, -1)
    total = padded[:, :, 2:, middle, middle] + padded[:, :, :-2, middle, middle]
    total = total + padded[:, :, middle, 2:, middle] + padded[:, :, middle, :-2, middle]
    total = total + padded[:, :, middle, middle, 2:] + padded[:, :, middle, middle, :-2]
    return total / 6
