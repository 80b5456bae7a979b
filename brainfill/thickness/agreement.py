"""How far two measurements of the same thing agree: change, limits, ICC, tests, intervals."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from brainfill.core.grid import FloatArray

_LEVEL_PCT = 95.0
_LIMIT_SD = 1.96
_FEWEST_PEOPLE = 3


class Limits(NamedTuple):
    """Bland-Altman: mean difference, its standard deviation, and the limits of agreement."""

    bias: float
    sd: float
    low: float
    high: float


def change(before: FloatArray, after: FloatArray) -> FloatArray:
    """The reproducibility error |x - y| / (x + y), half of the relative difference (METHODS 20.2).

    Args:
        before: x, 0 or more, any shape; NaN where nothing was measured.
        after: y, likewise.

    Returns:
        In [0, 1]; NaN where one of the two is NaN, and where both are 0: never 0 for what was not measured.

    >>> change(np.array([2.0, 2.0, 0.0]), np.array([2.0, 1.0, 0.0]))
    array([0.        , 0.33333333,        nan])
    """
    x, y = np.asarray(before, np.float64), np.asarray(after, np.float64)
    total = x + y
    return np.asarray(np.abs(x - y) / np.where(total > 0, total, np.nan))


def signed_pct(before: FloatArray, after: FloatArray) -> FloatArray:
    """The signed difference 100 (y - x) / ((x + y) / 2), positive where it grew (METRICS 4.1); NaN as in `change`."""
    x, y = np.asarray(before, np.float64), np.asarray(after, np.float64)
    return np.asarray(200 * np.sign(y - x) * change(x, y))


def mean_known(values: FloatArray, axis: int | None = 0) -> FloatArray:
    """The mean of what is not NaN; NaN where nothing is left, without a warning."""
    known = np.isfinite(values)
    total = np.where(known, values, 0).sum(axis=axis)
    count = known.sum(axis=axis)
    return np.asarray(np.where(count > 0, total, np.nan) / np.maximum(count, 1))


def bland_altman(before: FloatArray, after: FloatArray) -> Limits:
    """Bias and 95 % limits of agreement of after - before (Bland & Altman 1986).

    Args:
        before: (N,), NaN where not measured.
        after: same shape.

    Returns:
        In the unit of the measurements; NaN with fewer than two pairs.
    """
    difference = np.asarray(after) - np.asarray(before)
    difference = difference[np.isfinite(difference)]
    if difference.size < 2:
        return Limits(*(math.nan,) * 4)
    bias, sd = float(difference.mean()), float(difference.std(ddof=1))
    return Limits(bias, sd, bias - _LIMIT_SD * sd, bias + _LIMIT_SD * sd)


def icc_3_1(ratings: FloatArray) -> float:
    """Intraclass correlation ICC(3,1): two-way mixed, consistency, single rating.

    Shrout & Fleiss 1979, https://doi.org/10.1037/0033-2909.86.2.420.

    Args:
        ratings: (N targets, K raters); rows with a NaN are left out.

    Returns:
        NaN with fewer than three targets, or where targets and raters do not vary at all.
    """
    x = np.asarray(ratings, np.float64)
    x = x[np.isfinite(x).all(axis=1)]
    n, k = x.shape
    if n < _FEWEST_PEOPLE or k < 2:
        return math.nan
    targets, raters, mean = x.mean(axis=1), x.mean(axis=0), x.mean()
    between = k * float(((targets - mean) ** 2).sum()) / (n - 1)
    residual = x - targets[:, None] - raters[None] + mean
    error = float((residual**2).sum()) / ((n - 1) * (k - 1))
    below = between + (k - 1) * error
    # Rounding leaves crumbs of a variance where there is none.
    return (between - error) / below if below > 1e-12 * max(mean**2, 1e-300) else math.nan


def wilcoxon_p(before: FloatArray, after: FloatArray) -> float:
    """Two-sided p of the paired Wilcoxon signed-rank test, exact for small samples without ties.

    Args:
        before: (N,), NaN where not measured.
        after: same shape.

    Returns:
        1 where no pair differs; NaN with fewer than three pairs.
    """
    from scipy import stats

    difference = np.asarray(after, np.float64) - np.asarray(before, np.float64)
    difference = difference[np.isfinite(difference)]
    if difference.size < _FEWEST_PEOPLE:
        return math.nan
    moved = difference[difference != 0]
    return float(stats.wilcoxon(moved).pvalue) if moved.size else 1.0


def holm(p: FloatArray) -> FloatArray:
    """p-values adjusted for their number by the step-down method of Holm 1979; NaN stays NaN and does not count.

    >>> holm(np.array([0.01, 0.04, 0.03]))
    array([0.03, 0.06, 0.06])
    """
    p = np.asarray(p, np.float64)
    adjusted = np.full(p.shape, np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    factors = known.size - np.arange(known.size)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1)
    return adjusted


def bootstrap_interval(
    statistic: Callable[[NDArray[np.intp]], FloatArray], people: int, resamples: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """95 % percentile interval of a statistic over resampled people (Efron & Tibshirani 1993).

    Args:
        statistic: takes the indices (people,) of the people of one resample, with repeats; gives a number or an array.
        people: how many there are.
        resamples: how often they are drawn.
        seed: start of the draws; the same seed gives the same interval.

    Returns:
        Lower and upper end, of the statistic's shape; NaN with fewer than three people.
    """
    shape = np.shape(statistic(np.arange(people)))
    if people < _FEWEST_PEOPLE:
        return np.full(shape, np.nan), np.full(shape, np.nan)
    rng = np.random.default_rng(seed)
    drawn = np.stack([statistic(rng.integers(people, size=people)) for _ in range(resamples)])
    # What no person of a resample has is left out of its interval; what no resample has, has none.
    none = ~np.isfinite(drawn).any(axis=0)
    tails = ((100 - _LEVEL_PCT) / 2, (100 + _LEVEL_PCT) / 2)
    low, high = np.nanpercentile(np.where(none, 0.0, drawn), tails, axis=0)
    return np.where(none, np.nan, low), np.where(none, np.nan, high)
