"""Samplers on Gaussian data, where the answer is known.

Deterministic samplers are affine maps here, so two starting points give mean and deviation exactly.
"""

import itertools
import math

import pytest
import torch

from brainfill.core.errors import ConfigError
from brainfill.core.registry import load
from brainfill.diffusion.denoiser import Condition, Estimate, NetDenoiser
from brainfill.diffusion.levels import Karras, Level, Tabulated
from brainfill.diffusion.noise import seeded_noise
from brainfill.diffusion.plans import denoise, encode_decode
from brainfill.diffusion.posterior import posterior
from brainfill.diffusion.sample import sample
from brainfill.diffusion.walk import WalkConfig, build_walk

MEAN, SD = 1.0, 0.5
LINEAR = Tabulated("linear")


def sampler(name, **options):
    module = load("brainfill.diffusion.samplers", name)
    return module.build(module.Config(**options))


def walk(denoiser, x, plan, name, seed=1, **options):
    return sample(denoiser, x, plan, sampler(name, **options), seeded_noise([seed]), Condition())


def affine(denoiser, levels, name):
    """Mean and deviation of deterministic samples that start from N(0, sigma^2)."""
    ends = torch.tensor([0.0, levels[0].sigma], dtype=torch.float64).reshape(1, 1, 1, 2)
    low, high = walk(denoiser, ends, denoise(levels), name).flatten().tolist()
    return low, high - low


def drawn(denoiser, levels, name, number, **options):
    """Mean and deviation of `number` samples."""
    x = seeded_noise([0])(torch.empty(1, 1, 1, number, dtype=torch.float64)) * levels[0].sigma
    y = walk(denoiser, x, denoise(levels), name, **options)
    return float(y.mean()), float(y.std())


# ARCHITECTURE appendix A, row "section 4.3 interface", from 100,000 or more random samples.
PUBLISHED = {
    "ddim": {250: 0.496, 50: 0.473, 20: 0.433, 10: 0.371},
    "heun": {250: 0.502, 50: 0.497, 20: 0.481, 10: 0.436},
    "dpmpp2m": {250: 0.502, 50: 0.502, 20: 0.479, 10: 0.405},
}


@pytest.mark.parametrize(
    ("name", "steps", "expected"),
    [(name, n, sd) for name, row in PUBLISHED.items() for n, sd in row.items()],
)
def test_deterministic_samplers_have_the_published_deviation(
    gaussian_denoiser, name, steps, expected
):
    mean, sd = affine(gaussian_denoiser([MEAN], [[SD**2]]), LINEAR.levels(steps), name)
    # Two standard errors of the published figures (0.0011 each) and their last digit.
    assert sd == pytest.approx(expected, abs=0.003)
    # The start, N(0, 1), lacks the 0.6 % of the mean that is left at the noisiest level.
    assert mean == pytest.approx(MEAN, abs=0.007)


@pytest.mark.parametrize("variance", ["small", "large"])
@pytest.mark.parametrize(("steps", "expected"), [(250, 0.485), (50, 0.444), (10, 0.323)])
def test_ancestral_sampling_has_the_published_deviation(
    gaussian_denoiser, steps, expected, variance
):
    denoiser = gaussian_denoiser([MEAN], [[SD**2]])
    mean, sd = drawn(denoiser, LINEAR.levels(steps), "ddpm", 10_000, variance=variance)
    # 10,000 samples: standard error 0.0035 of the deviation, 0.005 of the mean; four of each.
    # The published row (appendix A) differs by 0.011 between two programs at 10 steps.
    if variance == "small":
        assert sd == pytest.approx(expected, abs=0.014)
    else:  # the larger variance cannot give less spread, and is exact only with many steps
        assert sd > expected - 0.014
    assert mean == pytest.approx(MEAN, abs=0.03)


def test_ancestral_sampling_with_every_level_is_nearly_exact(gaussian_denoiser):
    denoiser = gaussian_denoiser([MEAN], [[SD**2]])
    for variance in ("small", "large"):
        _, sd = drawn(denoiser, LINEAR.levels(1000), "ddpm", 4000, variance=variance)
        # Appendix A: 0.497. 4,000 samples have a standard error of 0.0056; three of them.
        assert sd == pytest.approx(SD, abs=0.02)


