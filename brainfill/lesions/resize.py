"""Lesions that grow or shrink by millimetres, as between two visits."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from brainfill.core.grid import BoolArray
from brainfill.core.volume import Mask

# Headers hold voxel sizes in single precision: a millimetre may be a little more.
_TOL_MM = 1e-3


def grown(mask: Mask, by_mm: float, within: BoolArray) -> Mask:
    """The mask with every voxel whose centre lies at most `by_mm` from one of its own.

    Args:
        mask: any number of lesions.
        by_mm: how far they grow.
        within: (X, Y, Z), where new voxels may lie.
    """
    if not mask.data.any():
        return mask
    away_mm = ndimage.distance_transform_edt(~mask.data, sampling=mask.grid.spacing())
    return Mask(mask.data | ((away_mm <= by_mm + _TOL_MM) & within), mask.grid)


def shrunk(mask: Mask, by_mm: float) -> Mask:
    """The mask without the voxels whose centre lies at most `by_mm` from one outside it."""
    depth_mm = ndimage.distance_transform_edt(mask.data, sampling=mask.grid.spacing())
    return Mask(np.asarray(depth_mm > by_mm + _TOL_MM), mask.grid)
