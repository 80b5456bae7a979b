"""Lesions of one person put into another: turned, brought to the other grid, laid where there is room."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from brainfill.core.grid import BoolArray, Box, FloatArray, Grid, Index3
from brainfill.core.touching import TOUCHING
from brainfill.core.volume import Mask

_GUESSES = 100
_MARGIN = 2  # voxels
_ROUNDING = 1e-9  # a share of a whole number may lie a hair beside it


class Placed(NamedTuple):
    """Voxels of a lesion, and the box of the target grid they fill."""

    where: BoolArray
    box: Box


def random_rotation(rng: np.random.Generator) -> FloatArray:
    """A rotation (3, 3), uniform over all of them: a unit quaternion of normal numbers (Shoemake 1992)."""
    w, x, y, z = (q := rng.standard_normal(4)) / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def turned(lesion: Mask, rotation: FloatArray, grid: Grid) -> BoolArray | None:
    """As `rotated`; None where the voxels of the other grid are too coarse to hold the lesion in one piece."""
    shape = rotated(lesion, rotation, grid)
    _, pieces = ndimage.label(shape, TOUCHING)
    return shape if pieces == 1 else None


def rotated(lesion: Mask, rotation: FloatArray, grid: Grid) -> BoolArray:
    """A lesion turned about its middle, in voxels of another grid, with the volume it had.

    Its signed distance map is turned and read between voxels; of all voxels the deepest are taken, as many as make up
    the volume. Unlike nearest neighbours this leaves no crumbs, and the volume is right within half a voxel.

    Args:
        lesion: at least one voxel, any grid.
        rotation: (3, 3), orthogonal, of the world; mirrors are allowed.
        grid: gives voxel size and directions of axes.

    Returns:
        bool, cropped tightly, at least one voxel.
    """
    far = signed_distance_mm(np.pad(lesion.data, 1), lesion.grid.spacing())
    from_world = np.linalg.inv(lesion.grid.affine[:3, :3])
    back = from_world @ rotation.T @ grid.affine[:3, :3]  # steps on `grid` as steps on the lesion's
    # As wide as the turned lesion, even or odd as it, so that quarter turns move no voxel; and a margin.
    extent = np.abs(np.linalg.inv(back)) @ lesion.data.shape
    side = np.rint(extent).astype(int) + 2 * _MARGIN
    offset = np.indices(side).reshape(3, -1).T - (side - 1) / 2
    at = offset @ back.T + (np.array(far.shape) - 1) / 2
    depth = ndimage.map_coordinates(far, at.T, order=1, cval=far.min(), mode="constant")
    n = max(1, round(lesion.volume_ml() / grid.voxel_ml()))
    kept = np.zeros(depth.size, bool)
    kept[np.argsort(-depth, kind="stable")[:n]] = True
    flags = kept.reshape(tuple(side))
    return flags[Box.around(flags).slices]


def signed_distance_mm(flags: BoolArray, spacing: tuple[float, float, float]) -> FloatArray:
    """Distance to the surface [mm], positive inside; needs true and false voxels."""
    inside = ndimage.distance_transform_edt(flags, sampling=spacing)
    outside = ndimage.distance_transform_edt(~flags, sampling=spacing)
    return np.asarray(inside - outside)


def placed_at_random(
    shape: BoolArray,
    allowed: BoolArray,
    taken: BoolArray,
    least: float,
    rng: np.random.Generator,
    chance: FloatArray | None = None,
) -> Placed | None:
    """The shape in one of the places where it fits; None if there is none.

    Args:
        shape: the lesion.
        allowed: (X, Y, Z), where lesions may be.
        taken: (X, Y, Z), where none of its voxels may be.
        least: share of its voxels that must be allowed, above 0.
        rng: source of all draws.
        chance: (X, Y, Z), how likely its middle is in each voxel, in any unit; all places are equally likely without.
    """
    n = int(shape.sum())
    if np.count_nonzero(allowed) < max(least * n, 1):
        return None
    space = Box.around(allowed).grow(shape.shape).within(allowed.shape)
    room = np.subtract(space.shape, shape.shape) + 1
    if room.min() < 1:
        return None
    # One taken voxel outweighs all others, so that one sum answers both questions.
    worth = allowed[space.slices] - (n + 1.0) * taken[space.slices]
    likely = None
    if chance is not None:
        middle = (slice(m // 2, m // 2 + int(r)) for m, r in zip(shape.shape, room, strict=True))
        likely = chance[space.slices][tuple(middle)]
    start = _guessed(shape, worth, least * n, rng, likely)
    if start is None:
        fits = sums_under(shape, worth) >= least * n - _ROUNDING
        start = _drawn(fits if likely is None else fits * likely, 1, rng)
        if not len(start):
            return None
        start = start[0]
    a, b, c = (start + space.start).tolist()
    x, y, z = shape.shape
    return Placed(shape, Box((a, b, c), (a + x, b + y, c + z)))


def sums_under(shape: BoolArray, worth: FloatArray) -> FloatArray:
    """The sum of whole numbers under a shape, in every place where it lies inside the array.

    Found at once by correlation (Fourier).

    Args:
        shape: (x, y, z), not larger than the array.
        worth: (X, Y, Z), whole numbers.

    Returns:
        (X - x + 1, Y - y + 1, Z - z + 1), by the place of the shape's first corner.
    """
    size = [fft.next_fast_len(n, real=True) for n in worth.shape]
    both = fft.rfftn(worth, size) * np.conj(fft.rfftn(shape.astype(np.float64), size))
    room = tuple(slice(n - m + 1) for n, m in zip(worth.shape, shape.shape, strict=True))
    return np.asarray(np.rint(fft.irfftn(both, size)[room]))


def with_margin(placed: Placed, shape: Index3) -> Placed:
    """A lesion and all voxels that touch it, inside an image of `shape`."""
    grown = ndimage.binary_dilation(np.pad(placed.where, 1), TOUCHING)
    box = placed.box.grow((1, 1, 1))
    inside = box.within(shape)
    part = tuple(
        slice(a - o, b - o) for a, b, o in zip(inside.start, inside.stop, box.start, strict=True)
    )
    return Placed(grown[part], inside)


def _guessed(
    shape: BoolArray,
    worth: FloatArray,
    least: float,
    rng: np.random.Generator,
    likely: FloatArray | None,
) -> NDArray[np.integer[Any]] | None:
    """A place that fits, from a few guesses: where there is much room this is quicker, and no less fair."""
    room = np.subtract(worth.shape, shape.shape) + 1
    if likely is None:
        guesses = np.array([rng.integers(room) for _ in range(_GUESSES)])
    else:
        guesses = _drawn(likely, _GUESSES, rng)
    for start in guesses:
        part = tuple(slice(a, a + n) for a, n in zip(start, shape.shape, strict=True))
        if worth[part][shape].sum() >= least - _ROUNDING:
            return np.asarray(start)
    return None


def _drawn(
    weights: FloatArray | BoolArray, n: int, rng: np.random.Generator
) -> NDArray[np.integer[Any]]:
    """Indices (n, 3) drawn in proportion to weights; none if all weights are 0."""
    some = np.flatnonzero(weights)
    if not some.size:
        return np.empty((0, 3), int)
    upto = np.cumsum(weights.ravel()[some], dtype=np.float64)
    drawn = some[np.searchsorted(upto, rng.random(n) * upto[-1], side="right")]
    return np.stack(np.unravel_index(drawn, weights.shape), axis=-1)