def test_a_learned_variance_makes_few_ancestral_steps_exact(gaussian_denoiser):
    # With its own variance every reverse step of Gaussian data is exact, however long it is.
    levels = LINEAR.levels(10)
    exact = gaussian_denoiser([MEAN], [[SD**2]])
    zeros, ones = (torch.full((1, 1, 1, 2), v, dtype=torch.float64) for v in (0.0, 1.0))
    mean, variance = levels[0].alpha * MEAN, (levels[0].alpha * SD) ** 2 + levels[0].sigma ** 2
    for now, then in itertools.pairwise(levels[:-1]):
        q = posterior(now, then)
        left = SD**2 * now.sigma**2 / ((now.alpha * SD) ** 2 + now.sigma**2)  # of clean, given x
        true = (q.large_sd * q.shrink) ** 2 + q.of_clean**2 * left
        share = math.log(true / (q.large_sd * q.shrink) ** 2) / math.log(1 / q.shrink**2)
        assert 0 < share < 1

        def told(x, level, share=share):
            return exact(x, level)._replace(share=torch.full_like(x, share))

        # A step is an affine map of x plus a multiple of the noise: two points and a unit tell them.
        points = torch.tensor([0.0, 1.0], dtype=torch.float64).reshape(1, 1, 1, 2)
        low, high = sampler("ddpm").step(told, points, now, then, lambda x: zeros).flatten()
        fresh = sampler("ddpm").step(told, zeros, now, then, lambda x: ones).flatten()[0] - low
        mean = float(low + (high - low) * mean)
        variance = float((high - low) ** 2 * variance + fresh**2)
        assert mean == pytest.approx(then.alpha * MEAN, abs=1e-12)
        assert variance == pytest.approx((then.alpha * SD) ** 2 + then.sigma**2, rel=1e-12)


def test_ddim_with_fresh_noise_is_ancestral_sampling(gaussian_denoiser):
    # eta = 1 has the small posterior variance at every step: the same walk for the same noise.
    denoiser = gaussian_denoiser([MEAN], [[SD**2]])
    x = torch.linspace(-2, 2, 50, dtype=torch.float64).reshape(1, 1, 1, 50)
    plan = denoise(LINEAR.levels(20))
    one = walk(denoiser, x, plan, "ddim", eta=1.0)
    other = walk(denoiser, x, plan, "ddpm")
    torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["ddim", "ddpm", "heun", "dpmpp2m"])
@pytest.mark.parametrize("trained", ["linear", "cosine", "vp"])
@pytest.mark.parametrize("levels", ["own", "karras"])
@pytest.mark.parametrize("prediction", ["eps", "v"])
def test_every_sampler_with_every_schedule(gaussian_net, name, trained, levels, prediction):
    schedule = Tabulated(trained)
    denoiser = NetDenoiser(gaussian_net(MEAN, SD, prediction, trained), schedule, prediction)
    walked = (schedule if levels == "own" else Karras()).levels(100)
    if name == "ddpm":
        mean, sd = drawn(denoiser, walked, name, 4000)
    else:
        mean, sd = affine(denoiser, walked, name)
    # 100 steps: the bias is at most 0.03 (ancestral; its 4,000 samples have standard errors of
    # 0.0056 and 0.008). A level told wrongly by one part in ten shifts the deviation by 0.05.
    assert sd == pytest.approx(SD, abs=0.045 if name == "ddpm" else 0.02)
    # Starting at N(0, sigma^2) lacks the mean that is left: 0.6 % (linear, vp), 1.2 % (Karras).
    assert mean == pytest.approx(MEAN, abs=0.03 if name == "ddpm" else 0.015)


def errors(denoiser, name, steps):
    """Relative error of the flow from time 1 to 0.1, whose exact answer is known, by step count."""
    found = []
    for n in steps:
        levels = [LINEAR.level(1 - 0.9 * k / n) for k in range(n + 1)]
        x = torch.ones(1, 1, 1, 1, dtype=torch.float64)
        y = float(walk(denoiser, x, denoise(levels), name))
        # Under the exact flow x / (its own deviation at each level) stays constant.
        spread = [math.hypot(level.alpha * SD, level.sigma) for level in levels]
        found.append(abs(y * spread[0] / spread[-1] - 1))
    return found


def test_heun_is_second_order_and_ddim_first(gaussian_denoiser):
    denoiser = gaussian_denoiser([0.0], [[SD**2]])
    heun = errors(denoiser, "heun", [40, 80, 160])
    ddim = errors(denoiser, "ddim", [40, 80, 160])
    for coarse, fine in itertools.pairwise(heun):
        assert coarse / fine == pytest.approx(4, rel=0.05)  # measured 4.06 and 4.03
    for coarse, fine in itertools.pairwise(ddim):
        assert coarse / fine == pytest.approx(2, rel=0.05)  # measured 1.99 and 1.99


def test_dpmpp2m_is_more_exact_than_ddim(gaussian_denoiser):
    denoiser = gaussian_denoiser([0.0], [[SD**2]])
    steps = [20, 40, 80]
    for multistep, single in zip(
        errors(denoiser, "dpmpp2m", steps), errors(denoiser, "ddim", steps), strict=True
    ):
        assert multistep < single / 10  # measured 1/23 and less


