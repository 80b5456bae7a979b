"""How far lesions reach beyond their mask, judged from the voxels around them.

A scanner blurs the border of a lesion, and a rater draws its mask somewhere near half height. So the share s of a lesion
in a voxel falls with the distance r from its mask as the tail of a normal distribution does,

    s(r) = Phi((offset - (r - u / 2)) / width),

where u is the side of a voxel, the offset is how far half height lies outside the drawn border, and the width is that of
the point spread. Around the mask an image shows the tissue T that would be there, and of the contrast c between lesion
and tissue this share. Let E be a fill of mask and surroundings, which knows nothing of either. Then

    d = I - E = s(r) c + (T - E),

and since an error of the fill reaches from the surroundings into the mask, it is in c as in d, the more the deeper it
lies: the regression of d on c gives s(r) + b h(r), with h(r) falling from 1 beside the mask to 0 where the fill began.

Offset, width and b are those of the greatest posterior probability over all lesions of a scan; then each lesion has an
offset, a b and an error of its own, which are drawn towards those of the scan as far as it says little itself. A
lesion's rim is what lies nearer than the distance where its share in the brightness, s(r) C, falls below a part of the
error e that the fill makes beside its mask: folds of the cortex need evidence more than white matter does. Errors of
evidence all point to the lesion and are carried on into all of the fill, while those of the fill vary; hence a small
part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from brainfill.core.grid import FloatArray

# Chosen on lesions painted into two people who are in no table: rms error of the fill in the mask and where the lesion
# reached. 0.1 to 0.15 are alike there.
_PART_OF_ERROR = 0.12
_LEAST_ERROR = 0.01  # of the brightness of tissue: what no image is free of
# Means and standard deviations of what is expected, in voxel sides, and in mm where voxels are smaller.
_FINEST_MM = 1.0
_OFFSET, _WIDTH, _LOG_WIDTH_SD = (0.1, 0.6), 0.5, 0.45
_LESION_OFFSET_SD, _LESION_OFFSET_MOST = 0.4, 1.25
# Of b: its mean and standard deviation in a scan, in squares of error over contrast, and what is added to the latter; its
# standard deviation in a lesion, in errors over contrast.
_BIAS, _LEAST_BIAS_SD, _LESION_BIAS = 0.4, 0.01, 0.5
# Voxels beside each other err together: that many count as one, in a scan and in a lesion.
_ALIKE_IN_SCAN, _ALIKE_IN_LESION = 8.0, 20.0
_WILDEST = 6.0  # in errors: what lies farther off is another structure
_UNEXPLAINED = 0.003  # of the share, however many voxels there are
_BINS_PER_SIDE = 4
_ROUNDS = 5


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What was seen around lesions: n voxels beside masks, K lesions.

    Args:
        distance_mm: (n,), of each voxel from the nearest of a mask.
        deviation: (n,), image minus expected tissue.
        contrast: (n,), lesion minus expected tissue, in the mask nearby.
        lesion: (n,), whose surroundings these are, from 0 to K - 1.
        lesion_contrast: (K,), root of the mean square over each lesion; NaN where nothing was seen of one.
        brightness: of tissue.
        side_mm: u, the side of a voxel.
        reach_mm: how far from masks the surroundings reach.
    """

    distance_mm: FloatArray
    deviation: FloatArray
    contrast: FloatArray
    lesion: NDArray[np.intp]
    lesion_contrast: FloatArray
    brightness: float
    side_mm: float
    reach_mm: float


@dataclass(frozen=True, eq=False)
class Rims:
    """What was judged.

    Args:
        reach_mm: (K,), how far each lesion reaches beyond the border of its mask; 0 for those that end with it.
        offset_mm: how far half height lies outside the masks of the scan.
        width_mm: standard deviation of the point spread.
        contrast: of the lesions, root mean square, in the unit of the image.
        error: of the expected tissue beside masks, standard deviation, in the unit of the image.
    """

    reach_mm: FloatArray
    offset_mm: float
    width_mm: float
    contrast: float
    error: float


