"""How often raters are right, whether guessing explains it, and how well raters agree."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
from scipy import special, stats

from brainfill.core.grid import FloatArray


def wilson_interval(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """The score interval of a share (Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953).

    Args:
        hits: successes, 0 to n.
        n: trials; without any the interval is (0, 1).
        level: share of intervals that hold the truth, above 0 and below 1.

    >>> low, high = wilson_interval(3, 20)
    >>> round(low, 4), round(high, 4)
    (0.0524, 0.3604)
    """
    if n == 0:
        return 0.0, 1.0
    z = float(special.ndtri((1 + level) / 2))
    share, wide = hits / n, z * z / n
    centre = (share + wide / 2) / (1 + wide)
    half = z / (1 + wide) * math.sqrt(share * (1 - share) / n + wide / (4 * n))
    # Exact at the ends, where rounding would leave 1e-17.
    return (0.0 if hits == 0 else centre - half), (1.0 if hits == n else centre + half)


def guessing_tails(chances: Sequence[float], hits: int) -> tuple[float, float]:
    """P(at least `hits`) and P(at most `hits`) of a rater who guesses in each question.

    Exact for chances that differ (Poisson binomial distribution); with equal ones this is the binomial test.

    Args:
        chances: probability of a hit in each question, 0 to 1.
        hits: questions answered rightly.

    >>> round(guessing_tails([0.1] * 20, 3)[1], 2)  # METHODS section 23: 3 of 20 is what guessing gives
    0.87
    """
    odds: FloatArray = np.ones(1)  # of 0, 1, 2, ... hits
    for chance in chances:
        odds = np.convolve(odds, [1 - chance, chance])
    return _share(odds[hits:]), _share(odds[: hits + 1])


def shuffled_tails(said: Sequence[bool], truth: Sequence[bool]) -> tuple[float, float]:
    """P(at least) and P(at most) as many right answers, were the same answers given without looking.

    Fisher's exact test, one-sided either way: given how often the rater says yes and how often it is true, the number
    of right answers follows a hypergeometric distribution.

    Args:
        said: the rater's yes or no to each question.
        truth: the right answers.
    """
    found = sum(s and t for s, t in zip(said, truth, strict=True))
    law = stats.hypergeom(len(truth), sum(truth), sum(said))
    return min(1.0, float(law.sf(found - 1))), min(1.0, float(law.cdf(found)))


def cohen_kappa(first: Sequence[Hashable], second: Sequence[Hashable]) -> float:
    """Agreement of two raters beyond chance, at most 1 (Cohen 1960, https://doi.org/10.1177/001316446002000104).

    Args:
        first: the answer of one rater to each question.
        second: those of the other, to the same questions.

    Returns:
        Kappa; NaN without questions, or where both always gave one and the same answer.
    """
    n = len(first)
    agreed = sum(a == b for a, b in zip(first, second, strict=True))
    one, two = Counter(first), Counter(second)
    return _kappa(agreed * n, sum(one[c] * two[c] for c in one), n * n)


def fleiss_kappa(answers: Sequence[Sequence[Hashable]]) -> float:
    """Agreement of any number of raters beyond chance (Fleiss 1971, https://doi.org/10.1037/h0031619).

    Args:
        answers: for each question the answers of all raters, the same number of at least two each time.

    Returns:
        Kappa; NaN without questions, or where every answer was the same.
    """
    if not answers:
        return math.nan
    n, raters = len(answers), len(answers[0])
    pairs = sum(m * (m - 1) for row in answers for m in Counter(row).values())
    total = Counter(answer for row in answers for answer in row)
    # Over one denominator in whole numbers, so that full agreement gives exactly 1.
    denominator = n * n * raters * raters * (raters - 1)
    by_chance = sum(m * m for m in total.values()) * (raters - 1)
    return _kappa(pairs * n * raters, by_chance, denominator)


def _kappa(agreed: int, by_chance: int, n: int) -> float:
    """(agreed - by chance) / (1 - by chance), for shares given as counts of `n`."""
    return (agreed - by_chance) / (n - by_chance) if n > by_chance else math.nan


def _share(odds: FloatArray) -> float:
    return min(1.0, float(odds.sum()))
