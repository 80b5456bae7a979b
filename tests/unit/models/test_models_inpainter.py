"""What all families share, with stubs in place of trained networks."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn

from brainfill.core.context import Context
from brainfill.core.errors import ConfigError
from brainfill.core.grid import Grid
from brainfill.core.registry import load, names
from brainfill.core.volume import Mask, Volume
from brainfill.diffusion.levels import STEPS, Karras, ScheduleConfig
from brainfill.diffusion.loss import level_weight
from brainfill.diffusion.plans import denoise
from brainfill.interpolation.harmonic import harmonic_fill
from brainfill.interpolation.nonlocal_patches import patch_fill_with_doubts
from brainfill.models._blur import blurred
from brainfill.models._brightness import normalised, tissue_level
from brainfill.models._config import FamilyConfig
from brainfill.models._first_fill import first_fill
from brainfill.models._inpainter import Inpainter, inpainter
from brainfill.nets.unet import UNetConfig

SHAPE = (2, 1, 6, 9, 8)
GENERATOR = torch.Generator().manual_seed(0)
IMAGE = 0.1 + 0.9 * torch.rand(SHAPE, generator=GENERATOR)  # tissue throughout
NOISE = torch.randn(SHAPE, generator=GENERATOR)
HOLE = torch.zeros(SHAPE)
HOLE[0, :, 2:4, 3:7, 2:5] = 1
HOLE[1, :, 1:5, 3:5, 3:4] = 1
T = torch.tensor([0.3, 0.9])
SAMPLERS = names("brainfill.diffusion.samplers")


def sampler(name):
    module = load("brainfill.diffusion.samplers", name)
    return module.build(module.Config())


class Perfect(nn.Module):
    """Knows the truth; answers in the family's prediction at the level it is told."""

    def __init__(self, config, image, hole):
        super().__init__()
        self.config, self.image, self.hole = config, image, hole
        self.seen = []

    def forward(self, x, t):
        self.seen.append((x.clone(), t.clone()))
        schedule = self.config.schedule.build()
        levels = [schedule.level((float(i) + 1) / STEPS) for i in t]
        alpha, sigma = (
            torch.tensor(v, dtype=x.dtype).reshape(-1, 1, 1, 1, 1)
            for v in zip(*levels, strict=True)
        )
        first = first_fill(self.image, self.hole, self.config)
        clean = (self.image - first) / self.config.residual_scale
        noise = (x[:, :1] - alpha * clean) / sigma * self.hole
        return {"x0": clean, "eps": noise, "v": alpha * noise - sigma * clean}[
            self.config.prediction
        ]


def perfect(image=IMAGE, hole=HOLE, **options):
    config = FamilyConfig(**options)
    return Inpainter(config, Perfect(config, image, hole))


def zero_said(**options):
    """An inpainter whose network says zero: the estimate of "x0" is the first fill."""

    class Zero(nn.Module):
        def forward(self, x, t):
            return torch.zeros_like(x[:, :1])

    return Inpainter(FamilyConfig(prediction="x0", **options), Zero())


def loss(family, image, hole, t, noise, ring=0.0):
    first = first_fill(image, hole, family.config)
    return family.loss(image, first, hole, t, noise, ring)


def draw(family, image, hole, plan, sampler, seeds, **options):
    first = first_fill(image, hole, family.config)
    return family.sample(first, hole, plan, sampler, seeds, **options)


@pytest.mark.parametrize("prediction", ["eps", "x0", "v"])
@pytest.mark.parametrize("first", ["harmonic", "zero"])
@pytest.mark.parametrize("schedule", ["linear", "cosine", "vp"])
def test_a_perfect_network_has_no_loss(prediction, first, schedule):
    family = perfect(
        prediction=prediction,
        first_fill=first,
        schedule=ScheduleConfig(name=schedule),
    )
    # float32: at t = 0.9 an error of 1e-7 in predicted noise grows by sigma / alpha, below 60,
    # before it is squared. A network off by one index has a loss above 1e-3 there.
    assert float(loss(family, IMAGE, HOLE, T, NOISE, ring=0.3)) < 1e-8


