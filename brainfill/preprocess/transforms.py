"""Transforms as ITK stores them, and images carried through them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from brainfill.core.context import Context
from brainfill.core.errors import ConfigError, DataError
from brainfill.core.grid import BoolArray, Box, FloatArray, Grid
from brainfill.preprocess._ants import LPS, load_ants, to_ants
from brainfill.preprocess.steps.resample import SPLINE_REACH_VOX

Interp = Literal["nearest", "linear", "bspline"]
_ANTS_NAMES = {"nearest": "nearestNeighbor", "linear": "linear", "bspline": "bSpline"}
_LINEAR, _FIELDS = (".txt", ".mat", ".tfm"), (".nii.gz", ".nii", ".h5")
SUFFIXES = _LINEAR + _FIELDS


@dataclass(frozen=True)
class Transform:
    """A file that ANTs reads: it takes points of the fixed image to the moving one, and images the other way.

    Args:
        suffix: one of SUFFIXES; the first three are matrices, .h5 is a composite of any transforms.
        data: contents of the file.
    """

    suffix: str
    data: bytes

    @property
    def linear(self) -> bool:
        """Whether the transform is a matrix, which can be inverted."""
        return self.suffix in _LINEAR

    @staticmethod
    def load(path: Path) -> Transform:
        """The transform in a file.

        Raises:
            ConfigError: its name ends in none of SUFFIXES.
        """
        for suffix in SUFFIXES:
            if path.name.lower().endswith(suffix):
                return Transform(suffix, path.read_bytes())
        msg = f"transform '{path}' must end in one of {', '.join(SUFFIXES)}"
        raise ConfigError(msg, "give a transform of ANTs or of brainfill preprocess")


def linear_transform(matrix: FloatArray) -> Transform:
    """The transform of a matrix, as text.

    Args:
        matrix: float64 (4, 4), world mm RAS+ of the fixed image to that of the moving one.
    """
    lps = LPS @ matrix @ LPS
    numbers = (*lps[:3, :3].ravel(), *lps[:3, 3])
    text = (
        "#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"
        f"Parameters: {' '.join(repr(float(v)) for v in numbers)}\nFixedParameters: 0 0 0\n"
    )
    return Transform(".txt", text.encode())


def matrix_of(transform: Transform, ctx: Context) -> FloatArray:
    """The matrix of a linear transform: float64 (4, 4), world mm RAS+, fixed to moving.

    Raises:
        ConfigError: the transform is a deformation or a composite.
        DataError: the file holds no matrix that ANTs can read.
    """
    if not transform.linear:
        kind = "composite" if transform.suffix == ".h5" else "deformation"
        msg = f"a {kind} ({transform.suffix}) is no single matrix and cannot be inverted"
        raise ConfigError(msg, "give the transform of the other direction, which lies beside it")
    ants = load_ants(ctx)
    with tempfile.TemporaryDirectory(prefix="brainfill-") as folder:
        try:
            found = ants.read_transform(written(transform, Path(folder), 0), precision="double")
            numbers = np.asarray(found.parameters, np.float64)
            centre = np.asarray(found.fixed_parameters, np.float64)
            square = numbers[:9].reshape(3, 3)
        except (RuntimeError, ValueError) as error:
            msg = f"ANTs finds no matrix in the {transform.suffix} file"
            raise DataError(msg, "check that it is a transform") from error
    lps = np.eye(4)
    lps[:3, :3] = square
    lps[:3, 3] = numbers[9:12] + centre - square @ centre
    return np.asarray(LPS @ lps @ LPS)


def inverted(transforms: Sequence[Transform], ctx: Context) -> tuple[Transform, ...]:
    """The way back: each transform inverted, in reverse order.

    Raises:
        ConfigError: one of them is a deformation or a composite.
    """
    back = reversed(transforms)
    return tuple(linear_transform(np.linalg.inv(matrix_of(t, ctx))) for t in back)


def carry(
    data: FloatArray | BoolArray,
    source: Grid,
    target: Grid,
    transforms: Sequence[Transform],
    interp: Interp,
    ctx: Context,
) -> FloatArray:
    """Values of an image at the voxels of another grid, through transforms.

    Args:
        data: (X, Y, Z) on `source`, the moving image.
        source: where `data` is.
        target: where values are wanted.
        transforms: in the order of antsApplyTransforms, which applies the last one to the image first.
        interp: how values between voxels are found.
        ctx: threads.

    Returns:
        float32 array of `target.shape`; 0 where no value of `data` is.

    Raises:
        DataError: ANTs cannot apply a transform.
    """
    ants = load_ants(ctx)
    data, source = _shown(data, source)
    fixed = to_ants(ants, np.zeros(target.shape, np.float32), target)
    with tempfile.TemporaryDirectory(prefix="brainfill-") as folder:
        try:
            carried = ants.apply_transforms(
                fixed,
                to_ants(ants, data, source),
                [written(t, Path(folder), i) for i, t in enumerate(transforms)],
                interpolator=_ANTS_NAMES[interp],
                whichtoinvert=[False] * len(transforms),
            )
        except (RuntimeError, ValueError) as error:
            msg = "ANTs cannot apply the transforms to the image"
            raise DataError(msg, "check that they are transforms and not damaged") from error
    if carried is None or isinstance(carried, int | str):
        msg = "ANTs could not apply the transforms to the image"
        raise DataError(msg, "check that they are transforms and not damaged")
    return np.asarray(carried.numpy(), np.float32)


def _shown(data: FloatArray | BoolArray, grid: Grid) -> tuple[FloatArray | BoolArray, Grid]:
    """The part of an image that is not 0 with what a spline sees around it: beyond the image ANTs finds 0 as well."""
    shown = data != 0
    if not shown.any():
        return data, grid
    reach = (SPLINE_REACH_VOX,) * 3
    box = Box.around(shown).grow(reach).within(grid.shape)
    return data[box.slices], grid.crop(box)


def written(transform: Transform, folder: Path, number: int) -> str:
    """Put a transform into a folder, for ANTs to read; the path."""
    path = folder / f"{number}{transform.suffix}"
    path.write_bytes(transform.data)
    return str(path)
