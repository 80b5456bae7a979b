"""Units of brightness: the level of the tissue around a hole is 1, background 0."""

from __future__ import annotations

import numpy as np

from brainfill.core.grid import BoolArray, Box, FloatArray

_LEVEL_MARGIN_VOX = 12
_BRIGHTEST = 2.0  # in units of white matter; fat and vessels beyond it carry no information


def tissue_level(image: FloatArray, hole: BoolArray) -> float:
    """Brightness of the tissue around the hole, near that of white matter in a T1w image.

    The 95th percentile of known voxels above zero within 12 voxels of the hole's box. Taken near
    the hole, it does not depend on the skull, on bias fields or on the rest of the head.

    Args:
        image: float (D, H, W), any unit, background 0.
        hole: bool, same shape.

    Returns:
        A positive number in the unit of the image; 1.0 when there is no tissue at all.
    """
    margin = (_LEVEL_MARGIN_VOX,) * 3
    near = Box.around(hole).grow(margin).within(hole.shape).slices
    values = image[near][~hole[near] & (image[near] > 0)]
    return float(np.percentile(values, 95)) if values.size else 1.0


def normalised(image: FloatArray, level: float) -> FloatArray:
    """The image in units of its tissue level, cut to [0, 2]."""
    return np.clip(image / level, 0.0, _BRIGHTEST).astype(np.float32)