def test_the_loss_of_zero_is_about_one_in_each_item_whatever_the_brightness():
    # Relative to what the first fill gets wrong: 1 but for the floor that stands for noise.
    family = zero_said(first_fill="zero")
    for scale in (1.0, 0.5):
        found = float(loss(family, IMAGE * scale, HOLE, T, NOISE, ring=0.0))
        mean_square = [
            float((IMAGE[i] * scale)[HOLE[i] > 0].square().mean()) / 0.1**2 for i in (0, 1)
        ]
        floor = (0.01 / 0.1) ** 2
        expected = np.mean([m / (m + floor) for m in mean_square])
        assert found == pytest.approx(expected, rel=1e-5)


def test_each_item_has_its_own_level_weight():
    family = zero_said(weighting="min_snr")
    both = loss(family, IMAGE, HOLE, T, NOISE, ring=0.02)
    alone = [
        loss(family, IMAGE[i : i + 1], HOLE[i : i + 1], T[i : i + 1], NOISE[i : i + 1], ring=0.02)
        for i in (0, 1)
    ]
    assert float(both) == pytest.approx(float(sum(alone)) / 2, rel=1e-5)
    plain = zero_said(weighting="uniform")
    for i in (0, 1):
        snr = FamilyConfig().schedule.build().level(float(T[i])).snr
        weight = float(level_weight(torch.tensor([snr]), "min_snr"))
        unweighted = loss(
            plain, IMAGE[i : i + 1], HOLE[i : i + 1], T[i : i + 1], NOISE[i : i + 1], ring=0.02
        )
        assert float(alone[i]) == pytest.approx(weight * float(unweighted), rel=1e-5)


def test_the_ring_weighs_known_voxels():
    class Off(nn.Module):
        """Right in the hole, off by one elsewhere."""

        def forward(self, x, t):
            first = harmonic_fill(IMAGE, HOLE)
            return (IMAGE - first) / 0.1 * HOLE + (1 - HOLE)

    family = Inpainter(FamilyConfig(prediction="x0"), Off())
    losses = [float(loss(family, IMAGE, HOLE, T, NOISE, ring=r)) for r in (0.0, 0.02, 0.04)]
    assert losses[0] < 1e-10
    assert losses[2] == pytest.approx(2 * losses[1], rel=1e-5)
    assert losses[1] > 1e-3


def test_the_network_is_told_nothing_of_the_truth_but_through_the_noisy_hole():
    truth = IMAGE + 10 * HOLE
    family = perfect()
    t = torch.tensor([1.0, 1.0])
    for image in (IMAGE, truth):
        loss(family, image, HOLE, t, NOISE, ring=0.0)
    (first, index), (second, _) = family.net.seen
    assert torch.equal(first[:, 1:], second[:, 1:])  # condition channels
    assert not first[:, :1][HOLE == 0].any()  # known voxels carry neither noise nor residual
    assert index.tolist() == pytest.approx([999, 999], abs=1e-3)
    # At the noisiest level the residual of 10 / 0.1 shows with alpha = 0.0064 only.
    assert float((first[:, :1] - second[:, :1]).abs().max()) < 0.0064 * 101


def test_condition_channels_by_hand():
    family = perfect()
    loss(family, IMAGE, HOLE, T, NOISE)
    [(seen, _)] = family.net.seen
    assert torch.equal(seen[:, 1:2], 2 * harmonic_fill(IMAGE, HOLE) - 1)
    assert torch.equal(seen[:, 2:], 2 * HOLE - 1)


def test_details_are_shown_on_the_scale_of_the_residual():
    unet = UNetConfig(kind="pseudo3d", width=8, mult=(1, 2), blocks=1, groups=4)
    config = FamilyConfig(unet=unet, details=(0.7, 1.5), residual_scale=0.05)
    family = Inpainter(config, Perfect(config, IMAGE, HOLE))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss(family, IMAGE, HOLE, T, NOISE)
    [(seen, _)] = family.net.seen
    first = harmonic_fill(IMAGE, HOLE)
    for channel, width in ((3, 0.7), (4, 1.5)):
        fine = (first - blurred(first, width)) / 0.05
        # Half precision would be off by 0.004 / 0.05.
        torch.testing.assert_close(seen[:, channel : channel + 1], fine, rtol=0, atol=1e-4)


