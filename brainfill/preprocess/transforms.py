"""Transforms as ITK stores them, and images carried through them."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from brainfill.core.context import Context
from brainfill.core.errors import ConfigError, DataError
from brainfill.core.grid import BoolArray, Box, FloatArray, Grid
from brainfill.preprocess._ants import LPS, load_ants, silenced, to_ants
from brainfill.preprocess.steps.resample import SPLINE_REACH_VOX

Interp = Literal["nearest", "linear", "bspline"]
_ANTS_NAMES = {"nearest": "nearestNeighbor", "linear": "linear", "bspline": "bSpline"}
_LINEAR = (".txt", ".mat", ".tfm")
SUFFIXES = (*_LINEAR, ".nii.gz", ".nii", ".h5")
_STEP_MM = 100.0  # between the points that tell a matrix
_FLAT = 1e-6  # of a volume is left: nothing that anybody would carry there
_CHECK = "check that they are transforms and not damaged"
# An HDF5 library takes the whole process with it when it meets some damage.
_READ = "import sys, ants; ants.read_transform(sys.argv[1])"


@dataclass(frozen=True)
class Transform:
    """A file that ANTs reads: it takes points of the fixed image to the moving one, and images the other way.

    Args:
        suffix: one of SUFFIXES; the first three are matrices, .h5 is a composite of any transforms.
        data: contents of the file.
        name: for messages.
    """

    suffix: str
    data: bytes
    name: str = field(default="the transform", compare=False)

    @property
    def linear(self) -> bool:
        """Whether the transform is a matrix, which can be inverted."""
        return self.suffix in _LINEAR

    @staticmethod
    def load(path: Path) -> Transform:
        """The transform in a file that ANTs has just written; `brainfill.io.transforms` reads those of others.

        Raises:
            ConfigError: its name ends in none of SUFFIXES.
        """
        return Transform(suffix_of(path), path.read_bytes(), str(path))


def suffix_of(path: Path) -> str:
    """Which of SUFFIXES the name of a transform ends in.

    Raises:
        ConfigError: in none of them.
    """
    for suffix in SUFFIXES:
        if path.name.lower().endswith(suffix):
            return suffix
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
    found = _read_by_ants(transform, ctx)
    numbers = np.asarray(found.parameters, np.float64)
    if numbers.size != 12:  # a rotation, a translation ...
        return _jacobian(found)
    centre = np.asarray(found.fixed_parameters, np.float64)
    square = numbers[:9].reshape(3, 3)
    lps = np.eye(4)
    lps[:3, :3] = square
    lps[:3, 3] = numbers[9:12] + centre - square @ centre
    return np.asarray(LPS @ lps @ LPS)


def check_invertible(transform: Transform, ctx: Context) -> None:
    """Refuse a matrix or composite that ANTs cannot read, or that maps space to a plane, a line or a point.

    Raises:
        DataError: says which.
    """
    if not transform.linear:
        _check_readable(transform)
    matrix = _jacobian(_read_by_ants(transform, ctx))
    with np.errstate(all="ignore"):  # refused in a sentence
        volume = abs(float(np.linalg.det(matrix[:3, :3])))
    if not _FLAT <= volume <= 1 / _FLAT:  # NaN is outside
        msg = f"'{transform.name}' cannot be inverted: it makes {volume:g} mm^3 of 1 mm^3"
        raise DataError(msg, "have the transform made again; do both images show a head?")


def _read_by_ants(transform: Transform, ctx: Context) -> Any:  # noqa: ANN401 - ANTsPy has no types
    ants = load_ants(ctx)
    with tempfile.TemporaryDirectory(prefix="brainfill-") as folder:
        try:
            with silenced():
                found = ants.read_transform(written(transform, Path(folder), 0), precision="double")
        except (RuntimeError, ValueError) as error:
            msg = f"'{transform.name}' holds no transform that ANTs can read"
            raise DataError(msg, "check that it is a transform and not damaged") from error
    if found.dimension != 3:
        msg = f"'{transform.name}' is a transform of {found.dimension}-D images, expected 3-D"
        raise DataError(msg, "give the transform of 3-D images")
    return found


def _check_readable(transform: Transform) -> None:
    with tempfile.TemporaryDirectory(prefix="brainfill-") as folder:
        command = [sys.executable, "-c", _READ, written(transform, Path(folder), 0)]
        # In that folder, since Python looks for modules where it stands.
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)  # noqa: S603 - this Python
    if done.returncode < 0:
        msg = f"'{transform.name}' is damaged: reading it ends in a crash"
        raise DataError(msg, "copy the file again, or have it written again")


def _jacobian(found: Any) -> FloatArray:  # noqa: ANN401 - ANTsPy has no types
    """The matrix of a linear transform, that of another near the origin: float64 (4, 4), world mm RAS+."""
    start = np.asarray(found.apply_to_point((0.0, 0.0, 0.0)), np.float64)
    ends = [found.apply_to_point(tuple(point)) for point in _STEP_MM * np.eye(3)]
    lps = np.eye(4)
    lps[:3, :3] = (np.asarray(ends, np.float64) - start).T / _STEP_MM
    lps[:3, 3] = start
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
            with silenced():
                carried = ants.apply_transforms(
                    fixed,
                    to_ants(ants, data, source),
                    [written(t, Path(folder), i) for i, t in enumerate(transforms)],
                    interpolator=_ANTS_NAMES[interp],
                    whichtoinvert=[False] * len(transforms),
                )
        except (RuntimeError, ValueError) as error:
            raise DataError(_unapplied(transforms), _CHECK) from error
    if carried is None or isinstance(carried, int | str):
        raise DataError(_unapplied(transforms), _CHECK)
    return np.asarray(carried.numpy(), np.float32)


def _unapplied(transforms: Sequence[Transform]) -> str:
    return f"ANTs cannot apply {', '.join(t.name for t in transforms)} to the image"


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