def test_the_first_step_of_dpmpp2m_is_a_step_of_ddim(gaussian_denoiser):
    denoiser = gaussian_denoiser([MEAN], [[SD**2]])
    x = torch.linspace(-2, 2, 9, dtype=torch.float64).reshape(1, 1, 1, 9)
    plan = denoise(LINEAR.levels(10))[:1]
    # Both are the exponential integrator of order one.
    torch.testing.assert_close(
        walk(denoiser, x, plan, "dpmpp2m"), walk(denoiser, x, plan, "ddim"), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("name", ["ddim", "ddpm", "heun", "dpmpp2m"])
def test_scaling_all_levels_changes_nothing(gaussian_denoiser, name):
    # x / alpha is the same trajectory for preserving and exploding levels of equal ratios.
    denoiser = gaussian_denoiser([MEAN], [[SD**2]])
    preserving = LINEAR.levels(12)
    exploding = [Level(1.0, level.ratio) for level in preserving]
    x = torch.linspace(-2, 2, 9, dtype=torch.float64).reshape(1, 1, 1, 9)
    a = walk(denoiser, x, denoise(preserving), name)
    b = walk(denoiser, x / preserving[0].alpha, denoise(exploding), name)
    torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


# METHODS 27 item 4: largest relative error of encoding N(0, 0.3^2) data to index 500 and back to the level of
# index 0, where it began.
@pytest.mark.parametrize(
    ("name", "steps", "bound"),
    [
        ("ddim", 500, 0.0097),
        ("ddim", 50, 0.089),
        ("ddim", 25, 0.17),
        ("heun", 50, 1.5e-4),
        ("heun", 25, 1.0e-3),
        ("heun", 12, 7.9e-3),
    ],
)
def test_encoding_and_back_stays_within_the_published_error(gaussian_denoiser, name, steps, bound):
    # steps + 1 levels at indices 0, 500 / steps, ..., 500.
    start = (steps + 1) / steps / 2
    config = WalkConfig(plan="encode", grid="leading", steps=steps, start=start, sampler=name)
    moves, sampler = build_walk(config, LINEAR)
    assert moves[0].now == moves[-1].then == LINEAR.level(1 / 1000)
    assert moves[steps].now.ratio == pytest.approx(LINEAR.level(501 / 1000).ratio, rel=1e-9)
    x = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    denoiser = gaussian_denoiser([0.0], [[0.3**2]])
    y = float(sample(denoiser, x, moves, sampler, seeded_noise([1]), Condition()))
    assert abs(y - 1) < bound
    assert abs(y - 1) > bound / 2  # smaller would mean another plan


@pytest.mark.parametrize("ratios", [(80.0,), (80.0, 0.7)])
def test_consistency_sampling_of_an_exact_model_is_exact_in_one_call_or_two(ratios):
    # The end of the path through x keeps its quantile: the exact consistency model of Gaussian data.
    asked = []

    def model(x, level, cond, *, turn=0):
        asked.append(level.ratio)
        spread = math.hypot(level.alpha * SD, level.sigma)
        return Estimate(MEAN + SD * (x - level.alpha * MEAN) / spread)

    moves, sampler = build_walk(WalkConfig(sampler="consistency", ratios=ratios), LINEAR)
    noise = seeded_noise([1])
    start = moves[0].now
    x = start.alpha * MEAN + math.hypot(start.alpha * SD, start.sigma) * noise(
        torch.empty(1, 1, 1, 40_000, dtype=torch.float64)
    )
    y = sample(model, x, moves, sampler, noise, Condition())
    assert asked == pytest.approx(ratios)
    # Standard errors of 40,000 draws: 0.0025 of the mean, 0.0018 of the deviation; four of each.
    assert float(y.mean()) == pytest.approx(MEAN, abs=0.01)
    assert float(y.std()) == pytest.approx(SD, abs=0.0072)


@pytest.mark.parametrize("name", ["ddim", "heun"])
def test_encoding_gives_the_noise_that_would_have_made_the_image(gaussian_denoiser, name):
    denoiser = gaussian_denoiser([MEAN], [[SD**2]])
    rising = [LINEAR.level((k + 1) / 1000) for k in range(0, 1000, 3)]
    plan = [move for move in encode_decode([*rising[::-1], Level(1, 0)]) if move.kind == "encode"]
    x = torch.linspace(-0.5, 2.5, 7, dtype=torch.float64).reshape(1, 1, 1, 7)
    encoded = walk(denoiser, x, plan, name)
    # Data two deviations off the mean become noise two deviations off: the flow keeps quantiles.
    # First order with 333 steps errs by 1 %, second order by less.
    torch.testing.assert_close(encoded, (x - MEAN) / SD, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("name", ["ddpm", "consistency"])
def test_samplers_with_fresh_noise_refuse_to_encode(gaussian_denoiser, name):
    plan = encode_decode(LINEAR.levels(4))
    with pytest.raises(ConfigError, match=f"'{name}' cannot encode"):
        walk(gaussian_denoiser([MEAN], [[SD**2]]), torch.ones(1, 1, 1, 1).double(), plan, name)
