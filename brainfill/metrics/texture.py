"""Does a fill look like the tissue around it? Local variation and stripes, without any truth."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from brainfill.core.grid import BoolArray, Box, FloatArray

_RING_VOX = 4
_WINDOW_VOX = 3
_SIMILAR_SD = 2.0


def local_sd_ratio(image: FloatArray, mask: BoolArray) -> float:
    """Mean local standard deviation in the fill over that in similar tissue around it.

    Local means windows of 3 x 3 x 3 voxels that lie wholly inside the fill, or wholly outside. The
    tissue is the ring of 4 voxels around the fill, as far as its intensity lies within two standard
    deviations of the fill's mean. 1 is a fill as grainy as its surroundings, 0 a flat one.

    Args:
        image: the filled image (X, Y, Z), any unit.
        mask: the filled voxels, same shape.

    Returns:
        NaN when the fill or the tissue is too thin for a single window.
    """
    if not mask.any():
        return math.nan
    part, fill, ring = _near(image, mask)
    window = np.ones((_WINDOW_VOX,) * 3)
    inner = ndimage.binary_erosion(fill, window)
    around = ndimage.binary_erosion(ring | _beyond(fill, ring), window) & ring
    mean = ndimage.uniform_filter(part, _WINDOW_VOX)
    square = ndimage.uniform_filter(part * part, _WINDOW_VOX)
    sd = np.sqrt(np.maximum(square - mean**2, 0))
    around &= _similar(mean, part[fill])
    if not inner.any() or not around.any() or sd[around].mean() == 0:
        return math.nan
    return float(sd[inner].mean() / sd[around].mean())


def stripe_index(image: FloatArray, mask: BoolArray) -> tuple[float, float, float]:
    """For each array axis: how much the fill changes along it, against the two other axes.

    The mean absolute difference of neighbours along the axis over that along the others, divided by
    the same ratio in the ring of similar tissue (METRICS 5). 1 means no stripes; above 1, slices
    across this axis do not fit together.

    Args:
        image: the filled image (X, Y, Z), any unit.
        mask: the filled voxels, same shape.

    Returns:
        NaN for an axis along which no two filled, or no two tissue, voxels are neighbours, and
        where the tissue does not change along the axis.
    """
    if not mask.any():
        return (math.nan,) * 3
    part, fill, ring = _near(image, mask)
    tissue = ring & _similar(part, part[fill])
    inside = [_mean_step(part, fill, axis) for axis in range(3)]
    outside = [_mean_step(part, tissue, axis) for axis in range(3)]
    x, y, z = (_ratio(_along(inside, axis), _along(outside, axis)) for axis in range(3))
    return x, y, z


def step_ratios(image: FloatArray, where: BoolArray) -> tuple[float, float, float]:
    """For each array axis: the mean change of neighbours along it over that along the two other axes.

    What `stripe_index` has no surroundings to compare with: a whole head. It is about 1 in a brain of
    equal voxel sides; along the axis of thick slices it is larger without any stripe.

    Args:
        image: (X, Y, Z), any unit.
        where: voxels that count, same shape.

    Returns:
        NaN for an axis along which no two of these voxels are neighbours.
    """
    steps = [_mean_step(image.astype(np.float64), where, axis) for axis in range(3)]
    x, y, z = (_along(steps, axis) for axis in range(3))
    return x, y, z


def _near(image: FloatArray, mask: BoolArray) -> tuple[NDArray[np.float64], BoolArray, BoolArray]:
    """Image, fill and ring in the box of the fill and its surroundings."""
    margin = (_RING_VOX + _WINDOW_VOX,) * 3
    x, y, z = mask.shape
    box = Box.around(mask).grow(margin).within((x, y, z)).slices
    fill = mask[box]
    ring = ndimage.binary_dilation(fill, np.ones((3, 3, 3)), iterations=_RING_VOX) & ~fill
    return image[box].astype(np.float64), fill, ring


def _beyond(fill: BoolArray, ring: BoolArray) -> BoolArray:
    return ~(fill | ring)


def _similar(values: NDArray[np.float64], fill: NDArray[np.float64]) -> BoolArray:
    width = _SIMILAR_SD * max(float(fill.std()), 1e-3 * abs(float(fill.mean())))
    return np.asarray(np.abs(values - fill.mean()) <= width)


def _mean_step(image: NDArray[np.float64], where: BoolArray, axis: int) -> float:
    steps = np.abs(np.diff(image, axis=axis))
    ahead, behind = (np.moveaxis(where, axis, 0)[s] for s in (slice(1, None), slice(None, -1)))
    both = np.moveaxis(ahead & behind, 0, axis)
    return float(steps[both].mean()) if both.any() else math.nan


def _along(steps: list[float], axis: int) -> float:
    return _ratio(steps[axis], (sum(steps) - steps[axis]) / 2)


def _ratio(above: float, below: float) -> float:
    return above / below if below > 0 else math.nan
