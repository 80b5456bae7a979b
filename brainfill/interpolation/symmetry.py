"""The other side of a head: its plane of symmetry, and what lies across it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from brainfill.core.grid import BoolArray, FloatArray, Grid
from brainfill.core.volume import Volume

# Coarse to fine: distance of the points compared, which is also the width of the blur.
_STAGES_MM = (8.0, 5.0)
_BLOCK_MM = 3.0
_FIRST_STEP = np.array([8.0, 8.0, 8.0])  # degrees, degrees, mm
_LARGEST_TILT_DEG = 40.0
_FEWEST_POINTS = 50
_ENOUGH = 0.5  # of the surroundings of a point must be known
_WORST = 2.0  # no correlation is as far from 1
_FWHM_PER_SD = 2 * np.sqrt(2 * np.log(2))


def symmetry_plane(image: Volume, known: BoolArray) -> tuple[FloatArray, float]:
    """The plane in which the known part of a head is most like its mirror image.

    The correlation of the two is maximised over the plane's turn, tilt and place, from the sagittal
    plane through the centre of what is bright (Nelder and Mead 1965, on a blurred image).

    Args:
        image: a head or brain, any orientation and voxel size.
        known: (X, Y, Z), voxels that are compared.

    Returns:
        Unit normal (3,), near the direction of right, and the plane's distance [mm] from the world
        origin along it. Without enough to compare, the plane it starts from.
    """
    mean, share, grid = _coarse(image, known)
    best = np.zeros(3)
    if (weights := np.clip(mean, 0, None)).any():
        best[2] = grid.to_world(np.array([ndimage.center_of_mass(weights)]))[0, 0]
    for step_mm, size in zip(_STAGES_MM, (1.0, 0.3), strict=True):
        values, seen = _blurred(mean, share, grid, step_mm)
        points = _points(grid, seen, step_mm)

        def unlike(plane: FloatArray) -> float:
            return _unlike(plane, points, values, seen, grid)  # noqa: B023 - called at once

        simplex = best + np.vstack([np.zeros(3), np.diag(size * _FIRST_STEP)])
        options = {"initial_simplex": simplex, "xatol": 0.05, "fatol": 1e-5, "maxiter": 120}
        best = optimize.minimize(unlike, best, method="Nelder-Mead", options=options).x
    return _normal(best), float(best[2])


def reflection(image: Volume, known: BoolArray) -> FloatArray:
    """World positions (4, 4) to those across the plane of symmetry, in mm; arguments as above."""
    normal, distance_mm = symmetry_plane(image, known)
    matrix = np.eye(4)
    matrix[:3, :3] -= 2 * np.outer(normal, normal)
    matrix[:3, 3] = 2 * distance_mm * normal
    return matrix


def _coarse(image: Volume, known: BoolArray) -> tuple[FloatArray, FloatArray, Grid]:
    """Known values and their share, as means over blocks of about 3 mm, which are quicker to blur."""
    factors = [max(1, int(_BLOCK_MM / s)) for s in image.grid.spacing()]
    fill = [(0, -n % f) for n, f in zip(image.grid.shape, factors, strict=True)]
    means = []
    for values in (np.where(known, image.data, 0), known):
        padded = np.pad(values.astype(np.float32), fill)
        for axis, f in enumerate(factors):
            padded = np.add.reduceat(padded, np.arange(0, padded.shape[axis], f), axis=axis)
        means.append(padded / np.prod(factors))
    affine = image.grid.affine @ np.diag([*factors, 1.0])
    affine[:3, 3] += image.grid.affine[:3, :3] @ ((np.array(factors) - 1) / 2)
    x, y, z = means[0].shape
    return means[0], means[1], Grid((x, y, z), affine)


def _blurred(
    mean: FloatArray, share: FloatArray, grid: Grid, width_mm: float
) -> tuple[FloatArray, FloatArray]:
    """The known part after a blur, and how much of each block's surroundings is known."""
    sigma = width_mm / _FWHM_PER_SD / np.asarray(grid.spacing())
    seen = ndimage.gaussian_filter(share, sigma)
    values = ndimage.gaussian_filter(mean, sigma)
    return np.asarray(values / np.maximum(seen, 1e-3)), seen


def _points(grid: Grid, seen: FloatArray, step_mm: float) -> NDArray[np.float64]:
    """World positions (N, 3) at whole multiples of `step_mm`, where enough is known."""
    corners = grid.corners()
    low, high = np.ceil(corners.min(axis=0) / step_mm), np.floor(corners.max(axis=0) / step_mm)
    axes = [step_mm * np.arange(a, b + 1) for a, b in zip(low, high, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    return np.asarray(points[_at(seen, points, grid) > _ENOUGH])


def _unlike(
    plane: FloatArray,
    points: NDArray[np.float64],
    values: FloatArray,
    seen: FloatArray,
    grid: Grid,
) -> float:
    """1 minus the correlation of the image and its mirror image at the points."""
    if np.abs(plane[:2]).max() > _LARGEST_TILT_DEG:
        return _WORST
    normal = _normal(plane)
    across = points - 2 * (points @ normal - plane[2])[:, None] * normal
    both = _at(seen, across, grid) > _ENOUGH
    if both.sum() < _FEWEST_POINTS:
        return _WORST
    x, y = (_at(values, at[both], grid) for at in (points, across))
    spread = float(x.std() * y.std())
    return 1 - float(((x - x.mean()) * (y - y.mean())).mean()) / spread if spread > 0 else _WORST


def _at(values: FloatArray, points: NDArray[np.float64], grid: Grid) -> FloatArray:
    """Values at world positions; 0 outside the grid."""
    return np.asarray(ndimage.map_coordinates(values, grid.to_index(points).T, order=1))


def _normal(plane: FloatArray) -> FloatArray:
    """The direction of right after a turn about the vertical and a tilt about the horizontal axis."""
    turn, tilt = np.deg2rad(plane[:2])
    x, y, z = np.cos(turn) * np.cos(tilt), np.sin(turn) * np.cos(tilt), np.sin(tilt)
    return np.array([x, y, z])
