"""Intensity match between a fill and the known tissue around it."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from brainfill.core.grid import BoolArray, FloatArray

_RING_VOX = 3
_STEEPEST = 0.1


def ring_match(estimate: FloatArray, image: FloatArray, hole: BoolArray) -> tuple[float, float]:
    """Scale a and offset c that bring an estimate closest to the image in a ring around the hole.

    Least squares on the known voxels above zero within 3 voxels of the hole, with a held between
    0.9 and 1.1 (METHODS 4, inference step 4).

    Args:
        estimate: what a model says everywhere, (X, Y, Z).
        image: the truth, where it is known.
        hole: where it is not.

    Returns:
        (a, c) so that a * estimate + c is the matched fill; (1, 0) without any ring.
    """
    ring = ndimage.binary_dilation(hole, iterations=_RING_VOX) & ~hole & (image > 0)
    if not ring.any():
        return 1.0, 0.0
    x, y = estimate[ring].astype(np.float64), image[ring].astype(np.float64)
    variance = x.var()
    slope = ((x - x.mean()) * (y - y.mean())).mean() / variance if variance > 0 else 1.0
    slope = float(np.clip(slope, 1 - _STEEPEST, 1 + _STEEPEST))
    return slope, float(y.mean() - slope * x.mean())
