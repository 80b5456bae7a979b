"""Whether two images on one grid show the same head."""

from __future__ import annotations

import numpy as np

from brainfill.core.grid import BoolArray, FloatArray

_CLASSES = 64


def correlation_ratio(image: FloatArray, other: FloatArray, where: BoolArray) -> float:
    """How much of the variance of an image is explained by the brightness of another, whatever the relation (0 to 1).

    Roche et al. 1998, https://doi.org/10.1007/BFb0056301, with 64 equally frequent classes of brightness.

    Args:
        image: (X, Y, Z).
        other: likewise, of any contrast.
        where: voxels that are compared; 0 is returned where there are too few.
    """
    values, classes = image[where].astype(np.float64), other[where]
    if values.size <= _CLASSES or not values.var():
        return 0.0
    borders = np.quantile(classes, np.linspace(0, 1, _CLASSES + 1)[1:-1])
    number = np.digitize(classes, borders)
    count = np.bincount(number, minlength=_CLASSES)
    means = np.bincount(number, values, minlength=_CLASSES) / np.maximum(count, 1)
    return float(1 - np.mean((values - means[number]) ** 2) / values.var())
