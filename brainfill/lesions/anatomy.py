"""Where in a brain lesions may be, and how far each voxel is from ventricles and grey matter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from brainfill.core.grid import BoolArray, FloatArray, Grid
from brainfill.core.volume import LabelMap, Mask

CSF, GREY, WHITE = 1, 2, 3

# Voxels half fluid and half white matter are as bright as grey matter, which lines the ventricles with it.
_RIM_MM = 2.0
# Grey matter comes in larger pieces; smaller ones are noise.
_SPECK_ML = 0.05


@dataclass(frozen=True, eq=False)
class Anatomy:
    """A brain, as lesions see it.

    Args:
        grid: of all arrays, (X, Y, Z) each.
        permitted: white matter, with the grey rim of the ventricles and specks of grey in it.
        grey: grey matter that is neither.
        ventricles: lateral ventricles.
        ventricle_mm: distance to the ventricles [mm], 0 inside.
        grey_mm: distance to grey matter [mm], 0 inside.
    """

    grid: Grid
    permitted: BoolArray
    grey: BoolArray
    ventricles: BoolArray
    ventricle_mm: FloatArray
    grey_mm: FloatArray


def anatomy(tissues: LabelMap, ventricles: Mask) -> Anatomy:
    """What tissues and ventricles of a brain mean to lesions (METHODS 21.3).

    Args:
        tissues: CSF, GREY and WHITE, 0 outside the brain.
        ventricles: on the same grid.
    """
    labels, wet = tissues.data, ventricles.data
    ventricle_mm = _distance_mm(wet, tissues.grid)
    found = (labels == GREY) & (ventricle_mm > _RIM_MM) & ~wet
    grey = _without_specks(found, _SPECK_ML / tissues.grid.voxel_ml())
    permitted = np.isin(labels, (GREY, WHITE)) & ~grey & ~wet
    return Anatomy(
        tissues.grid, permitted, grey, wet, ventricle_mm, _distance_mm(grey, tissues.grid)
    )


def _distance_mm(flags: BoolArray, grid: Grid) -> FloatArray:
    if not flags.any():
        return np.full(flags.shape, np.inf, np.float32)
    far = ndimage.distance_transform_edt(~flags, sampling=grid.spacing())
    return np.asarray(far, np.float32)


def _without_specks(flags: BoolArray, least_voxels: float) -> BoolArray:
    labels, _ = ndimage.label(flags)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray((sizes >= least_voxels)[labels])
