"""Does a fill meet the tissue around it? The step in brightness at the borders of lesions."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from brainfill.core.grid import BoolArray, Box, FloatArray
from brainfill.core.touching import TOUCHING, touching

_NEAR_VOX = 2


def border_step_pct(
    filled: FloatArray, lesion: BoolArray, hole: BoolArray, shown: BoolArray
) -> float:
    """How far fills are brighter or darker than the tissue they adjoin, in percent of that tissue.

    For each lesion the median of the outermost filled voxels against that of the voxels right outside the hole;
    medians, because a ventricle beside a lesion makes no step. The mean over lesions of its size, weighted by the voxels
    outside. Healthy tissue has a step as well: of 1 to 2 % in white matter, more at its border.

    Args:
        filled: (X, Y, Z), any unit with background near 0.
        lesion: what was to be filled, same shape.
        hole: what was filled: the lesion, perhaps grown and blended with the scan there.
        shown: head or brain.

    Returns:
        NaN without any lesion, or without tissue around.
    """
    if not hole.any():
        return math.nan
    x, y, z = hole.shape
    box = Box.around(hole).grow((_NEAR_VOX,) * 3).within((x, y, z))
    filled = filled[box.slices]
    lesion, hole, shown = (flags[box.slices] for flags in (lesion, hole, shown))
    numbers, boxes = touching(hole)
    rim = lesion & ~ndimage.binary_erosion(lesion, border_value=1)
    around = ndimage.binary_dilation(hole, TOUCHING) & ~hole & shown
    steps, weights = [], []
    for number, piece in enumerate(boxes, start=1):
        near = piece.grow((1, 1, 1)).within(box.shape).slices
        own = numbers[near] == number
        inside = filled[near][own & rim[near]]
        outside = filled[near][ndimage.binary_dilation(own, TOUCHING) & around[near]]
        level = float(np.median(outside)) if outside.size else 0.0
        if inside.size and level > 0:
            steps.append(abs(float(np.median(inside)) - level) / level)
            weights.append(outside.size)
    return 100 * _mean(np.array(steps), np.array(weights)) if steps else math.nan


def _mean(values: NDArray[np.float64], weights: NDArray[np.int64]) -> float:
    return float((values * weights).sum() / weights.sum())