@pytest.mark.parametrize("width", [0.7, 2.0])
def test_blurred_is_a_gaussian_filter(width):
    reach = max(1, round(3 * width)) / width
    expected = ndimage.gaussian_filter(
        IMAGE.double().numpy(), (0, 0, width, width, width), mode="nearest", truncate=reach
    )
    np.testing.assert_allclose(blurred(IMAGE, width).numpy(), expected, atol=1e-5)


def test_the_network_takes_the_channels_it_is_shown():
    inputs = {
        (kind, details): FamilyConfig(first_fill=kind, details=details).unet.inputs
        for kind in ("zero", "patch")
        for details in ((), (1.0, 2.0))
    }
    assert inputs == {
        ("zero", ()): 3,
        ("zero", (1.0, 2.0)): 5,
        ("patch", ()): 6,
        ("patch", (1.0, 2.0)): 8,
    }


def test_details_need_a_width():
    with pytest.raises(ConfigError, match="details must be above 0"):
        FamilyConfig(details=(0.0,))


@pytest.mark.parametrize("kind", ["patch", "harmonic", "zero"])
def test_first_fills_keep_known_voxels_and_never_read_the_hole(kind):
    config = FamilyConfig(first_fill=kind)
    one, other = (first_fill(image, HOLE, config) for image in (IMAGE, IMAGE + 5 * HOLE))
    assert torch.equal(one, other)
    assert torch.equal(one[:, :1][HOLE == 0], IMAGE[HOLE == 0])
    assert one.dtype == IMAGE.dtype


def test_background_does_not_darken_a_hole_at_the_surface():
    """Half tissue of one value, half background with a shared voxel between: the hole is tissue."""
    image = torch.full((1, 1, 12, 12, 12), 0.8)
    image[..., 6] = 0.3
    image[..., 7:] = 0
    hole = torch.zeros_like(image)
    hole[..., 4:8, 4:8, 3:7] = 1
    filled = first_fill(image, hole, FamilyConfig(first_fill="harmonic"))
    torch.testing.assert_close(filled[hole > 0], torch.full((64,), 0.8))
    assert torch.equal(filled[hole == 0], image[hole == 0])


def test_the_first_fill_by_patches_is_that_of_the_filler():
    generator = torch.Generator().manual_seed(2)
    image = 0.9 + 0.02 * torch.randn((1, 1, 18, 20, 19), generator=generator)
    hole = torch.zeros_like(image)
    hole[..., 8:11, 9:12, 7:10] = 1
    config = FamilyConfig(first_fill="patch")
    grid = Grid((18, 20, 19), np.eye(4))
    volume, mask = Volume(image[0, 0].numpy(), grid), Mask(hole[0, 0].numpy() > 0, grid)
    filled, doubts = patch_fill_with_doubts(volume, mask, config.patch, Context())
    expected = np.concatenate([filled[None], doubts])
    np.testing.assert_array_equal(first_fill(image, hole, config)[0].numpy(), expected)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("prediction", ["eps", "x0", "v"])
def test_a_perfect_network_fills_the_truth_in(name, prediction):
    family = perfect(prediction=prediction)
    plan = denoise(family.config.schedule.build().levels(6))
    filled = draw(family, IMAGE + HOLE, HOLE, plan, sampler(name), seeds=[3, 4])
    # eps is divided by alpha = 0.0064 at the first step in float32, and Heun reuses it.
    torch.testing.assert_close(filled, IMAGE, rtol=0, atol=1e-3)


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_network_always_sees_zeros_at_known_voxels(name):
    class Wrong(nn.Module):
        """Imperfect at known voxels, like any real network."""

        def forward(self, x, t):
            seen.append(x[:, :1].clone())
            return torch.ones_like(x[:, :1])

    seen = []
    family = Inpainter(FamilyConfig(), Wrong())
    plan = denoise(family.config.schedule.build().levels(4))
    draw(family, IMAGE, HOLE, plan, sampler(name), seeds=[3, 4])
    # As in training, where nothing but the hole is noised.
    assert all(not x[HOLE == 0].any() for x in seen)
    assert all(x[HOLE == 1].any() for x in seen)


def test_the_estimate_of_known_voxels_is_the_last_one_of_the_network():
    class Constant(nn.Module):
        def forward(self, x, t):
            return torch.full_like(x[:, :1], float(t[0]))

    family = Inpainter(FamilyConfig(prediction="x0"), Constant())
    levels = family.config.schedule.build().levels(4)
    filled = draw(family, IMAGE, HOLE, denoise(levels), sampler("ddim"), seeds=[3, 4])
    known = HOLE == 0
    # The last call is told the index of the last noisy level, 249; the residual scale is 0.1.
    torch.testing.assert_close(filled[known], (IMAGE + 24.9)[known], rtol=1e-5, atol=1e-4)


