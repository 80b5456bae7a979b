"""How bright a lesion is against the tissue around it: measured, and set to what is wanted."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from brainfill.core.background import background
from brainfill.core.errors import DataError
from brainfill.core.grid import Box, FloatArray
from brainfill.core.volume import Mask

_RING_MM = (1.5, 5.0)
# A lesion that differs less from its surroundings cannot be made stronger by a factor.
_LEAST_DIFFERENCE = 0.02
_DARK = 0.05  # of the brightest tissue around: background, or what splines make of it


def contrast_of(image: FloatArray, lesion: Mask) -> float | None:
    """Median brightness of a lesion over that of the tissue 1.5 to 5 mm around it.

    Args:
        image: (X, Y, Z); brightness is counted from its background.
        lesion: on its grid.

    Returns:
        A ratio; None if there is no tissue around.
    """
    bright = image - _nothing(image, lesion)
    around = _around(bright, lesion)
    return float(np.median(bright[lesion.data]) / around) if around else None


def with_contrast(
    values: Mapping[str, FloatArray],
    images: Mapping[str, FloatArray],
    lesion: Mask,
    leading: str,
    wanted: float,
) -> dict[str, FloatArray]:
    """Painted values whose median is as bright as asked for; other contrasts change by the same factor.

    Args:
        values: by contrast, (X, Y, Z), read inside the lesion only.
        images: by contrast, read outside the lesion only.
        lesion: where `values` are painted.
        leading: the contrast that `wanted` is meant for.
        wanted: `contrast_of` that contrast.

    Returns:
        Values of all contrasts; the others stay as they are if the leading one had no contrast of that sign.

    Raises:
        DataError: there is no tissue to compare with.
    """
    nothing = {n: _nothing(image, lesion) for n, image in images.items()}
    around = {n: _around(image - nothing[n], lesion) for n, image in images.items()}
    bright = {n: v - nothing[n] for n, v in values.items()}
    if not around[leading]:
        msg = f"the lesions cannot be given a contrast: no tissue lies around them in {leading}"
        raise DataError(msg, "leave --lesion-contrast out")
    found = float(np.median(bright[leading][lesion.data])) - around[leading]
    missing = (wanted - 1) * around[leading]
    if found * missing > 0 and abs(found) > _LEAST_DIFFERENCE * around[leading]:
        factor = missing / found
        for name, level in around.items():
            if level:
                bright[name] = level + factor * (bright[name] - level)
    else:
        bright[leading] = bright[leading] + (missing - found)
    return {n: np.maximum(v, 0) + nothing[n] for n, v in bright.items()}


def _nothing(image: FloatArray, lesion: Mask) -> float:
    """The background of an image, whatever its lesion is like."""
    return background(image, lesion.data).level


def _around(image: FloatArray, lesion: Mask) -> float:
    """Median of the tissue around a lesion, 0 if there is none."""
    nearest, farthest = _RING_MM
    x, y, z = (int(np.ceil(farthest / s)) + 1 for s in lesion.grid.spacing())
    box = Box.around(lesion.data).grow((x, y, z)).within(lesion.grid.shape).slices
    away_mm = ndimage.distance_transform_edt(~lesion.data[box], sampling=lesion.grid.spacing())
    values = image[box][(away_mm > nearest) & (away_mm <= farthest)]
    tissue = values[values > _DARK * values.max(initial=0)]
    return float(np.median(tissue)) if tissue.size else 0.0
