"""A family names its codec and its tiling: what is noised, what is said of it, and what comes back."""

import math

import pytest
import torch
from torch import nn

from brainfill.core.registry import names
from brainfill.diffusion.levels import STEPS, ScheduleConfig
from brainfill.diffusion.walk import WalkConfig, build_walk
from brainfill.models._config import FamilyConfig
from brainfill.models._error import absolute_twice, relative_squared
from brainfill.models._inpainter import Inpainter

GENERATOR = torch.Generator().manual_seed(0)
IMAGE = 0.1 + 0.9 * torch.rand((2, 1, 6, 9, 7), generator=GENERATOR)  # odd sides must be padded
HOLE = torch.zeros_like(IMAGE)
HOLE[:, :, 2:5, 3:6, 6:] = 1  # at an end, and over odd and even voxels
FIRST = IMAGE * (1 - HOLE)
HAAR = {"codec": "haar", "codec_options": {"divisor": math.sqrt(8)}, "first_fill": "zero"}


class Says(nn.Module):
    """A network that always says the same clean code, and remembers what it was shown."""

    def __init__(self, code):
        super().__init__()
        self.code, self.seen = code, []

    def forward(self, x, t):
        self.seen.append((x, t))
        return self.code.expand(x.shape[0], -1, -1, -1, -1)


def even(x):
    return nn.functional.pad(x, (0, 1, 0, 1, 0, 0), mode="replicate")


def knowing(**options):
    """An inpainter that knows the truth, whose padded voxels are repeated."""
    config = FamilyConfig(**(HAAR | options))
    truth = even(IMAGE * HOLE) / config.residual_scale
    return Inpainter(config, Says(config.build_codec().encode(truth)))


def walk(config, **options):
    return build_walk(WalkConfig(**options), config.schedule.build())


def test_the_network_is_shown_bands_and_what_it_says_becomes_voxels():
    family = knowing()
    filled = family.sample(FIRST, HOLE, *walk(family.config, steps=3), [1, 2])
    torch.testing.assert_close(filled, IMAGE, rtol=0, atol=1e-6)
    shapes = {tuple(x.shape) for x, _ in family.net.seen}
    assert shapes == {(2, 24, 3, 5, 4)}, "8 bands each of residual, first fill and hole"
    bands = family.net.seen[0][0][:, 8:16]
    expected = family.codec.encode(2 * even(FIRST) - 1)
    torch.testing.assert_close(bands, expected)
    mean = nn.functional.avg_pool3d(2 * even(FIRST) - 1, 2)
    torch.testing.assert_close(bands[:, :1], mean, rtol=0, atol=1e-6)


def test_noise_is_of_unit_size_in_every_band_that_the_hole_reaches_and_nowhere_else():
    family = knowing()
    family.sample(FIRST, HOLE, *walk(family.config, steps=1), list(range(2)))
    x = family.net.seen[0][0][:, :8]
    reached = nn.functional.max_pool3d(even(HOLE), 2).expand_as(x) > 0
    assert not x[~reached].any()
    assert x[reached].std() == pytest.approx(1.0, abs=0.15)


def test_known_voxels_beside_the_hole_are_left_alone_though_bands_hold_both():
    config = FamilyConfig(**HAAR, trust=1.0)
    wild = Inpainter(config, Says(torch.ones(1, 8, 3, 5, 4)))
    image = IMAGE.clone()
    redrawn = wild.redraw(image, *walk(config, steps=2), [1, 2], HOLE)
    torch.testing.assert_close(redrawn[HOLE == 0], image[HOLE == 0], rtol=1e-6, atol=1e-6)
    assert (redrawn - image).abs()[HOLE > 0].max() > 0.1
    assert redrawn.shape == image.shape


@pytest.mark.parametrize("error", ["squared", "absolute"])
def test_a_network_that_knows_the_truth_has_no_loss_in_bands(error):
    family = knowing(error=error)
    image, first, hole = even(IMAGE), even(FIRST), even(HOLE)
    noise = torch.randn(family.code(image).shape, generator=GENERATOR)
    t = torch.tensor([0.3, 0.9])
    assert float(family.loss(image, first, hole, t, noise, 1.0)) < 1e-6
    other = Inpainter(family.config, Says(family.net.code + 1))
    assert float(other.loss(image, first, hole, t, noise, 1.0)) > 0.1


def test_only_the_levels_that_are_visited_are_taught():
    config = {"levels": 2, "schedule": ScheduleConfig(name="vp")}
    family = knowing(**config)
    noise = torch.zeros(family.code(even(IMAGE)).shape)
    for t in (0.02, 0.4, 0.6, 1.0):
        times = torch.tensor([t, t])
        family.loss(even(IMAGE), even(FIRST), even(HOLE), times, noise, 1.0)
    family.sample(FIRST, HOLE, *walk(family.config, steps=2, sampler="ddpm"), [1, 2])
    told = [round(float(t[0]), 2) for _, t in family.net.seen]
    half, full = STEPS / 2 - 1, STEPS - 1
    assert told == [half, half, full, full, full, half]


def test_the_absolute_error_counts_the_hole_twice():
    clean, hole = torch.zeros(1, 2, 2, 2, 2), torch.zeros(1, 1, 2, 2, 2)
    hole[..., 0] = 1
    estimate = torch.where(hole > 0, 3.0, -1.0).expand_as(clean)
    assert absolute_twice(estimate, clean, hole, 1.0).tolist() == [3.0 + 2.0]
    assert absolute_twice(estimate, clean, hole, 0.0).tolist() == [3.0]
    assert absolute_twice(estimate, clean, torch.zeros_like(hole), 1.0).tolist() == [2.0]


def test_the_squared_error_is_relative_to_that_of_zero():
    clean, hole = torch.full((1, 1, 2, 2, 2), 2.0), torch.zeros(1, 1, 2, 2, 2)
    hole[..., 0] = 1
    assert relative_squared(torch.zeros_like(clean), clean, hole, 0.0, 0.0).tolist() == [1.0]
    assert relative_squared(torch.zeros_like(clean), clean, hole, 0.5, 0.0).tolist() == [1.5]
    assert relative_squared(torch.zeros_like(clean), clean, hole, 0.0, 4.0).tolist() == [0.5]


@pytest.mark.parametrize("tiling", names("brainfill.diffusion.tilings"))
def test_a_family_draws_through_the_tiling_that_it_names(tiling):
    class Half(nn.Module):
        def forward(self, x, t):
            return torch.full_like(x[:, :1], 0.5)

    config = FamilyConfig(tiling=tiling, first_fill="zero", residual_scale=1.0)
    filled = Inpainter(config, Half()).sample(FIRST, HOLE, *walk(config, steps=2), [1, 2])
    torch.testing.assert_close(filled[HOLE > 0], torch.full_like(filled[HOLE > 0], 0.5))


def test_slices_drawn_one_after_another_are_each_walked_on_their_own():
    shapes = []

    class Watch(nn.Module):
        def forward(self, x, t):
            shapes.append(tuple(x.shape))
            return x[:, :1]

    config = FamilyConfig(tiling="sequential", first_fill="zero")
    filled = Inpainter(config, Watch()).sample(FIRST, HOLE, *walk(config, steps=2), [1, 2])
    assert shapes == [(2, 3, 1, 9, 7)] * 2 * 3
    assert torch.equal(filled[:, :, :2], IMAGE[:, :, :2])
    noise = filled[:, :, 2:5][HOLE[:, :, 2:5] > 0].reshape(2, 3, -1)
    assert not torch.equal(noise[:, 0], noise[:, 1]), "every slice has noise of its own"
