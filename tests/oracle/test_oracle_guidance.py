"""Guidance on a mixture of Gaussians, where Bayes' rule has a closed form at every level."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from brainfill.diffusion.denoiser import Condition, Estimate, NetDenoiser
from brainfill.diffusion.guidance import classifier, classifier_free, regression, segmentation
from brainfill.diffusion.guidance._base import guided, judge, rms
from brainfill.diffusion.levels import STEPS, Level, Tabulated
from brainfill.diffusion.noise import seeded_noise
from brainfill.diffusion.sample import sample
from brainfill.diffusion.samplers import ddpm
from brainfill.diffusion.walk import WalkConfig, build_walk
from brainfill.nets.embed import NO_CLASS

LINEAR = Tabulated("linear")
MEANS, SDS, SHARES = (-1.0, 0.6, 1.5), (0.3, 0.5, 0.2), (0.5, 0.3, 0.2)
LEVELS = [LINEAR.level(t) for t in (0.05, 0.3, 0.6)] + [Level(1.0, 2.0)]
X = torch.linspace(-2, 2, 9, dtype=torch.float64).reshape(9, 1, 1)
NONE = Condition()


def of_class(x, level, k):
    """Exact clean estimate of class k."""
    gain = level.alpha * SDS[k] ** 2 / ((level.alpha * SDS[k]) ** 2 + level.sigma**2)
    return MEANS[k] + gain * (x - level.alpha * MEANS[k])


def logits(x, level):
    """Exact classifier of x (B, 1, 1) at a level: (B, K)."""
    found = []
    for mean, sd, share in zip(MEANS, SDS, SHARES, strict=True):
        spread = math.hypot(level.alpha * sd, level.sigma)
        squared = ((x - level.alpha * mean) / spread) ** 2
        found.append(math.log(share / spread) - squared / 2)
    return torch.cat(found, dim=1)[:, :, 0]


def mixture(x, level, cond, *, turn=0):
    """Exact denoiser of the mixture, or of the class that the condition names."""
    each = torch.stack([of_class(x, level, k) for k in range(3)])
    weights = logits(x, level).softmax(dim=1).T[:, :, None, None]
    if cond.label is not None:
        named = F.one_hot(cond.label.clamp(min=0), 3).T[:, :, None, None].to(x)
        weights = torch.where(cond.label[:, None, None] == NO_CLASS, weights, named)
    return Estimate((weights * each).sum(0))


def towards(k, **options):
    wanted = torch.full((len(X),), k)
    return classifier.build(classifier.Config(**options), logits, wanted)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("k", range(3))
def test_an_exact_classifier_gives_the_posterior_exactly(level, k):
    said = guided(mixture, [towards(k)])(X, level, NONE).clean
    torch.testing.assert_close(said, of_class(X, level, k), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("strength", [0.0, 0.5, 3.0])
def test_guidance_without_a_classifier_is_that_by_an_exact_one(level, strength):
    # Both draw the class's estimate further by the gradient of log p(class | x).
    label = torch.full((len(X),), 2)
    free = classifier_free.build(classifier_free.Config(strength=strength))
    found = guided(mixture, [free])(X, level, Condition(label=label)).clean
    expected = guided(mixture, [towards(2, strength=1 + strength)])(X, level, NONE).clean
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def test_guided_samples_are_of_the_class():
    walk = build_walk(WalkConfig(steps=200, sampler="heun"), LINEAR)
    n = 20_000
    wanted = torch.full((n,), 1)
    guide = classifier.build(classifier.Config(), logits, wanted)
    x = seeded_noise([0])(torch.empty(1, n, 1, dtype=torch.float64)).reshape(n, 1, 1)
    with torch.no_grad():
        y = sample(guided(mixture, [guide]), x, *walk, seeded_noise([0]), NONE)
    # Standard errors 0.0035 of the mean and 0.0025 of the deviation; the walk's own error is 0.003.
    assert float(y.mean()) == pytest.approx(MEANS[1], abs=0.014)
    assert float(y.std()) == pytest.approx(SDS[1], abs=0.01)


@pytest.mark.parametrize("t", [0.1, 0.3, 0.6])
def test_ancestral_guidance_is_the_published_one_to_first_order_in_the_step(t):
    # There the mean moves by the (large) variance times the gradient; here by alpha-then over
    # alpha-now times as much, which tends to it (Dhariwal and Nichol 2021, algorithm 1).
    level = LINEAR.level(t)
    noisy = X.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(logits(noisy, level).log_softmax(1)[:, 0].sum(), noisy)
    distances = []
    for step in (0.01, 0.005):
        then = LINEAR.level(t - step)
        plain, drawn = (
            ddpm.build(ddpm.Config()).step(
                lambda x, at, d=d: d(x, at, NONE), X, level, then, torch.zeros_like
            )
            for d in (mixture, guided(mixture, [towards(0)]))
        )
        push = (level.sigma**2 - (level.alpha / then.alpha * then.sigma) ** 2) * gradient
        distances.append(float((drawn - plain - push).norm() / push.norm()))
    assert distances[0] < 0.1
    assert distances[1] == pytest.approx(distances[0] / 2, rel=0.1)


def linear(x, level):
    """A regressor or segmenter that sees the mean of the clean tensor: one logit per value."""
    return 2 * of_class(x, level, 1) - 1


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("aim", "push"),
    [("value", lambda told: 0.7 - told), ("more", lambda told: 1), ("less", lambda told: -1)],
)
def test_regression_pushes_by_the_distance_that_is_left(level, aim, push):
    config = regression.Config(strength=5.0, aim=aim)
    wanted = torch.full((len(X),), 0.7, dtype=torch.float64)
    guide = regression.build(config, lambda x, at: linear(x, at)[:, :, 0], wanted)
    slope = 2 * level.alpha * SDS[1] ** 2 / ((level.alpha * SDS[1]) ** 2 + level.sigma**2)
    expected = level.sigma**2 / level.alpha * 5 * push(linear(X, level)) * slope
    change = guided(mixture, [guide])(X, level, NONE).clean - mixture(X, level, NONE).clean
    torch.testing.assert_close(
        change,
        expected.expand_as(X) if aim == "value" else torch.full_like(X, float(expected)),
        rtol=1e-9,
        atol=1e-9,
    )


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("scale", ["likelihood", "rms"])
def test_segmentation_guidance_lowers_the_cross_entropy(level, scale):
    wanted = (torch.arange(len(X)) % 2).double().reshape(-1, 1, 1)
    guide = segmentation.build(segmentation.Config(strength=0.1, scale=scale), linear, wanted)
    entropy = []
    for denoiser in (mixture, guided(mixture, [guide])):
        clean = denoiser(X, level, NONE).clean
        entropy.append(F.binary_cross_entropy_with_logits(2 * clean - 1, wanted, reduction="none"))
    assert bool((entropy[1] < entropy[0]).all())


def test_segmentation_guidance_by_hand():
    level = LEVELS[1]
    wanted = torch.ones_like(X)
    guide = segmentation.build(segmentation.Config(strength=3.0), linear, wanted)
    slope = 2 * level.alpha * SDS[1] ** 2 / ((level.alpha * SDS[1]) ** 2 + level.sigma**2)
    expected = 3 * level.sigma**2 / level.alpha * (1 - linear(X, level).sigmoid()) * slope
    change = guided(mixture, [guide])(X, level, NONE).clean - mixture(X, level, NONE).clean
    torch.testing.assert_close(change, expected, rtol=1e-9, atol=1e-9)


def test_scaled_by_rms_a_wish_weighs_a_share_of_the_noise_whatever_its_unit():
    level = LEVELS[1]
    x = torch.randn(3, 1, 50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    plain = Estimate(0.3 * x)
    for unit in (1e-6, 1.0, 1e6):
        guide = regression.build(
            regression.Config(strength=0.3, scale="rms", aim="more"),
            lambda x, at, unit=unit: unit * (x**3).sum(dim=2),
            None,
        )
        said = guided(lambda x, level, cond, *, turn=0: plain, [guide])(x, level, NONE)
        eps, before = ((x - level.alpha * e.clean) / level.sigma for e in (said, plain))
        torch.testing.assert_close(rms(eps - before), 0.3 * rms(before))


def test_several_wishes_add_up_in_any_order():
    level = LEVELS[2]
    wanted = torch.full((len(X),), 0.7, dtype=torch.float64)
    number = regression.build(
        regression.Config(scale="rms"), lambda x, at: linear(x, at)[:, :, 0], wanted
    )
    guides = [towards(0, strength=2.0), number, towards(2, scale="rms")]
    plain = mixture(X, level, NONE).clean
    alone = [guided(mixture, [guide])(X, level, NONE).clean - plain for guide in guides]
    for several in (guides, guides[::-1]):
        torch.testing.assert_close(
            guided(mixture, several)(X, level, NONE).clean, plain + sum(alone), rtol=1e-9, atol=1e-9
        )


def test_a_judge_is_told_the_scale_and_the_index_of_its_training():
    class Net(nn.Module):
        def forward(self, x, t):
            self.seen = (x, t)
            return x

    net, own = Net(), LINEAR.level(251 / STEPS)
    x = torch.ones(2, 1, 3, dtype=torch.float64)
    judge(net, LINEAR)(x, Level(1.0, own.ratio))
    NetDenoiser(net, LINEAR, "x0")(x, Level(1.0, own.ratio), NONE)  # hears the same
    assert net.seen[1].tolist() == pytest.approx([250, 250], abs=1e-3)
    torch.testing.assert_close(net.seen[0], own.alpha * x)
