"""Models of several contrasts, and models that redraw whole images, with stubs in place of trained networks."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from brainfill.core.config import override
from brainfill.core.errors import ConfigError
from brainfill.core.registry import load
from brainfill.diffusion.levels import STEPS
from brainfill.diffusion.plans import denoise, repaint
from brainfill.interpolation.harmonic import harmonic_fill
from brainfill.models import memory3d
from brainfill.models._blur import blurred
from brainfill.models._config import FamilyConfig
from brainfill.models._first_fill import first_fill
from brainfill.models._inpainter import Inpainter, inpainter

BOTH = ("T1w", "FLAIR")
GENERATOR = torch.Generator().manual_seed(0)
IMAGE = 0.1 + 0.9 * torch.rand((2, 2, 6, 9, 8), generator=GENERATOR)
NOISE = torch.randn(IMAGE.shape, generator=GENERATOR)
HOLE = torch.zeros(2, 1, 6, 9, 8)
HOLE[0, :, 2:4, 3:7, 2:5] = HOLE[1, :, 1:5, 3:5, 3:4] = 1
T = torch.tensor([0.3, 0.9])


class Answer(nn.Module):
    """Says the same clean estimate at every level, and remembers what it saw."""

    def __init__(self, clean):
        super().__init__()
        self.clean, self.seen = clean, []

    def forward(self, x, t):
        self.seen.append(x.clone())
        return self.clean.expand(len(x), -1, -1, -1, -1)


class TellsNoise(nn.Module):
    """Knows the clean image, and says the noise in what it sees."""

    def __init__(self, config, clean):
        super().__init__()
        self.config, self.clean = config, clean

    def forward(self, x, t):
        level = self.config.schedule.build().level((float(t[0]) + 1) / STEPS)
        return (x[:, : self.clean.shape[1]] - level.alpha * self.clean) / level.sigma


def residual(image=IMAGE, config=None):
    config = config or FamilyConfig(contrasts=BOTH)
    return (image - first_fill(image, HOLE, config)) / config.residual_scale


def answering(clean, **options):
    return Inpainter(FamilyConfig(contrasts=BOTH, **options), Answer(clean))


def loss(family, image=IMAGE, ring=0.0):
    return float(family.loss(image, first_fill(image, HOLE, family.config), HOLE, T, NOISE, ring))


def ddim():
    module = load("brainfill.diffusion.samplers", "ddim")
    return module.build(module.Config())


def test_the_truth_has_no_loss_and_an_error_in_either_contrast_has_one():
    assert loss(answering(residual()), ring=0.3) < 1e-10
    alone = []
    for channel in (0, 1):
        off = residual().clone()
        off[:, channel] += HOLE[:, 0]
        alone.append(loss(answering(off)))
        assert alone[-1] > 1e-3
    both = residual() + HOLE
    assert loss(answering(both)) == pytest.approx(sum(alone), rel=1e-4)


def test_the_loss_of_the_first_fill_is_about_one_whatever_the_number_of_contrasts():
    for count in (1, 2):
        config = FamilyConfig(contrasts=BOTH[:count], first_fill="zero")
        family = Inpainter(config, Answer(torch.zeros(1, count, 6, 9, 8)))
        image = IMAGE[:, :count]
        first = first_fill(image, HOLE, config)
        found = float(family.loss(image, first, HOLE, T, NOISE[:, :count], 0.0))
        assert found == pytest.approx(1, abs=0.01)


def test_the_ring_counts_known_voxels_of_both_contrasts():
    for channel in (0, 1):
        off = residual().clone()
        off[:, channel] += 1 - HOLE[:, 0]
        family = answering(off)
        assert loss(family, ring=0.0) < 1e-10
        assert loss(family, ring=0.02) > 1e-3


def test_what_the_network_sees_of_each_contrast():
    family = answering(residual(), details=(0.7,))
    loss(family)
    [seen] = family.net.seen
    first = first_fill(IMAGE, HOLE, family.config)
    assert seen.shape[1] == family.config.unet.inputs == 7
    assert not seen[:, :2][(HOLE == 0).expand(-1, 2, -1, -1, -1)].any()
    torch.testing.assert_close(seen[:, 2:4], 2 * first - 1)
    torch.testing.assert_close(seen[:, 4:5], 2 * HOLE - 1)
    torch.testing.assert_close(seen[:, 5:], (first - blurred(first, 0.7)) / 0.1, rtol=0, atol=1e-4)


def test_channels_by_contrast():
    inputs = {n: FamilyConfig(contrasts=BOTH[:n], details=(1.0, 2.0)).unet.inputs for n in (1, 2)}
    assert inputs == {1: 2 + 1 + 2, 2: 2 * 2 + 1 + 2 * 2}
    assert FamilyConfig(contrasts=BOTH).unet.outputs == 2


def test_the_first_fill_is_that_of_each_contrast_alone():
    both = first_fill(IMAGE, HOLE, FamilyConfig(contrasts=BOTH))
    for channel in (0, 1):
        alone = IMAGE[:, channel : channel + 1]
        torch.testing.assert_close(both[:, channel : channel + 1], harmonic_fill(alone, HOLE))


@pytest.mark.parametrize("kind", ["harmonic", "zero"])
def test_a_contrast_that_is_missing_stays_zero(kind):
    image = IMAGE.clone()
    image[:, 1] = 0
    first = first_fill(image, HOLE, FamilyConfig(contrasts=BOTH, first_fill=kind))
    assert not first[:, 1].any()
    assert torch.equal(first[:, 0][HOLE[:, 0] == 0], image[:, 0][HOLE[:, 0] == 0])


def test_blurring_keeps_contrasts_apart():
    lone = IMAGE.clone()
    lone[:, 0] = 0
    found = blurred(lone, 1.0)
    assert not found[:, 0].any()
    torch.testing.assert_close(found[:, 1:], blurred(IMAGE[:, 1:], 1.0))


def test_patches_fill_holes_of_one_contrast():
    with pytest.raises(ConfigError, match="patches fill one contrast, got T1w, FLAIR"):
        FamilyConfig(contrasts=BOTH, first_fill="patch")
    with pytest.raises(ConfigError, match="patches fill holes, and a model that redraws"):
        FamilyConfig(conditional=False, first_fill="patch")


def test_both_contrasts_are_filled_in():
    family = answering(residual())
    plan = denoise(family.config.schedule.build().levels(4))
    first = first_fill(IMAGE + 5 * HOLE, HOLE, family.config)
    filled = family.sample(first, HOLE, plan, ddim(), [1, 2])
    torch.testing.assert_close(filled, IMAGE, rtol=0, atol=1e-5)


def redrawing(image=IMAGE, **options):
    """A family that redraws, with a network that knows the image."""
    config = FamilyConfig(contrasts=BOTH, conditional=False, first_fill="zero", **options)
    return Inpainter(config, Answer(image / config.residual_scale))


@pytest.mark.parametrize("prediction", ["x0", "eps"])
def test_a_perfect_network_redraws_the_image_as_it_was(prediction):
    config = FamilyConfig(contrasts=BOTH, conditional=False, prediction=prediction)
    clean = IMAGE / config.residual_scale
    family = Inpainter(config, Answer(clean) if prediction == "x0" else TellsNoise(config, clean))
    plan = denoise(config.schedule.build().levels(3, start=0.041))
    drawn = family.redraw(IMAGE, plan, ddim(), [1, 2])
    torch.testing.assert_close(drawn, IMAGE, rtol=0, atol=1e-4)


def test_the_image_is_noised_to_the_level_of_the_first_move():
    family = redrawing(residual_scale=0.5)
    plan = denoise(family.config.schedule.build().levels(2, start=0.3))
    family.redraw(IMAGE, plan, ddim(), [1, 2])
    start, channels = family.net.seen[0][:, :2], family.net.seen[0][:, 2:]
    noise = (start - plan[0].now.alpha * IMAGE / 0.5) / plan[0].now.sigma
    # 1,728 standard normal numbers; four standard errors.
    assert float(noise.mean()) == pytest.approx(0, abs=0.1)
    assert float(noise.std()) == pytest.approx(1, abs=0.07)
    # As in training: no first fill, and a hole that is everything.
    assert torch.equal(
        channels, torch.tensor([-1.0, -1, 1]).reshape(1, 3, 1, 1, 1).expand_as(channels)
    )


def test_training_and_redrawing_show_the_network_the_same_channels():
    family = redrawing()
    whole = torch.ones_like(HOLE)
    first = first_fill(IMAGE, whole, family.config)
    family.loss(IMAGE, first, whole, T, NOISE, 0.0)
    family.redraw(IMAGE, denoise(family.config.schedule.build().levels(1)), ddim(), [1, 2])
    trained, used = family.net.seen
    assert torch.equal(trained[:, 2:], used[:, 2:])


@pytest.mark.parametrize("guard", [True, False])
def test_with_a_guard_what_is_known_stays(guard):
    """A network that says 0.5 everywhere: with a guard only the lesion becomes 0.5."""
    family = redrawing(torch.full_like(IMAGE, 0.5))
    plan = repaint(family.config.schedule.build().levels(4, start=0.2), jump=2, repeats=2)
    drawn = family.redraw(IMAGE, plan, ddim(), [1, 2], HOLE if guard else None)
    expected = IMAGE * (1 - HOLE) + 0.5 * HOLE if guard else torch.full_like(IMAGE, 0.5)
    torch.testing.assert_close(drawn, expected, rtol=0, atol=1e-6)


def test_redrawing_depends_on_the_seed():
    torch.manual_seed(0)
    config = override(memory3d.PRESETS["tiny"], ["first_fill=zero", "conditional=false"])
    family = inpainter(replace(config, contrasts=BOTH))
    with torch.no_grad():
        for p in family.net.parameters():
            p.add_(0.05 * torch.randn_like(p))
    plan = denoise(config.schedule.build().levels(2, start=0.3))
    one, same, other = (family.redraw(IMAGE, plan, ddim(), [s, 9]) for s in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one[0], other[0])
    torch.testing.assert_close(one[1], other[1])
