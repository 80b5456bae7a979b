"""What is known of x at a cleaner level from x at a noisier one and the clean tensor: a Gaussian."""

from __future__ import annotations

import math
from typing import NamedTuple

from brainfill.diffusion.levels import Level


class Posterior(NamedTuple):
    """q(x at `then` | x at `now`, clean) has the mean of_x * x + of_clean * clean.

    Args:
        of_x: weight of x.
        of_clean: weight of the clean tensor.
        large_sd: deviation of the forward step from `then` to `now`, the largest that a reverse step
            can have (data of unit variance).
        shrink: the posterior's own deviation, which is the smallest, as a share of `large_sd`.
    """

    of_x: float
    of_clean: float
    large_sd: float
    shrink: float


def posterior(now: Level, then: Level) -> Posterior:
    """Between any two levels, `then` the cleaner.

    Ho et al. 2020, eq. 7, https://arxiv.org/abs/2006.11239, is the case of neighbouring ones.
    """
    scale, shrink = now.alpha / then.alpha, then.sigma / now.sigma
    added = max(now.sigma**2 - (scale * then.sigma) ** 2, 0.0)
    return Posterior(scale * shrink**2, then.alpha * added / now.sigma**2, math.sqrt(added), shrink)