def test_a_share_of_the_correction_can_be_taken():
    plan = denoise(FamilyConfig().schedule.build().levels(3))
    whole, half = (
        draw(perfect(trust=trust), IMAGE, HOLE, plan, sampler("ddim"), seeds=[3, 4])
        for trust in (1.0, 0.5)
    )
    first = harmonic_fill(IMAGE, HOLE)
    torch.testing.assert_close(half, (whole + first) / 2, rtol=0, atol=1e-4)


def tiny(**options):
    torch.manual_seed(0)
    unet = UNetConfig(kind="pseudo3d", width=8, mult=(1, 2), blocks=1, groups=4, heads=2)
    family = inpainter(FamilyConfig(unet=unet, **options))
    with torch.no_grad():
        for p in family.net.parameters():
            p.add_(0.05 * torch.randn_like(p))
    return family


def test_hole_values_are_never_read():
    family, plan = tiny(), denoise(Karras().levels(3))
    samples = [
        draw(family, image, HOLE, plan, sampler("heun"), seeds=[1, 2])
        for image in (IMAGE, IMAGE + 1e4 * HOLE)
    ]
    assert torch.equal(*samples)


@pytest.mark.parametrize("name", SAMPLERS)
def test_samples_depend_on_their_seed_and_not_on_their_companions(name):
    family = tiny()
    plan = denoise(family.config.schedule.build().levels(3))

    def drawn(i, seeds):
        return draw(family, IMAGE[i], HOLE[i], plan, sampler(name), seeds)

    both = drawn([0, 1], [1, 2])
    # Convolutions of other batch sizes sum in another order.
    torch.testing.assert_close(drawn([1], [2]), both[1:], rtol=1e-4, atol=1e-4)
    assert torch.equal(drawn([0, 1], [1, 2]), both)
    assert float((drawn([1], [3]) - both[1:]).abs()[HOLE[1:] > 0].max()) > 1e-3


def test_windows_are_used_when_the_configuration_asks():
    shapes = []

    class Watch(nn.Module):
        def forward(self, x, t):
            shapes.append(x.shape[2])
            return x[:, :1]

    plan = denoise(FamilyConfig().schedule.build().levels(1))
    for window in (0, 4):
        config = FamilyConfig(window_vox=window, overlap_vox=1)
        draw(Inpainter(config, Watch()), IMAGE, HOLE, plan, sampler("ddim"), seeds=[1, 2])
    assert shapes == [6, 4, 4]


def test_watch_is_called_after_every_move():
    turns = []
    plan = denoise(FamilyConfig().schedule.build().levels(5))
    draw(
        tiny(), IMAGE, HOLE, plan, sampler("ddim"), [1, 2], watch=lambda turn, x: turns.append(turn)
    )
    assert turns == [0, 1, 2, 3, 4]


def test_tissue_level_is_the_bright_end_of_what_is_near():
    image = np.zeros((60, 40, 40), np.float32)
    image[:30, 5:35, 5:35] = 100  # tissue around the hole
    image[50:, :, :] = 1000  # something bright far away
    hole = np.zeros(image.shape, bool)
    hole[10:14, 15:20, 15:20] = True
    image[hole] = 5000  # the lesion itself must not count
    assert tissue_level(image, hole) == 100
    assert tissue_level(np.zeros_like(image), hole) == 1.0
    assert tissue_level(np.full_like(image, -3), hole) == 1.0


def test_tissue_level_is_a_percentile():
    image = np.arange(1, 1001, dtype=np.float32).reshape(10, 10, 10)
    hole = np.zeros(image.shape, bool)
    hole[0, 0, 0] = True
    assert tissue_level(image, hole) == pytest.approx(np.percentile(image[~hole], 95))


def test_normalised_images_end_at_twice_the_tissue():
    values = normalised(np.array([-1.0, 0, 50, 100, 999]), 100)
    assert values.tolist() == [0, 0, 0.5, 1, 2]
    assert values.dtype == np.float32
