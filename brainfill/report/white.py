"""White matter of a T1-weighted scan, well enough to compare intensities with."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from brainfill.core.context import Context
from brainfill.core.errors import BrainfillError
from brainfill.core.grid import BoolArray
from brainfill.core.volume import Mask, Scan, Volume
from brainfill.preprocess.brain import stripped_brain
from brainfill.preprocess.strippers import builtin

_BRIGHTEST_PERCENT = 99.5
_LESION_MARGIN_VOX = 2


def white_matter(scan: Scan, ctx: Context) -> Mask | None:
    """The brightest of three classes of the brain, without its rim and without lesions; None if no brain is found.

    Thresholds are those of Otsu for three classes (Liao 2001). The brain is that of the scan, else the image itself if it
    is stripped, else what the shipped network finds.

    Args:
        scan: with a T1w image, and perhaps lesions and a brain mask.
        ctx: device and progress.
    """
    image = scan.images["T1w"]
    brain = scan.brain or stripped_brain(image) or _found(image, ctx)
    if brain is None:
        return None
    tissue = brain.data & ~_lesions(scan)
    values = image.data[tissue]
    if values.size == 0 or np.ptp(values) == 0:
        return None
    white = tissue & (image.data > _upper_threshold(values))
    white &= image.data <= np.percentile(values, _BRIGHTEST_PERCENT)
    inner = ndimage.binary_erosion(white)
    return Mask(inner, image.grid) if inner.any() else None


def _upper_threshold(values: np.ndarray) -> float:
    from skimage.filters import threshold_multiotsu

    try:
        return float(threshold_multiotsu(values, classes=3)[-1])
    except ValueError:  # fewer than three different values
        return float(values.mean())


def _lesions(scan: Scan) -> BoolArray:
    if scan.lesion is None:
        return np.zeros(scan.grid.shape, bool)
    return np.asarray(ndimage.binary_dilation(scan.lesion.data, iterations=_LESION_MARGIN_VOX))


def _found(image: Volume, ctx: Context) -> Mask | None:
    try:
        return builtin.build(builtin.Config())(image, ctx)
    except BrainfillError:  # no brain, or no weights: the page says that there is no white matter
        return None
