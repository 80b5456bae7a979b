"""Whether an image is stripped already, and whether what is called its brain can be one."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from brainfill.core.background import from_background
from brainfill.core.errors import DataError
from brainfill.core.grid import BoolArray, FloatArray
from brainfill.core.volume import Mask, Volume
from brainfill.preprocess.foreground import foreground
from brainfill.preprocess.steps.resample import resample_to, resampled_grid

# On 35 stripped and whole scans: stripped brains had 1000 to 2000 ml, heads 3600 ml and more.
_STRIPPED_ML = (200.0, 2500.0)
_MOST_SHOWN = 0.8
_COARSE_MM = 2.0
_FINE_SD_MM, _BROAD_SD_MM = 2.5, 10.0
_DEPTH_MM = 5.0
# Folds and tissues gave 0.10 to 0.34 in T1w brains; balls of any shading 0.00, of noise 0.05.
_LEAST_STRUCTURE = 0.06


def stripped_brain(image: Volume) -> Mask | None:
    """The brain of an image that shows nothing else; None for a head, or anything larger than a brain."""
    shown = foreground(image)
    volume_ml = float(shown.sum()) * image.grid.voxel_ml()
    if not _STRIPPED_ML[0] <= volume_ml <= _STRIPPED_ML[1] or shown.mean() > _MOST_SHOWN:
        return None
    background = from_background(image)[0].data[~shown]
    # Air of a scanner is never one and the same value everywhere.
    flat = np.count_nonzero(background == np.median(background)) > 0.99 * background.size
    return Mask(shown, image.grid) if flat else None


def check_brain(image: Volume, brain: Mask, subject: str, least_ml: float, most_ml: float) -> None:
    """Refuse a brain mask that cannot be meant.

    Args:
        image: T1-weighted.
        brain: what was found, on its grid.
        subject: named in the messages.
        least_ml: volume of the smallest brain to believe [ml].
        most_ml: volume of the largest [ml].

    Raises:
        DataError: it is empty, too small or large, or shows no folds and tissues.
    """
    volume_ml = brain.volume_ml()
    look = "look at the image and its brain mask; is it a T1-weighted head in millimetres?"
    if not brain.data.any():
        msg = f"no brain was found in '{subject}': its brain mask is empty"
        raise DataError(msg, look)
    if not least_ml <= volume_ml <= most_ml:
        msg = (
            f"what was found in '{subject}' is no brain: it has {volume_ml:.0f} ml, "
            f"expected {least_ml:g} to {most_ml:g} ml"
        )
        raise DataError(msg, look)
    found = structure(from_background(image)[0], brain.data)
    if found < _LEAST_STRUCTURE:
        msg = (
            f"what was found in '{subject}' is no brain: its tissues differ by {found:.3f} of its "
            f"intensity, expected at least {_LEAST_STRUCTURE:g}"
        )
        raise DataError(msg, look)


def structure(image: Volume, inside: BoolArray) -> float:
    """How much tissues of a few millimetres differ inside a mask, as a share of its median intensity above background 0.

    The standard deviation of a difference of Gaussians, away from the mask's edge: noise has too little of it for
    being fine, a phantom for being smooth.
    """
    box = image.grid.box_around(inside, _COARSE_MM)
    here, flags = image.grid.crop(box), inside[box.slices].astype(np.float32)
    grid = resampled_grid(here, _COARSE_MM)
    part = resample_to(image.data[box.slices] * flags, here, grid, 1)
    weight = resample_to(flags, here, grid, 1)
    solid = weight > 0.5
    deep = ndimage.distance_transform_edt(solid, sampling=_COARSE_MM) > _DEPTH_MM
    level = float(np.median(image.data[inside]))
    if not deep.any() or level <= 0:
        return 0.0
    differs = _mean(part, weight, _FINE_SD_MM) - _mean(part, weight, _BROAD_SD_MM)
    return float(differs[deep].std()) / level


def _mean(part: FloatArray, weight: FloatArray, sd_mm: float) -> FloatArray:
    """Gaussian mean of the voxels of positive weight only."""
    sd = sd_mm / _COARSE_MM
    below = ndimage.gaussian_filter(weight, sd)
    return np.asarray(ndimage.gaussian_filter(part, sd) / np.maximum(below, 1e-3))
