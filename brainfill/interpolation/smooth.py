"""Weighted means of known voxels that widen by themselves where a hole is deep."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from brainfill.core.grid import BoolArray, FloatArray
from brainfill.interpolation.sites import EXACT, Site

# How fast the say of wider kernels falls: with the fourth power of their width the nearest voxels
# decide wherever there are any, as they do in the solution of Laplace's equation.
_FALL = 4
_TRUNCATE_SD = 4.0


def smooth_mean(site: Site, weights: FloatArray, sigma_mm: float) -> FloatArray:
    """Mean of the known voxels around each voxel, by Gaussians of doubling width in millimetres.

    Args:
        site: surroundings of one lesion, with at least one voxel of tissue.
        weights: float32 (X, Y, Z), 0 or more; what each voxel counts. 0 where there is no tissue.
        sigma_mm: width of the narrowest Gaussian; wider ones follow until the deepest voxel of the
            hole is reached.

    Returns:
        float32 (X, Y, Z); the plain mean of the tissue where no weight reaches.
    """
    spacing = np.asarray(site.grid.spacing())
    depth = ndimage.distance_transform_edt(~(weights > 0), sampling=spacing)[site.hole].max()
    total = np.zeros(site.grid.shape, np.float32)
    weight = np.zeros(site.grid.shape, np.float32)
    sigma = sigma_mm
    while True:
        share = (sigma_mm / sigma) ** _FALL
        total += share * _blur(weights * site.image, sigma / spacing)
        weight += share * _blur(weights, sigma / spacing)
        if 2 * sigma >= depth * (1 - EXACT):
            break
        sigma *= 2
    middle = float(site.image[site.tissue].mean())
    return np.where(weight > 0, total / np.where(weight > 0, weight, 1), middle).astype(np.float32)


def noise_sd(image: FloatArray, tissue: BoolArray) -> float:
    """Standard deviation of the noise, from differences of neighbouring tissue voxels; 0 without any."""
    steps = []
    for axis in range(3):
        low, high = ([slice(None)] * 3 for _ in range(2))
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        both = tissue[tuple(low)] & tissue[tuple(high)]
        steps.append((image[tuple(high)] - image[tuple(low)])[both])
    size = np.abs(np.concatenate(steps))
    return float(np.median(size)) / 0.6745 / np.sqrt(2) if size.size else 0.0


def _blur(x: FloatArray, sigma_vox: FloatArray) -> FloatArray:
    return np.asarray(ndimage.gaussian_filter(x, sigma_vox, mode="constant", truncate=_TRUNCATE_SD))
