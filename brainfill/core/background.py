"""What is background in an image, and the image counted from it. Whatever reads brightness relative to nothing asks here.

The background is where neither head nor brain is seen. Files have it at 0, at the air of a scanner whose scale begins
elsewhere (-1024, 1000), at the lowest of a range made for networks (-1), or hidden behind the value that a program wrote
outside the field of view (-32768, 4095). No single voxel decides, however dark or bright it is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from brainfill.core.grid import BoolArray, FloatArray
from brainfill.core.volume import Volume

# Of the voxels of the six sides of a volume. A tissue grey never covers that much, nor lies below nearly everything else.
_MUCH_OF_SIDES, _FAIR_SHARE_OF_SIDES = 0.4, 0.05
_RANGE_PCT = (2.0, 98.0)
# In nine heads 0.29 to 0.38 of what was not 0 lay this near to its darkest, in stripped brains 0.03 to 0.06, and where all
# values are equally frequent 0.12 do.
_AIR_WIDTH, _LEAST_AIR, _LEAST_AIR_OF_SIDES = 0.1, 0.2, 0.5
_SPIKE = 10


class Background(NamedTuple):
    """What stands for nothing in an image.

    Args:
        level: brightness of nothing; 0 in most images.
        flat: the one value of all voxels outside the head, brain or field of view; None where these are noisy, or none
            are there. Where it is not `level`, it is no brightness at all.
    """

    level: float
    flat: float | None


def background(data: FloatArray, hole: BoolArray | None = None) -> Background:
    """The background of an image.

    Let v be the most frequent value on the six sides, low and high the 2nd and 98th percentile of all other voxels, and
    w = (high - low) / 10. v is `flat` if it covers two fifths of the sides, or a twentieth and v < low. The image has air of
    its own if a fifth of all other voxels, and where v is not flat half of the sides, lie within w of low.

    `level` is the first of these that holds:

    1. v, if it is flat and v <= low + w, and not v < 0 <= low + w, where 0 is as likely;
    2. v, if it is flat and within high - low of low, and the image has no air of its own;
    3. with air: the nearest to low of 0 and, if flat, v, if that is within w of low; else low;
    4. 0; but low where low < -w, as tissue that goes far below 0 was not counted from there.

    An image of one value is background throughout.

    Args:
        data: (X, Y, Z), any range; what is not finite is not looked at.
        hole: (X, Y, Z), voxels that are not looked at either: what is in them is arbitrary.
    """
    if hole is not None:
        data = np.where(hole, np.float32(np.nan), data)
    sides = _sides(data)
    value, share = _commonest(sides)
    values = data.ravel(order="K")  # no order counts here, and that of the file is the fastest
    rest = values[(values != value) & np.isfinite(values)]
    if not rest.size:
        return Background(value, value) if sides.size else Background(0.0, None)
    low, high = (float(v) for v in np.percentile(rest, _RANGE_PCT))
    flat = share >= _MUCH_OF_SIDES or (share >= _FAIR_SHARE_OF_SIDES and value < low)
    return Background(
        _level(rest, sides, low, high, value if flat else None), value if flat else None
    )


def _level(
    rest: FloatArray, sides: FloatArray, low: float, high: float, flat: float | None
) -> float:
    span = high - low
    width = _AIR_WIDTH * span

    def dark(values: FloatArray) -> float:
        return float(np.mean(np.abs(values - low) <= width))

    beside = flat is not None or dark(sides) >= _LEAST_AIR_OF_SIDES
    air = span > 0 and beside and dark(rest) >= _LEAST_AIR
    if flat is not None and flat <= low + width:
        below_zero = flat < 0 <= low + width
        if not below_zero or (not air and low - flat <= span):
            return flat
    if air:
        usual = (0.0,) if flat is None else (flat, 0.0)
        nearest = min(usual, key=lambda v: abs(v - low))
        return nearest if abs(nearest - low) <= width else low
    return low if low < -width else 0.0


def from_background(image: Volume, hole: BoolArray | None = None) -> tuple[Volume, float]:
    """The image counted from its background, and the level of that.

    Args:
        image: any range.
        hole: (X, Y, Z), voxels that are not looked at.

    Returns:
        the image itself if it has its background at 0; else a copy with the level taken off and 0 wherever it was flat.
    """
    found = background(image.data, hole)
    data = counted_from(found, image.data)
    return (image, 0.0) if data is image.data else (Volume(data, image.grid), found.level)


def counted_from(found: Background, data: FloatArray) -> FloatArray:
    """The values counted from a background; `data` itself if that is at 0 already."""
    level, flat = found
    if level == 0 and flat in (None, 0.0):
        return data
    counted: FloatArray = data - np.float32(level)
    if flat is not None:
        counted[data == flat] = 0
    return counted


def without_spikes(data: FloatArray) -> FloatArray:
    """The values, single ones cut that are far beyond all others: for methods that count them in bins of equal width.

    Args:
        data: (X, Y, Z), counted from the background.

    Returns:
        float32; the values themselves if none is beyond ten times the 98th percentile of what is above 0, either way.
    """
    shown = data[data > 0]
    if not shown.size:
        return data
    most = _SPIKE * np.float32(np.percentile(shown, _RANGE_PCT[1]))
    return np.clip(data, -most, most)


def commonest_on_sides(data: FloatArray) -> tuple[float, float]:
    """The most frequent value on the six sides (X, Y, Z), and its share of them; NaN and 0 if none is finite."""
    return _commonest(_sides(data))


def _sides(data: FloatArray) -> FloatArray:
    ends = [np.moveaxis(data, axis, 0)[end].ravel() for axis in range(3) for end in (0, -1)]
    sides = np.concatenate(ends)
    return np.asarray(sides[np.isfinite(sides)])


def _commonest(values: FloatArray) -> tuple[float, float]:
    """The most frequent value, and its share."""
    if not values.size:
        return float("nan"), 0.0
    found, counts = np.unique(values, return_counts=True)
    return float(found[counts.argmax()]), float(counts.max() / values.size)
