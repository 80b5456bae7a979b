"""What to expect deep inside a large hole, where the patches around it have little to say.

There the mean of what could be is smooth. It is continued from the border as a harmonic surface over
what the other side of the head shows, as far as that side resembles this one around the hole.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy import ndimage

from brainfill.core.grid import BoolArray, FloatArray
from brainfill.interpolation.harmonic import harmonic_fill

# Chosen on the held-out people of pipelines/models/t1_fill.sh.
_LARGE_MM = (8.0, 12.0)
_SHARE_MM = (2.0, 8.0)
_BLUR_MM = 2.5
_RING_MM = 10.0
_LEAST_SHARE = 0.3
_STEEPEST = 1.2


def depth(hole: BoolArray, tissue: BoolArray, spacing_mm: float) -> FloatArray:
    """Distance [mm] from each voxel of a hole to the nearest known tissue; 0 elsewhere.

    Background tells nothing of what was in a hole, so it does not count.
    """
    if not tissue.any():
        return np.zeros(hole.shape)
    return np.asarray(ndimage.distance_transform_edt(~tissue) * spacing_mm * hole)


def is_large(depth_mm: FloatArray) -> bool:
    """Whether a hole is so deep that patches lose their way before they reach its middle."""
    return bool(depth_mm.max() > _LARGE_MM[0])


def expect_inside(
    filled: FloatArray,
    depth_mm: FloatArray,
    tissue: BoolArray,
    across: FloatArray,
    spacing_mm: float,
) -> FloatArray:
    """A fill that turns, from the border of a large hole inwards, into what can be expected there.

    Args:
        filled: (X, Y, Z), any order of axes; known outside the hole, a first fill inside.
        depth_mm: see `depth`; above 0 in the hole and nowhere else.
        tissue: known voxels that are not background.
        across: what lies on the other side of the head, 0 where that is background.
        spacing_mm: voxel size, the same along all axes.

    Returns:
        The fill, unchanged within 2 mm of known tissue. In holes 12 mm deep or more it is wholly
        what can be expected from 8 mm on; in less deep ones less so, in those of 8 mm not at all.
    """
    share = _rise(depth_mm, _SHARE_MM) * _rise(depth_mm.max(), _LARGE_MM)
    guide, shown = _blurred(across, _BLUR_MM / spacing_mm)
    away_mm = ndimage.distance_transform_edt(depth_mm == 0) * spacing_mm
    ring = tissue & shown & (away_mm <= _RING_MM)
    slope = _slope(guide[ring], filled[ring])
    left = _harmonic(np.where(tissue, filled - slope * guide, 0), tissue)
    return np.asarray((1 - share) * filled + share * (slope * guide + left), np.float32)


def _rise(value: FloatArray | np.floating[Any], ends: tuple[float, float]) -> FloatArray:
    """0 up to the first end, 1 from the second on, a straight line between."""
    return np.asarray(np.clip((value - ends[0]) / (ends[1] - ends[0]), 0, 1))


def _blurred(across: FloatArray, sigma_vox: float) -> tuple[FloatArray, BoolArray]:
    """The other side's tissue after a blur that leaves background out, and where there is any."""
    share = ndimage.gaussian_filter((across > 0).astype(np.float64), sigma_vox)
    total = ndimage.gaussian_filter(across.astype(np.float64), sigma_vox)
    shown = share > _LEAST_SHARE
    mean = float(across[across > 0].mean()) if (across > 0).any() else 0.0
    return np.where(shown, total / np.maximum(share, _LEAST_SHARE), mean), shown


def _slope(x: FloatArray, y: FloatArray) -> float:
    """How much of `x` there is in `y`; 0 where they have nothing in common."""
    spread = float(x.var()) if x.size else 0.0
    if spread == 0:
        return 0.0
    return float(np.clip(((x - x.mean()) * (y - y.mean())).mean() / spread, 0, _STEEPEST))


def _harmonic(values: FloatArray, known: BoolArray) -> FloatArray:
    image, hole = (
        torch.from_numpy(np.ascontiguousarray(a, np.float32))[None, None] for a in (values, ~known)
    )
    return np.asarray(harmonic_fill(image, hole)[0, 0].numpy())
