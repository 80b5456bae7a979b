"""What a lesion takes along to another brain: its shape, where it lies among ventricles and cortex, how it is turned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from brainfill.core.grid import BoolArray, Box, FloatArray, Grid
from brainfill.core.touching import TOUCHING
from brainfill.core.volume import Mask
from brainfill.lesions.anatomy import Anatomy
from brainfill.lesions.pool import Piece

# Masks are a voxel off, and the rim of a lesion looks like grey matter itself.
_NEAR_MM = 2.0


@dataclass(frozen=True, eq=False)
class Warp:
    """A mapping between two brains, both ways, as positions.

    Args:
        here: grid of the lesions.
        to_there: (X, Y, Z, 3) on `here`, where each voxel lies in the other brain [mm]; NaN where that is unknown.
        there: grid of the other brain.
        to_here: (X, Y, Z, 3) on `there`, where each of its voxels lies in the brain of the lesions [mm]; NaN likewise.
    """

    here: Grid
    to_there: FloatArray
    there: Grid
    to_here: FloatArray


@dataclass(frozen=True, eq=False)
class Carried:
    """A lesion on its way.

    Args:
        piece: the lesion where it was.
        wanted_mm: (3,) where its middle belongs in the other brain [mm]; NaN if half of it falls outside.
        rotation: (3, 3) by which the other brain is turned there against the one it comes from.
        ventricle_mm: its distance to the ventricles [mm].
        grey_mm: its distance to grey matter [mm].
        grey_contact: share of grey matter in what is within 2 mm of it.
        log_jacobian: mean of |log| of the local change of volume.
    """

    piece: Piece
    wanted_mm: FloatArray
    rotation: FloatArray
    ventricle_mm: float
    grey_mm: float
    grey_contact: float
    log_jacobian: float

    @property
    def juxtacortical(self) -> bool:
        """Whether it touches grey matter, as nearly as a mask can tell."""
        return self.grey_contact > 0


def carried(piece: Piece, brain: Anatomy, warp: Warp) -> Carried:
    """What a lesion takes along (METHODS 21.3).

    Args:
        piece: cut out of a mask on the grid `warp.here`.
        brain: the brain it is in, on the same grid.
        warp: to the other brain.
    """
    spacing = warp.here.spacing()
    x, y, z = (int(np.ceil(_NEAR_MM / s)) + 1 for s in spacing)
    box = box_of(piece.mask, warp.here).grow((x, y, z)).within(warp.here.shape)
    inside = _in_box(piece.mask, box, warp.here)
    near = ndimage.distance_transform_edt(~inside, sampling=spacing) <= _NEAR_MM
    border = (near | ndimage.binary_dilation(inside, TOUCHING)) & ~inside
    grey = brain.grey[box.slices]
    where = warp.to_there[box.slices]
    rotation, log_jacobian = _local_frame(where, inside, warp.here)
    return Carried(
        piece,
        wanted_mm=_middle(where[inside]),
        rotation=rotation,
        ventricle_mm=float(brain.ventricle_mm[box.slices][inside].min()),
        grey_mm=float(brain.grey_mm[box.slices][inside].min()),
        grey_contact=float(grey[border].mean()) if border.any() else 0.0,
        log_jacobian=log_jacobian,
    )


def box_of(mask: Mask, grid: Grid) -> Box:
    """Where a mask that was cut out of a grid lies in it."""
    a, b, c = (int(v) for v in np.rint(grid.to_index(mask.grid.affine[:3, 3][None])[0]))
    x, y, z = mask.data.shape
    return Box((a, b, c), (a + x, b + y, c + z))


def _middle(where: FloatArray) -> FloatArray:
    """The mean of the positions that are known; NaN if half of them are not."""
    known = where[np.isfinite(where).all(axis=1)]
    if 2 * len(known) <= len(where):
        return np.full(3, np.nan)
    return np.asarray(known.mean(axis=0, dtype=np.float64))


def _in_box(mask: Mask, box: Box, grid: Grid) -> BoolArray:
    own = box_of(mask, grid)
    flags = np.zeros(box.shape, bool)
    inner = zip(own.start, own.stop, box.start, strict=True)
    flags[tuple(slice(low - start, high - start) for low, high, start in inner)] = mask.data
    return flags


def _local_frame(where: FloatArray, inside: BoolArray, grid: Grid) -> tuple[FloatArray, float]:
    """The rotation next to the mean Jacobian in a lesion (polar decomposition), and the mean of |log det|.

    Both stand still, at identity and 0, where the mapping is not known or folds.
    """
    along = np.stack(np.gradient(where, axis=(0, 1, 2)), axis=-1)[inside]
    jacobians = along @ np.linalg.inv(grid.affine[:3, :3])
    jacobians = jacobians[np.isfinite(jacobians).all(axis=(1, 2))]
    dets = np.linalg.det(jacobians)
    jacobians, dets = jacobians[dets > 0], dets[dets > 0]
    if not dets.size:
        return np.eye(3), 0.0
    u, _, v = np.linalg.svd(jacobians.mean(axis=0))
    turn = u @ np.diag([1.0, 1.0, np.linalg.det(u @ v)]) @ v
    return np.asarray(turn), float(np.abs(np.log(dets)).mean())
