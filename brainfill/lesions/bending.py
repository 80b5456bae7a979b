"""A lesion bent into another brain: the shape it is warped to, cut to where it may be, with the volume it had."""

from __future__ import annotations

import heapq
from itertools import product

import numpy as np
from scipy import ndimage

from brainfill.core.grid import BoolArray, Box, FloatArray
from brainfill.core.volume import Mask
from brainfill.lesions.carried import Warp, box_of
from brainfill.lesions.components import largest_piece
from brainfill.lesions.placing import Placed, signed_distance_mm

_NEIGHBOURS = [step for step in product((-1, 0, 1), repeat=3) if any(step)]


def bent(
    lesion: Mask, warp: Warp, allowed: BoolArray, taken: BoolArray, spread_mm: float
) -> Placed | None:
    """The allowed voxels that lie deepest in the warped lesion, in one piece, as many as keep its volume.

    Where ventricles or cortex cut something off, the lesion grows by as much elsewhere, but no further than
    `spread_mm` beyond its warped surface.

    Args:
        lesion: cut out of a mask on `warp.here`.
        warp: to the other brain.
        allowed: (X, Y, Z) on `warp.there`, where lesions may be.
        taken: likewise, where none may be.
        spread_mm: largest distance from the warped surface [mm], as it was before warping.

    Returns:
        the lesion, or None if there is no room for it.
    """
    found = _depth_mm(lesion, warp, spread_mm)
    if found is None:
        return None
    depth, box = found
    free = allowed[box.slices] & ~taken[box.slices] & (depth > -spread_mm)
    voxels = max(1, round(lesion.volume_ml() / warp.there.voxel_ml()))
    where = _grown(np.where(free, depth, -np.inf), voxels)
    if where is None:
        return None
    tight = Box.around(where)
    a, b, c = (s + t for s, t in zip(box.start, tight.start, strict=True))
    x, y, z = tight.shape
    return Placed(where[tight.slices], Box((a, b, c), (a + x, b + y, c + z)))


def _depth_mm(lesion: Mask, warp: Warp, spread_mm: float) -> tuple[FloatArray, Box] | None:
    """Signed distance to the warped surface at the voxels around it [mm], positive inside, and their box."""
    own = box_of(lesion, warp.here)
    index = warp.there.to_index(warp.to_there[own.slices][lesion.data])
    index = index[np.isfinite(index).all(axis=1)]
    if not index.size:
        return None
    # The warp may stretch; what lies beyond the box is that much farther from the lesion.
    x, y, z = (int(np.ceil(2 * spread_mm / s)) + 1 for s in warp.there.spacing())
    (a, b, c), (d, e, f) = np.floor(index.min(axis=0)), np.ceil(index.max(axis=0)) + 1
    box = Box((int(a), int(b), int(c)), (int(d), int(e), int(f))).grow((x, y, z))
    box = box.within(warp.there.shape)
    if not box.size:
        return None
    margin = [int(np.ceil(spread_mm / s)) + 1 for s in lesion.grid.spacing()]
    far = signed_distance_mm(np.pad(lesion.data, [(m, m) for m in margin]), lesion.grid.spacing())
    at = lesion.grid.to_index(warp.to_here[box.slices].reshape(-1, 3)) + margin
    at = np.nan_to_num(at, nan=-1e6)
    depth = ndimage.map_coordinates(far, at.T, order=1, cval=far.min() - spread_mm, mode="constant")
    return depth.reshape(box.shape), box


def _grown(depth: FloatArray, voxels: int) -> BoolArray | None:
    """From the deepest voxel of the largest part that is left, always the deepest neighbour; None if too few hang on it."""
    left = largest_piece(depth > 0)
    if not left.any():
        return None
    padded = np.pad(depth, 1, constant_values=-np.inf)
    deepest = np.argmax(np.where(left, depth, -np.inf))
    i, j, k = (int(v) + 1 for v in np.unravel_index(deepest, depth.shape))
    start = (i, j, k)
    where = np.zeros(padded.shape, bool)
    seen = ~np.isfinite(padded)
    seen[start] = True
    border = [(-float(padded[start]), start)]
    for _ in range(voxels):
        if not border:
            return None
        _, (i, j, k) = heapq.heappop(border)
        where[i, j, k] = True
        for a, b, c in _NEIGHBOURS:
            near = (i + a, j + b, k + c)
            if not seen[near]:
                seen[near] = True
                heapq.heappush(border, (-float(padded[near]), near))
    return where[1:-1, 1:-1, 1:-1]
