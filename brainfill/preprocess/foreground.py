"""Which voxels of an image show the head or brain, and which are background."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from brainfill.core.background import background, commonest_on_sides, counted_from
from brainfill.core.grid import BoolArray, FloatArray
from brainfill.core.volume import Volume
from brainfill.preprocess.pieces import ACROSS, without_holes

_AIR_SHARE = 0.1
_COARSE_MM = 2.0


def foreground(image: Volume, hole: BoolArray | None = None) -> BoolArray:
    """Head or brain against background, holes filled.

    If what is left of the image without the flat value of its background begins with tissue, as in a stripped brain or
    a piece of one, it is the foreground, voxel by voxel. If it begins with noisy air, the voxels above a tenth of the
    robust range are taken (the threshold of Smith 2002, https://doi.org/10.1002/hbm.10062), of these the large
    connected pieces with skull and sinuses filled, in steps of about 2 mm.

    Args:
        image: whole head or stripped brain, any range.
        hole: bool (X, Y, Z), voxels that do not decide what is bright and what is dark, however bright they are.

    Returns:
        bool (X, Y, Z); all false for a constant image.
    """
    if hole is not None and hole.all():
        hole = None
    found = background(image.data, hole)
    data = counted_from(found, image.data)
    if data is not image.data:
        found = background(data, hole)
    known = data if hole is None else np.where(hole, np.float32(np.nan), data)
    level, share = commonest_on_sides(known)
    level = level if share else 0.0
    inside = np.asarray(data != level)
    judged = inside & ~np.isnan(known)
    if not judged.any():
        return inside
    low, high = (float(v) for v in np.percentile(data[judged], [2, 98]))
    floor = min(low, level)
    cut = floor + _AIR_SHARE * (high - floor)
    factor = tuple(max(1, int(_COARSE_MM / s + 1e-3)) for s in image.grid.spacing())
    if found.flat is None:  # a common grey of a piece of tissue is no background
        shown = np.ones_like(inside)
        return shown if _begins_above(cut, known, shown, factor) else _head(data > cut, factor)
    if _begins_above(cut, known, inside, factor):
        return without_holes(inside, ACROSS)
    return _head(data > cut, factor)


def _head(bright: BoolArray, factor: tuple[int, ...]) -> BoolArray:
    head = _large_pieces(_opened(_block_share(bright, factor) >= 0.5))
    for axis in range(3):  # the skull closes a ring in most slices, hardly ever a shell
        within_slice = ACROSS.copy()
        within_slice.swapaxes(0, axis)[[0, 2]] = False
        head = without_holes(head, within_slice, skip=axis)
    for axis, n in enumerate(factor):
        head = np.repeat(head, n, axis=axis)
    return np.ascontiguousarray(head[tuple(slice(n) for n in bright.shape)])


def _begins_above(cut: float, data: FloatArray, inside: BoolArray, factor: tuple[int, ...]) -> bool:
    """Whether the second layer of `inside`, some 3 mm deep, is mostly above `cut`.

    On the scans this was tried on, its median lay at 0.26 to 0.80 of the robust range in brains without air and at
    0.02 to 0.05 in whole heads. The first layer may be the faint edge of an interpolated brain.
    """
    some = tuple(slice(None, None, n) for n in factor)
    few = inside[some]
    second = _eroded(without_holes(few, ACROSS))
    layer = data[some][few & second & ~_eroded(second)]
    layer = layer[~np.isnan(layer)]
    return layer.size == 0 or float(np.median(layer)) > cut


def _block_share(flags: BoolArray, factor: tuple[int, ...]) -> FloatArray:
    """Share of true voxels in each block of `factor` voxels; blocks at the far ends may be cut."""
    ends = [np.arange(0, n, f) for n, f in zip(flags.shape, factor, strict=True)]
    share: NDArray[Any] = flags.astype(np.float32)
    for axis, starts in enumerate(ends):
        counts = np.diff(np.append(starts, flags.shape[axis])).astype(np.float32)
        across = [1, 1, 1]
        across[axis] = counts.size
        share = np.add.reduceat(share, starts, axis=axis) / counts.reshape(across)
    return share


def _eroded(flags: BoolArray) -> BoolArray:
    """Voxels all of whose six neighbours are true; beyond the ends of the image nothing is."""
    padded = np.pad(flags, 1)
    kept: BoolArray = flags.copy()
    for axis in range(3):
        for start in (0, 2):
            move = [slice(1, -1)] * 3
            move[axis] = slice(start, start + flags.shape[axis])
            kept &= padded[tuple(move)]
    return kept


def _opened(flags: BoolArray) -> BoolArray:
    grown = ~_eroded(np.pad(~_eroded(flags), 1, constant_values=True))
    return np.asarray(grown[1:-1, 1:-1, 1:-1])


def _large_pieces(flags: BoolArray) -> BoolArray:
    """Pieces of at least a twentieth of the largest: the skull may part the scalp from the brain."""
    labels, count = ndimage.label(flags)
    if count == 0:
        return flags
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray((sizes >= sizes.max() / 20)[labels] & flags)
