"""How well two sets of voxels agree: shared volume, and distance of their surfaces."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from brainfill.core.errors import GeometryError
from brainfill.core.grid import BoolArray, Box, FloatArray

_ACROSS = np.asarray(ndimage.generate_binary_structure(3, 1))


def dice(found: BoolArray, truth: BoolArray) -> float:
    """Twice the shared voxels over all voxels of both, in [0, 1]; 1 for two empty sets.

    Args:
        found: (X, Y, Z).
        truth: same shape.

    Raises:
        GeometryError: the shapes differ.
    """
    _expect_one_shape(found, truth)
    total = int(found.sum()) + int(truth.sum())
    return 2 * int((found & truth).sum()) / total if total else 1.0


def distance95_mm(found: BoolArray, truth: BoolArray, spacing_mm: Sequence[float]) -> float:
    """Distance within which 95 % of each surface lies from the other, the larger of both ways.

    A surface is the voxels of a set that share a face with one outside it; the end of the image counts as outside.

    Args:
        found: (X, Y, Z).
        truth: same shape.
        spacing_mm: voxel size along each axis.

    Returns:
        Millimetres; NaN if a set is empty.

    Raises:
        GeometryError: the shapes differ.
    """
    _expect_one_shape(found, truth)
    if not (found.any() and truth.any()):
        return math.nan
    box = Box.around(found | truth).slices
    here, there = _surface(found[box]), _surface(truth[box])
    ways = (_distances(here, there, spacing_mm), _distances(there, here, spacing_mm))
    return max(float(np.percentile(way, 95)) for way in ways)


def _surface(flags: BoolArray) -> BoolArray:
    return np.asarray(flags & ~ndimage.binary_erosion(flags, _ACROSS))


def _distances(start: BoolArray, end: BoolArray, spacing_mm: Sequence[float]) -> FloatArray:
    to_end: FloatArray = ndimage.distance_transform_edt(~end, sampling=spacing_mm)
    return to_end[start]


def _expect_one_shape(found: BoolArray, truth: BoolArray) -> None:
    if found.shape != truth.shape:
        msg = f"cannot compare sets of voxels of shapes {found.shape} and {truth.shape}"
        raise GeometryError(msg, "compare masks on one grid")
