"""Change the voxel size; axes keep their directions and the scan its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import ndimage

from brainfill.core.config import check_ranges, option
from brainfill.core.context import Context
from brainfill.core.grid import BoolArray, Box, FloatArray, Grid
from brainfill.core.volume import Scan
from brainfill.preprocess._base import ArrayUndo, Step, Undo, map_scan

# Standard deviation of a Gaussian whose full width at half maximum is 1.
_SD_PER_FWHM = 1 / (2 * np.sqrt(2 * np.log(2)))
SPLINE_REACH_VOX = 12  # the cubic prefilter has decayed to 1e-7 by then
_LATTICE_TOL_VOX = 1e-3


@dataclass(frozen=True)
class Config:
    """Voxel size and interpolation of the output."""

    spacing_mm: float = option(1.0, "voxel size along every axis", unit="mm", low=0.1, high=20)
    order: Literal[0, 1, 3] = option(1, "0 nearest neighbour, 1 linear, 3 cubic spline")
    antialias: bool = option(True, "blur before making voxels larger")
    threshold: float = option(0.5, "share of a voxel above which it is in a mask", low=0, high=1)

    def __post_init__(self) -> None:
        check_ranges(self)


def build(config: Config) -> Step:
    """A step that resamples; its undo resamples back to the grid of the input."""

    def step(scan: Scan, ctx: Context) -> tuple[Scan, Undo]:  # noqa: ARG001 - the protocol of steps
        before = scan.grid
        after = resampled_grid(before, config.spacing_mm)
        labels = _mover(before, after, 0, antialias=False)
        changed = map_scan(
            scan,
            after,
            _mover(before, after, config.order, antialias=config.antialias),
            _mask_mover(before, after, config.threshold),
            lambda data: labels(data).astype(np.int32),
        )
        undo = ArrayUndo(
            before,
            after,
            _mover(after, before, config.order, antialias=config.antialias),
            _mask_mover(after, before, config.threshold),
        )
        return changed, undo

    return step


def resampled_grid(grid: Grid, spacing_mm: float) -> Grid:
    """The grid of voxels of `spacing_mm` with the same axes and the same centre, at least as large."""
    spacing = np.asarray(grid.spacing())
    sides = np.asarray(grid.shape) * spacing / spacing_mm
    x, y, z = (max(1, int(n)) for n in np.ceil(sides - 1e-3))
    affine = grid.affine.copy()
    affine[:3, :3] *= spacing_mm / spacing
    old_centre = grid.to_world((np.array([grid.shape]) - 1) / 2)[0]
    affine[:3, 3] = old_centre - affine[:3, :3] @ ((np.array([x, y, z]) - 1) / 2)
    return Grid((x, y, z), affine)


def resample_to(
    data: FloatArray,
    grid: Grid,
    target_grid: Grid,
    order: int,
    antialias: bool = True,
) -> FloatArray:
    """Values of `data` at the voxels of another grid; only the part of `data` that is needed is touched.

    Where target voxels are larger, the source is first blurred by the Gaussian that turns its voxel profile into
    theirs, variance (ratio^2 - 1) / (8 ln 2) per source axis (Cardoso et al. 2015,
    https://doi.org/10.1007/978-3-319-24571-3_81). Voxels that only change order are copied exactly.

    Args:
        data: (X, Y, Z), any real type, on `grid`.
        grid: where `data` is.
        target_grid: where values are wanted; any orientation, may reach outside `grid`.
        order: 0 nearest neighbour, 1 linear, 3 cubic spline.
        antialias: blur where target voxels are larger; never done for order 0.

    Returns:
        float32 array of `target_grid.shape`; 0 where the centre of the voxel lies outside every source voxel.
    """
    matrix, offset = _target_to_source(grid, target_grid)
    snapped = _on_lattice(matrix, offset, target_grid.shape)
    if snapped is not None:
        matrix, offset = snapped
        order, antialias = 0, False
    sigma = _blur_vox(matrix) if antialias and order > 0 else np.zeros(3)
    low, high = _reach(matrix, offset, target_grid.shape)
    margin = np.ceil(4 * sigma) + (SPLINE_REACH_VOX if order > 1 else 1)
    box = _box(np.floor(low - margin), np.ceil(high + margin) + 1).within(grid.shape)
    if box.size == 0:
        return np.zeros(target_grid.shape, np.float32)
    part = np.asarray(data[box.slices], np.float32)
    if sigma.any():
        part = ndimage.gaussian_filter(part, sigma, mode="nearest")
    out = np.empty(target_grid.shape, np.float32)
    ndimage.affine_transform(
        part, matrix, offset - box.start, out.shape, out, order=order, mode="nearest"
    )
    edge = np.asarray(grid.shape) - 0.5
    if (low < -0.5).any() or (high > edge).any():
        out[_outside(matrix, offset, grid, target_grid)] = 0
    return out


def _target_to_source(grid: Grid, target: Grid) -> tuple[FloatArray, FloatArray]:
    both = np.linalg.inv(grid.affine) @ target.affine
    return both[:3, :3], both[:3, 3]


def _on_lattice(
    matrix: FloatArray, offset: FloatArray, shape: tuple[int, int, int]
) -> tuple[FloatArray, FloatArray] | None:
    """Matrix and offset in whole numbers if every target voxel is a source voxel, else None."""
    whole, start = np.rint(matrix), np.rint(offset)
    drift = np.abs(matrix - whole) @ (np.asarray(shape) - 1) + np.abs(offset - start)
    turned = abs(round(np.linalg.det(whole))) == 1 and (np.abs(whole).sum(axis=0) == 1).all()
    return (whole, start) if turned and drift.max() < _LATTICE_TOL_VOX else None


def _blur_vox(matrix: FloatArray) -> FloatArray:
    # Extent of a target voxel along each source axis, in source voxels.
    ratio = np.linalg.norm(matrix, axis=1)
    wider = np.where(ratio > 1 + 1e-3, ratio**2 - 1, 0.0)
    return np.asarray(_SD_PER_FWHM * np.sqrt(wider))


def _reach(
    matrix: FloatArray, offset: FloatArray, shape: tuple[int, int, int]
) -> tuple[FloatArray, FloatArray]:
    """Lowest and highest source index that the target voxels fall on, per source axis."""
    far = matrix * (np.asarray(shape) - 1)
    return offset + np.minimum(far, 0).sum(axis=1), offset + np.maximum(far, 0).sum(axis=1)


def _box(start: FloatArray, stop: FloatArray) -> Box:
    (a, b, c), (d, e, f) = (int(v) for v in start), (int(v) for v in stop)
    return Box((a, b, c), (d, e, f))


def _outside(matrix: FloatArray, offset: FloatArray, grid: Grid, target: Grid) -> BoolArray:
    outside = np.zeros(target.shape, bool)
    axes = np.ogrid[tuple(slice(n) for n in target.shape)]
    for row, start, n in zip(matrix, offset, grid.shape, strict=True):
        index = np.full((1, 1, 1), start)
        for along, step in zip(axes, row, strict=True):
            if (
                abs(step) * along.size > _LATTICE_TOL_VOX
            ):  # parallel axes take no array of all voxels
                index = index + along * step
        outside |= (index < -0.5 - _LATTICE_TOL_VOX) | (index > n - 0.5 + _LATTICE_TOL_VOX)
    return outside


def _mover(
    source: Grid, target: Grid, order: int, *, antialias: bool
) -> Callable[[FloatArray], FloatArray]:
    return lambda data: resample_to(data, source, target, order, antialias)


def _mask_mover(source: Grid, target: Grid, threshold: float) -> Callable[[BoolArray], BoolArray]:
    return lambda flags: resample_to(flags, source, target, 1) > threshold  # type: ignore[arg-type]
