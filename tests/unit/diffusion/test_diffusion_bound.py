"""The bound that teaches a variance, against closed forms."""

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from brainfill.core.errors import ConfigError
from brainfill.diffusion.bound import variance_bound
from brainfill.diffusion.denoiser import Estimate
from brainfill.diffusion.levels import STEPS, Tabulated
from brainfill.diffusion.posterior import posterior

LINEAR = Tabulated("linear")


def random(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def betas(index):
    """Beta and beta-tilde of the discrete schedule, from its cumulative products alone."""
    after, before = (LINEAR.level((i + 1) / STEPS).alpha ** 2 for i in (index, index - 1))
    beta = 1 - after / before
    return beta, beta * (1 - before) / (1 - after)


@pytest.mark.parametrize("index", [1, 30, 500, 999])
def test_the_posterior_has_the_variances_of_ho_et_al(index):
    beta, tilde = betas(index)
    q = posterior(LINEAR.level((index + 1) / STEPS), LINEAR.level(index / STEPS))
    assert q.large_sd**2 == pytest.approx(beta, rel=1e-9)
    assert (q.large_sd * q.shrink) ** 2 == pytest.approx(tilde, rel=1e-9)


def test_later_steps_are_the_divergence_of_two_gaussians():
    clean, guess = random(0, 2, 1, 3, 4).clamp(-1, 1), random(1, 2, 1, 3, 4)
    share = torch.rand(2, 1, 3, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    indices = [1, 600]
    noise = random(3, 2, 1, 3, 4)
    levels = [LINEAR.level((i + 1) / STEPS) for i in indices]
    x = torch.stack([a * c + s * n for (a, s), c, n in zip(levels, clean, noise, strict=True)])
    t = torch.tensor([(i + 1) / STEPS for i in indices], dtype=torch.float64)
    found = variance_bound(Estimate(guess, share), clean, x, t, LINEAR)
    for k, index in enumerate(indices):
        beta, tilde = betas(index)
        q = posterior(levels[k], LINEAR.level(index / STEPS))
        variance = torch.exp(share[k] * math.log(beta) + (1 - share[k]) * math.log(tilde))
        true = Normal(q.of_x * x[k] + q.of_clean * clean[k], math.sqrt(tilde))
        told = Normal(q.of_x * x[k] + q.of_clean * guess[k], variance.sqrt())
        expected = kl_divergence(true, told).mean() / math.log(2)
        assert float(found[k]) == pytest.approx(float(expected), rel=1e-6)


def test_the_first_step_is_the_likelihood_of_eight_bit_values():
    clean = torch.tensor([-1.0, -0.2, 0.7, 1.0], dtype=torch.float64).reshape(1, 1, 4)
    guess = clean + torch.tensor([0.002, -0.01, 0.0, -0.003], dtype=torch.float64).reshape(1, 1, 4)
    share = torch.full_like(clean, 0.3)
    t = torch.tensor([1 / STEPS])  # float32 is not exactly a thousandth
    found = variance_bound(Estimate(guess, share), clean, random(0, 1, 1, 4), t, LINEAR)
    # The least variance is borrowed from the next step, as its own is 0.
    beta, tilde = 1 - LINEAR.level(1 / STEPS).alpha ** 2, betas(1)[1]
    told = Normal(guess, math.exp((0.3 * math.log(beta) + 0.7 * math.log(tilde)) / 2))
    upper, lower = told.cdf(clean + 1 / 255), told.cdf(clean - 1 / 255)
    lower[0, 0, 0], upper[0, 0, 3] = 0, 1  # the outermost bins are open
    assert float(found) == pytest.approx(float(-(upper - lower).log2().mean()), rel=1e-6)


@pytest.mark.parametrize("t", [1 / STEPS, 0.4])
def test_it_teaches_the_variance_only(t):
    guess, share = (0.01 * random(i, 1, 1, 5) for i in (1, 2))
    guess.requires_grad_()
    share.requires_grad_()
    clean = torch.zeros(1, 1, 5, dtype=torch.float64)
    variance_bound(
        Estimate(guess, share), clean, random(3, 1, 1, 5), torch.tensor([t]), LINEAR
    ).sum().backward()
    assert guess.grad is None
    assert bool((share.grad != 0).all())


def test_what_it_teaches_is_the_true_variance():
    # Of N(0, 0.5^2) data the reverse step is Gaussian with a known variance, and the mean bound over
    # the data is smallest at it.
    sd, t = 0.5, 0.3
    now, then = LINEAR.level(t), LINEAR.level(t - 1 / STEPS)
    q = posterior(now, then)
    left = sd**2 * now.sigma**2 / ((now.alpha * sd) ** 2 + now.sigma**2)  # of clean, given x
    true = (q.large_sd * q.shrink) ** 2 + q.of_clean**2 * left
    share = (math.log(true) - 2 * math.log(q.large_sd * q.shrink)) / (-2 * math.log(q.shrink))
    n = 20_000
    clean = sd * random(0, 1, 1, n)
    x = now.alpha * clean + now.sigma * random(1, 1, 1, n)
    guess = now.alpha * sd**2 / ((now.alpha * sd) ** 2 + now.sigma**2) * x
    # The sample's own error in the mean square of clean - guess, so that the minimum is exact.
    guess = clean + (guess - clean) * math.sqrt(left) / (guess - clean).square().mean().sqrt()
    told = torch.full_like(x, share, requires_grad=True)
    variance_bound(
        Estimate(guess, told), clean, x, torch.tensor([t], dtype=torch.float64), LINEAR
    ).backward()
    away = torch.full_like(x, share + 0.05, requires_grad=True)
    variance_bound(
        Estimate(guess, away), clean, x, torch.tensor([t], dtype=torch.float64), LINEAR
    ).backward()
    assert 0 < share < 1
    assert abs(float(told.grad.sum())) < 1e-9 < float(away.grad.sum())


def test_an_estimate_without_a_share_is_refused():
    x = torch.zeros(1, 1, 3)
    with pytest.raises(ConfigError, match="does not give the variance"):
        variance_bound(Estimate(x), x, x, torch.tensor([0.5]), LINEAR)
