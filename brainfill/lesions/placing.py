"""Lesions of one person put into another: turned, brought to the other grid, laid where there is room."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import fft, ndimage

from brainfill.core.grid import BoolArray, Box, FloatArray, Grid
from brainfill.core.volume import Mask
from brainfill.lesions.components import TOUCHING


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
    half = (np.array(far.shape) - 1) / 2
    to_world, from_world = grid.affine[:3, :3], np.linalg.inv(lesion.grid.affine[:3, :3])
    # Half the diagonal of the lesion's box, whatever the rotation; never less than a voxel.
    reach = np.linalg.norm(lesion.grid.affine[:3, :3] @ np.diag(half), axis=0)
    radius = np.linalg.norm(reach) / np.array(grid.spacing())
    side = 2 * np.ceil(radius).astype(int) + 1
    offset = np.indices(side).reshape(3, -1).T - (side - 1) / 2
    at = offset @ to_world.T @ rotation @ from_world.T + half
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


def rooms(
    shape: BoolArray, allowed: BoolArray, taken: BoolArray, least: float
) -> tuple[BoolArray, Box]:
    """Every place where a shape fits, found at once by correlation.

    Args:
        shape: the lesion, smaller than the image.
        allowed: (X, Y, Z), where lesions may be.
        taken: (X, Y, Z), where none of its voxels may be.
        least: share of its voxels that must be allowed, above 0.

    Returns:
        flags, true where the first corner of the shape may be; the box of the image they are about. No place lies
        partly outside the image.
    """
    none = np.zeros((1, 1, 1), bool), Box((0, 0, 0), (1, 1, 1))
    if not allowed.any():
        return none
    x, y, z = shape.shape
    space = Box.around(allowed).grow((x, y, z)).within((*allowed.shape,))
    if any(s > n for s, n in zip(shape.shape, space.shape, strict=True)):
        return none
    n = int(shape.sum())
    # One taken voxel outweighs all others, so that a single correlation answers both questions.
    weight = allowed[space.slices] - (n + 1.0) * taken[space.slices]
    return counts(shape, weight) >= least * n - 1e-9, space


def counts(shape: BoolArray, weights: FloatArray | BoolArray) -> FloatArray:
    """Sum of the weights under a shape, for every place where it lies in the image as a whole.

    Args:
        shape: not larger than the image.
        weights: (X, Y, Z), whole numbers.

    Returns:
        whole numbers (X - x + 1, ...), by the first corner of the shape.
    """
    size = [fft.next_fast_len(n, real=True) for n in weights.shape]
    both = fft.rfftn(np.asarray(weights, np.float64), size)
    both *= np.conj(fft.rfftn(shape.astype(np.float64), size))
    room = [n - s + 1 for n, s in zip(weights.shape, shape.shape, strict=True)]
    return np.asarray(np.rint(fft.irfftn(both, size)[tuple(slice(r) for r in room)]))


def placed_at_random(
    shape: BoolArray,
    allowed: BoolArray,
    taken: BoolArray,
    least: float,
    rng: np.random.Generator,
) -> Placed | None:
    """The shape in one of the places where it fits, all equally likely; None if there is none.

    Args:
        shape: as in `rooms`.
        allowed: as in `rooms`.
        taken: as in `rooms`.
        least: as in `rooms`.
        rng: source of the draw.
    """
    free, space = rooms(shape, allowed, taken, least)
    starts = np.flatnonzero(free)
    if not starts.size:
        return None
    start = np.unravel_index(rng.choice(starts), free.shape)
    a, b, c = (int(v) + s for v, s in zip(start, space.start, strict=True))
    x, y, z = shape.shape
    return Placed(shape, Box((a, b, c), (a + x, b + y, c + z)))