def judge(seen: Surroundings) -> Rims:
    """How far lesions reach beyond their masks; see the head of this file.

    Args:
        seen: at least one voxel.
    """
    error = _error(seen)
    contrast = float(np.sqrt(np.mean(seen.contrast[_beside(seen)] ** 2)))
    layers = _Layers(seen, error)
    unit_mm = max(seen.side_mm, _FINEST_MM)
    offset, width, bias = _scan(layers, unit_mm, error, contrast)
    own = np.where(np.isnan(seen.lesion_contrast), contrast, seen.lesion_contrast)
    offsets = _lesions(layers, unit_mm, error, own, (offset, width, bias))
    errors = _lesion_errors(seen, error, offset, width)
    least_share = np.minimum(_PART_OF_ERROR * errors / np.maximum(own, 1e-12), 1)
    reach = np.clip(offsets - width * ndtri(least_share), 0, seen.reach_mm - seen.side_mm / 2)
    return Rims(reach, offset, width, contrast, error)


class _Layers:
    """Regressions of deviation on contrast, by lesion and by distance: sums (K, L) that say all of them.

    Args:
        seen: voxels.
        error: of the expected tissue beside masks.
    """

    def __init__(self, seen: Surroundings, error: float) -> None:
        bins = np.rint(seen.distance_mm / (seen.side_mm / _BINS_PER_SIDE)).astype(int)
        _, layer, voxels = np.unique(bins, return_inverse=True, return_counts=True)
        distance_mm = np.bincount(layer, seen.distance_mm) / voxels
        self.beyond_mm = distance_mm - seen.side_mm / 2
        depth = seen.reach_mm + seen.side_mm / 2 - distance_mm
        # The variance of a prediction grows with the square of the distance from what it begins with.
        self.spread = np.clip(depth / max(seen.reach_mm - seen.side_mm / 2, 1e-6), 0, 1) ** 2
        d, c = seen.deviation, seen.contrast
        variance = (error**2 * self.spread + (_LEAST_ERROR * seen.brightness) ** 2)[layer]
        size = (len(seen.lesion_contrast), len(voxels))
        place = np.ravel_multi_index((seen.lesion, layer), size)

        def summed(values: FloatArray) -> FloatArray:
            return np.asarray(np.bincount(place, values, size[0] * size[1]).reshape(size), float)

        slope = np.zeros(len(voxels))
        for _ in range(_ROUNDS):
            # What the lesions' share does not explain is another tissue, and counts less (Cauchy).
            left = d - slope[layer] * c
            weight = 1 / variance / (1 + left**2 / (4 * variance))
            self.common, self.squares = summed(weight * d * c), summed(weight * c * c)
            slope = self.common.sum(axis=0) / np.maximum(self.squares.sum(axis=0), 1e-12)


def _beside(seen: Surroundings) -> NDArray[np.bool_]:
    """Voxels that adjoin a mask; the nearest where none does."""
    return np.asarray(seen.distance_mm <= max(1.01 * seen.side_mm, seen.distance_mm.min()))


def _error(seen: Surroundings) -> float:
    """Standard deviation of what the lesion does not explain beside masks; a robust one."""
    d, c = seen.deviation[_beside(seen)], seen.contrast[_beside(seen)]
    floor = _LEAST_ERROR * seen.brightness
    share, spread = 0.0, np.inf
    for _ in range(_ROUNDS):
        left = d - share * c
        spread = max(float(1.4826 * np.median(np.abs(left))), floor)
        weight = 1 / (1 + (left / (2 * spread)) ** 2)
        share = float((weight * d * c).sum() / max((weight * c * c).sum(), floor**2))
    return spread


