"""Where each voxel of one brain lies in another, through transforms."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from brainfill.core.context import Context
from brainfill.core.errors import DataError
from brainfill.core.grid import BoolArray, FloatArray, Grid
from brainfill.preprocess._ants import LPS, load_ants
from brainfill.preprocess.transforms import Transform, matrix_of, written


def positions(grid: Grid, other: Grid, transforms: Sequence[Transform], ctx: Context) -> FloatArray:
    """World positions in another image.

    Args:
        grid: whose voxels are looked up.
        other: the image they are looked up in.
        transforms: matrices and fields as `register` makes them, such as carry images of `other` to `grid`, in the
            order of antsApplyTransforms: points meet the first of them first.
        ctx: threads.

    Returns:
        float32 (X, Y, Z, 3) on `grid` [mm]; NaN where a voxel falls outside `other`.

    Raises:
        DataError: ANTs cannot read a transform.
    """
    found = grid.to_world(np.indices(grid.shape, np.float32).reshape(3, -1).T)
    for transform in transforms:
        if transform.linear:
            matrix = matrix_of(transform, ctx)
            found = found @ matrix[:3, :3].T + matrix[:3, 3]
        else:
            found = found + _shift(found, transform, ctx)
    found[_outside(other.to_index(found), other)] = np.nan
    return np.asarray(found.reshape(*grid.shape, 3), np.float32)


def _shift(points: FloatArray, transform: Transform, ctx: Context) -> FloatArray:
    """Displacement (N, 3) of points (N, 3) [mm]; 0 outside the field, as ITK has it."""
    field, grid = _field(transform, ctx)
    index = grid.to_index(points)
    shift = [ndimage.map_coordinates(f, index.T, order=1, mode="nearest") for f in field]
    found = np.stack(shift, axis=-1) @ LPS[:3, :3]
    found[_outside(index, grid)] = 0
    return np.asarray(found)


def _outside(index: FloatArray, grid: Grid) -> BoolArray:
    """Which indices (N, 3) lie in no voxel of a grid."""
    return np.asarray(((index < -0.5) | (index > np.array(grid.shape) - 0.5)).any(axis=1))


def _field(transform: Transform, ctx: Context) -> tuple[list[FloatArray], Grid]:
    """The three components of a field, as ITK has them, and where its voxels are."""
    ants = load_ants(ctx)
    with tempfile.TemporaryDirectory(prefix="brainfill-") as folder:
        try:
            image: Any = ants.image_read(written(transform, Path(folder), 0))
        except (RuntimeError, ValueError) as error:
            msg = f"ANTs finds no field of displacements in the {transform.suffix} file"
            raise DataError(msg, "check that it is a transform") from error
    values = image.numpy()
    if values.ndim != 4 or values.shape[-1] != 3:
        msg = f"the {transform.suffix} file holds no field of displacements: its shape is {values.shape}"
        raise DataError(msg, "check that it is a transform")
    affine = np.eye(4)
    affine[:3, :3] = image.direction * image.spacing
    affine[:3, 3] = image.origin
    x, y, z = values.shape[:3]
    return [values[..., i] for i in range(3)], Grid((x, y, z), LPS @ affine)
