"""The loss that teaches a network the variance of its steps: the variational bound, in bits.

Added to the usual squared error it makes the hybrid loss of Nichol and Dhariwal 2021, section 3.1,
https://arxiv.org/abs/2102.09672.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.special import ndtr

from brainfill.core.errors import ConfigError
from brainfill.diffusion.denoiser import Estimate
from brainfill.diffusion.levels import CLEAN, STEPS, Schedule
from brainfill.diffusion.posterior import posterior

_HALF_BIN = 1 / 255  # of 8-bit values spread over [-1, 1]
_EDGE = 0.999  # beyond it lies the outermost bin, which has no end
_LEAST_SHARE = 1e-12  # of probability; its logarithm must be finite


def variance_bound(
    said: Estimate, clean: Tensor, x: Tensor, t: Tensor, schedule: Schedule
) -> Tensor:
    """How much worse the network describes one step of 1 / `STEPS` than one who knows the clean tensor.

    No gradient reaches the clean estimate, which the squared error teaches.

    Args:
        said: the network's estimate of x, with the share of the variance.
        clean: the true tensor (B, C, *S), in [-1, 1].
        x: the noisy one, at the level that the schedule has at `t`.
        t: times (B,) in (0, 1]; those of the first step, up to 1 / `STEPS`, are judged by the
            likelihood of 8-bit values instead (Ho et al. 2020, eq. 13, https://arxiv.org/abs/2006.11239).
        schedule: variance preserving.

    Returns:
        Bits per value (B,).

    Raises:
        ConfigError: the estimate has no share.
    """
    if said.share is None:
        msg = "the network does not give the variance that the bound is to teach"
        raise ConfigError(msg, "give it twice as many outputs")
    return torch.stack(
        [
            _bits(guess.detach(), share, true, noisy, float(time), schedule)
            for guess, share, true, noisy, time in zip(
                said.clean, said.share, clean, x, t, strict=True
            )
        ]
    )


def _bits(
    guess: Tensor, share: Tensor, clean: Tensor, x: Tensor, t: float, schedule: Schedule
) -> Tensor:
    """Mean over all values of one item, (C, *S)."""
    first = t < 1.5 / STEPS
    now, then = schedule.level(t), CLEAN if first else schedule.level(t - 1 / STEPS)
    q = posterior(now, then)
    # The posterior of the first step has no width at all: it borrows that of the step above.
    above = posterior(schedule.level(2 / STEPS), schedule.level(1 / STEPS)) if first else q
    least, most = 2 * math.log(above.large_sd * above.shrink), 2 * math.log(q.large_sd)
    log_variance = least + (most - least) * share
    mean = q.of_x * x + q.of_clean * guess
    if first:
        nats = -_log_likelihood(clean, mean, log_variance)
    else:
        true_mean = q.of_x * x + q.of_clean * clean
        nats = divergence(true_mean, least, mean, log_variance)
    return nats.mean() / math.log(2)


def divergence(mean: Tensor, log_variance: float, of: Tensor, of_log_variance: Tensor) -> Tensor:
    """Kullback-Leibler divergence of N(of, exp(of_log_variance)) from N(mean, exp(log_variance)), in nats."""
    apart = (mean - of) ** 2 * (-of_log_variance).exp()
    wider = of_log_variance - log_variance
    return (wider + (-wider).exp() + apart - 1) / 2


def _log_likelihood(clean: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Logarithm of the probability of each 8-bit value under a Gaussian; same shape."""
    sd = (log_variance / 2).exp()
    above = torch.where(clean > _EDGE, 1.0, ndtr((clean + _HALF_BIN - mean) / sd))
    below = torch.where(clean < -_EDGE, 0.0, ndtr((clean - _HALF_BIN - mean) / sd))
    return (above - below).clamp(min=_LEAST_SHARE).log()