def _lesion_errors(
    seen: Surroundings, error: float, offset_mm: float, width_mm: float
) -> FloatArray:
    """What the share of lesions leaves unexplained beside each of them, (K,), on the scale of `error`."""
    beside, count = _beside(seen), len(seen.lesion_contrast)
    beyond_mm = seen.distance_mm[beside] - seen.side_mm / 2
    share = _share(beyond_mm, offset_mm, width_mm)
    left = seen.deviation[beside] - share * seen.contrast[beside]
    squares = np.minimum(left**2, (_WILDEST * error) ** 2)
    whose = seen.lesion[beside]
    total, voxels = np.bincount(whose, squares, count), np.bincount(whose, minlength=count)
    mean = squares.mean()
    if mean == 0:
        return np.full(count, error)
    of_mean = (total / mean + _ALIKE_IN_LESION) / (voxels + _ALIKE_IN_LESION)
    return np.asarray(error * np.sqrt(of_mean))


def _share(
    beyond_mm: FloatArray, offset_mm: FloatArray | float, width_mm: FloatArray | float
) -> FloatArray:
    """s of the head of this file, at distances r - u / 2 from the drawn border."""
    return np.asarray(ndtr((offset_mm - beyond_mm) / width_mm))


def _scan(
    layers: _Layers, unit_mm: float, error: float, contrast: float
) -> tuple[float, float, float]:
    """Offset [mm], width [mm] and b of the greatest posterior probability, over all lesions together."""
    common, squares = layers.common.sum(axis=0), layers.squares.sum(axis=0)
    slope = common / np.maximum(squares, 1e-12)
    weight = 1 / (_ALIKE_IN_SCAN / np.maximum(squares, 1e-12) + _UNEXPLAINED**2)
    mean, sd = _OFFSET
    z = np.linspace(-2.5, 2.5, 51)
    offsets = unit_mm * (mean + sd * z)[:, None, None]
    logs = np.linspace(-3, 3, 41)
    widths = unit_mm * _WIDTH * np.exp(_LOG_WIDTH_SD * logs)[None, :, None]
    ratio = min(error / contrast, 1.0) ** 2 if contrast else 1.0
    mean_bias, bias_sd = _BIAS * ratio, _BIAS * ratio + _LEAST_BIAS_SD
    left = slope - _share(layers.beyond_mm, offsets, widths) - mean_bias * layers.spread
    precision = (weight * layers.spread**2).sum() + 1 / bias_sd**2
    drift = (weight * layers.spread * left).sum(axis=-1)
    misfit = (weight * left**2).sum(axis=-1) - drift**2 / precision
    misfit += (z**2)[:, None] + (logs**2)[None]
    i, j = np.unravel_index(misfit.argmin(), misfit.shape)
    return (
        float(offsets[i, 0, 0]),
        float(widths[0, j, 0]),
        float(mean_bias + drift[i, j] / precision),
    )


def _lesions(
    layers: _Layers,
    unit_mm: float,
    error: float,
    contrast: FloatArray,
    scan: tuple[float, float, float],
) -> FloatArray:
    """Offset [mm] (K,) that is expected of each lesion, its own b being whatever it may."""
    offset, width, bias = scan
    step = np.linspace(-_LESION_OFFSET_MOST, _LESION_OFFSET_MOST, 51)
    offsets = offset + unit_mm * step
    share = _share(layers.beyond_mm, offsets[:, None], width)
    squares, common = layers.squares / _ALIKE_IN_LESION, layers.common / _ALIKE_IN_LESION
    # Errors of many lesions must agree to bias a scan; that of one does so alone.
    trust = (np.maximum(contrast, 1e-3 * error) / (_LESION_BIAS * error)) ** 2
    precision = squares @ layers.spread**2 + trust
    drift = (common @ layers.spread)[:, None] - (squares * layers.spread) @ share.T
    drift += (trust * bias)[:, None]
    misfit = squares @ (share**2).T - 2 * common @ share.T - drift**2 / precision[:, None]
    misfit += (step / _LESION_OFFSET_SD) ** 2
    chances = np.exp(-0.5 * (misfit - misfit.min(axis=1, keepdims=True)))
    return np.asarray(chances @ offsets / chances.sum(axis=1))
