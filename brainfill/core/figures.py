"""Figures as records and tables give them: to the digits that mean something."""

from __future__ import annotations

import math

_DIGITS = 4


def figure(value: float) -> float:
    """A measured value to four significant digits.

    What follows differs between processors and numbers of threads, and says nothing of an image.

    >>> figure(85.34477), figure(0.000123456), figure(float("inf"))
    (85.34, 0.0001235, inf)
    """
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else value
