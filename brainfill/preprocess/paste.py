"""Putting a fill back into the original, and weights that blend it in within the dilation ring."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from brainfill.core.errors import GeometryError
from brainfill.core.grid import Box, FloatArray, Grid
from brainfill.core.volume import Mask, Volume


def paste_back(
    original: Volume, filled: FloatArray, where: Mask, weights: FloatArray | None = None
) -> Volume:
    """The original with the voxels of `where` replaced; all others are the original's own.

    Args:
        original: the scan as it was.
        filled: float32 (X, Y, Z), used inside `where` only.
        where: voxels to replace, on the grid of `original`.
        weights: (X, Y, Z) in [0, 1], share of `filled` inside `where`; all 1 without them.

    Raises:
        GeometryError: the parts are not on the grid of `original`.
    """
    _same_shape(filled, original.grid, "fill")
    if not where.grid.meant_as(original.grid):
        msg = "the mask of the fill does not lie on the grid of the original"
        raise GeometryError(msg)
    inside = where.data
    new = filled[inside]
    if weights is not None:
        _same_shape(weights, original.grid, "weights")
        share = weights[inside]
        new = share * new + (1 - share) * original.data[inside]
    data = original.data.copy(order="K")
    data[inside] = new
    return original.like(data)


def feather(lesion: Mask, hole: Mask, sigma_vox: float = 0.5) -> FloatArray:
    """Weights that fall towards the rim of the hole, inside the ring that dilation added (METHODS 4).

    Args:
        lesion: the voxels that must be replaced entirely.
        hole: the dilated lesion.
        sigma_vox: width of the Gaussian that softens the hole [voxels]; 0 softens nothing.

    Returns:
        float32 (X, Y, Z): 1 in the lesion, at most 1 in the ring, 0 outside the hole.
    """
    weights = np.zeros(hole.grid.shape, np.float32)
    if not hole.data.any():
        return weights
    margin = int(np.ceil(4 * sigma_vox)) + 1
    box = Box.around(hole.data).grow((margin, margin, margin)).within(hole.grid.shape)
    solid = hole.data[box.slices]
    # "nearest": the end of the image is not a rim.
    soft = ndimage.gaussian_filter(solid.astype(np.float32), sigma_vox, mode="nearest")
    soft = np.clip(soft, 0, 1) * solid
    soft[lesion.data[box.slices]] = 1
    weights[box.slices] = soft
    return weights


def _same_shape(array: FloatArray, grid: Grid, name: str) -> None:
    if array.shape != grid.shape:
        msg = f"the {name} has shape {array.shape}, expected {grid.shape} as the original"
        raise GeometryError(msg)
