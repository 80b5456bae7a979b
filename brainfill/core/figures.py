"""Figures as records and tables give them: to the digits that mean something."""

from __future__ import annotations

import math

import numpy as np

from brainfill.core.grid import FloatArray

_DIGITS = 4


def figure(value: float) -> float:
    """A measured value to four significant digits.

    What follows differs between processors and numbers of threads, and says nothing of an image.

    >>> figure(85.34477), figure(0.000123456), figure(float("inf"))
    (85.34, 0.0001235, inf)
    """
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else value


def figures(values: FloatArray) -> FloatArray:
    """An image of measured values, all of them as fine as its largest has four significant digits; float32.

    >>> figures(np.array([12.3456, 0.0123], np.float32)).tolist()
    [12.350000381469727, 0.009999999776482582]
    """
    largest = float(np.max(np.abs(values), initial=0))
    if not largest:
        return values
    digits = _DIGITS - 1 - math.floor(math.log10(largest))
    return np.round(values.astype(np.float64), digits).astype(np.float32)
