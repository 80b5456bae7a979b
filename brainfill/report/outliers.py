"""Who stands out in a group, by a rule that the people who stand out do not move."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LIMIT = 3.5
LEAST_PEOPLE = 5
RULE = (
    f"A value is marked when its modified z score, 0.6745 times its distance from the median over the median absolute "
    f"deviation, is above {LIMIT} in size (Iglewicz and Hoaglin 1993); lesion volumes are compared by their logarithm. "
    f"With fewer than {LEAST_PEOPLE} values nothing is marked."
)
# Of a normal distribution, in standard deviations: the median, and the mean, absolute deviation.
_MEDIAN_DEVIATION, _MEAN_DEVIATION = 0.6745, 0.797885


def modified_z(values: Sequence[float | None]) -> list[float | None]:
    """The modified z score of each value; None for those that are None or not finite.

    Where more than half of the values are equal, so that the median deviation is 0, the mean deviation stands in for
    it. Iglewicz & Hoaglin 1993, How to Detect and Handle Outliers, ASQC Quality Press.

    >>> modified_z([1, 2, 3, 4, 100, None])
    [-1.349, -0.6745, 0.0, 0.6745, 65.4265, None]
    """
    known = np.array([v for v in values if v is not None and np.isfinite(v)], float)
    if not known.size:
        return [None] * len(values)
    middle = float(np.median(known))
    away = np.abs(known - middle)
    scale = float(np.median(away)) / _MEDIAN_DEVIATION or float(away.mean()) / _MEAN_DEVIATION
    return [
        None
        if v is None or not np.isfinite(v)
        else round(float((v - middle) / scale), 12)
        if scale
        else 0.0
        for v in values
    ]


def outliers(values: Sequence[float | None], *, logarithm: bool = False) -> list[bool]:
    """Which values stand out by `RULE`.

    Args:
        values: one per person.
        logarithm: compare logarithms; values that have none are left out.
    """
    if logarithm:
        values = [None if v is None or not v > 0 else float(np.log(v)) for v in values]
    scores = modified_z(values)
    if sum(score is not None for score in scores) < LEAST_PEOPLE:
        return [False] * len(scores)
    return [score is not None and abs(score) > LIMIT for score in scores]
