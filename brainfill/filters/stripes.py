"""Smoothing across slices, against the stripes of fills made slice by slice (METHODS 8)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from brainfill.core.grid import BoolArray, Box, FloatArray

_TRUNCATE_SD = 4.0


def smooth_along(
    image: FloatArray, where: BoolArray, shown: BoolArray, sigma_vox: Sequence[float]
) -> FloatArray:
    """The image with its voxels in a mask replaced by Gaussian means along some axes.

    Voxels outside the mask are true, so they count in the means: slices of a fill are drawn towards what
    lies above and below it, and no step is left at its rim. Background and what lies beyond the image do
    not count (normalised convolution, Knutsson & Westin 1993), so that nothing darkens at the surface.

    Args:
        image: (X, Y, Z), any unit.
        where: voxels to smooth, same shape.
        shown: voxels that show tissue, same shape; those of `where` always count.
        sigma_vox: standard deviation along each array axis [voxels]; 0 leaves an axis alone.

    Returns:
        float32 (X, Y, Z): that of `image` outside `where`.
    """
    smoothed = image.astype(np.float32)
    if not where.any():
        return smoothed
    x, y, z = (int(_TRUNCATE_SD * sigma + 0.5) for sigma in sigma_vox)
    a, b, c = where.shape
    box = Box.around(where).grow((x, y, z)).within((a, b, c)).slices
    inside = where[box]
    total, weight = (
        _blurred(values, sigma_vox)
        for values in (
            np.where(inside | shown[box], image[box], 0).astype(np.float64),
            (inside | shown[box]).astype(np.float64),
        )
    )
    smoothed[box][inside] = (total[inside] / weight[inside]).astype(np.float32)
    return smoothed


def _blurred(values: FloatArray, sigma_vox: Sequence[float]) -> FloatArray:
    return np.asarray(
        ndimage.gaussian_filter(values, sigma_vox, mode="constant", truncate=_TRUNCATE_SD)
    )
