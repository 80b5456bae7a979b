"""What every sampler promises, found by its file in brainfill.diffusion.samplers or an outside package."""

import pytest
import torch
from plugins import check_plugin, outside_package, plugins_of

from brainfill.core.registry import describe, load
from brainfill.diffusion.denoiser import Condition, Estimate
from brainfill.diffusion.levels import CLEAN, Tabulated
from brainfill.diffusion.noise import seeded_noise
from brainfill.diffusion.sample import sample
from brainfill.diffusion.walk import SAMPLERS, WalkConfig, build_walk

LINEAR = Tabulated("linear")
NAMES = plugins_of(SAMPLERS)
EULER = '''"""Euler's steps, written by someone else."""

from dataclasses import dataclass

from brainfill.core.config import option


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options."""

    stretch: float = option(1.0, "longer steps", low=0.5, high=2.0)


@dataclass(frozen=True)
class Euler:
    config: Config

    def reset(self):
        pass

    def step(self, denoise, x, now, then, noise):
        y = x / now.alpha
        slope = (y - denoise(x, now).clean) / now.ratio
        return then.alpha * (y + self.config.stretch * (then.ratio - now.ratio) * slope)


def build(config):
    return Euler(config)
'''


def drawn(name, denoiser, steps=20, seed=3, **options):
    x = seeded_noise([seed])(torch.empty(1, 1, 1, 500, dtype=torch.float64))
    config = WalkConfig(sampler=name, steps=steps, sampler_options=options)
    return sample(denoiser, x, *build_walk(config, LINEAR), seeded_noise([seed]), Condition())


def one_value(x, level, cond, *, turn=0):
    """The exact denoiser of data that are 0.7 everywhere."""
    return Estimate(torch.full_like(x, 0.7))


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_plug_in(name):
    check_plugin(SAMPLERS, name)


@pytest.mark.parametrize("name", NAMES)
def test_it_ends_in_the_data(name):
    torch.testing.assert_close(
        drawn(name, one_value), torch.full((1, 1, 1, 500), 0.7, dtype=torch.float64)
    )


@pytest.mark.parametrize("name", NAMES)
def test_half_way_signal_and_noise_are_in_the_right_proportion(name):
    levels = LINEAR.levels(2)
    module = load(SAMPLERS, name)
    sampler = module.build(module.Config())
    sampler.reset()
    noise = seeded_noise([1])
    x = levels[0].alpha * 0.7 + levels[0].sigma * noise(torch.empty(1, 40_000))
    y = sampler.step(lambda x, level: one_value(x, level, None), x, levels[0], levels[1], noise)
    # Data of one value keep exactly the noise of the level. Standard errors: sigma / 200, sigma / 283.
    assert float(y.mean()) == pytest.approx(levels[1].alpha * 0.7, abs=4 * levels[1].sigma / 200)
    assert float(y.std()) == pytest.approx(levels[1].sigma, rel=4 / 283)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_sample_and_nothing_is_left_over(name):
    def denoiser(x, level, cond, *, turn=0):
        return Estimate(0.5 * level.alpha * x)

    walk = build_walk(WalkConfig(sampler=name, steps=6), LINEAR)
    x = seeded_noise([3])(torch.empty(1, 1, 1, 50))
    first, second = (sample(denoiser, x, *walk, seeded_noise([3]), Condition()) for _ in range(2))
    assert torch.equal(first, second)
    assert walk.moves[-1].then == CLEAN


def test_a_sampler_of_an_outside_package_is_listed_and_used(tmp_path):
    with outside_package(tmp_path, "samplers", "euler", EULER):
        assert describe(SAMPLERS)["euler"] == "Euler's steps, written by someone else."
        check_plugin(SAMPLERS, "euler")
        by_hand = drawn("ddim", one_value)
        torch.testing.assert_close(drawn("euler", one_value), by_hand)
        assert not torch.allclose(drawn("euler", one_value, stretch=0.9), by_hand)
    assert "euler" not in describe(SAMPLERS)
