"""Training examples: crop, first fill and hole fit together, and changes of crops do what they say."""

import numpy as np
import pytest
import torch

from brainfill.core.config import override
from brainfill.core.errors import DataError
from brainfill.interpolation.prediction import DOUBTS
from brainfill.lesions.shapes import HoleMix
from brainfill.models import memory3d
from brainfill.models._first_fill import first_fill
from brainfill.train.examples import AugmentConfig, augmented, draw_example, thick_slices
from brainfill.train.pack import Pack

DISTANCE = np.linalg.norm(np.indices((30, 28, 26)).T - (14.5, 13.5, 12.5), axis=-1).T
BALL = np.random.default_rng(0).normal(170, 15, DISTANCE.shape) * (DISTANCE < 11)
PACK = Pack(["sub-01"], [BALL.round().astype(np.uint8)], [np.ones((2, 3, 2), bool)])
MIX = HoleMix(circles=1, lesions=1, ellipsoids=1)
UNCHANGED = AugmentConfig(gamma=0, bias=0, noise=0, blur=0)
FIRST_FILLS = ["patch", "harmonic", "zero"]


def model(first="harmonic", crop="[10,12,14]"):
    return override(memory3d.PRESETS["tiny"], [f"crop_vox={crop}", f"first_fill={first}"])


def draw(seed, first="harmonic", pack=PACK, mix=MIX, augment=None, crop="[10,12,14]"):
    rng = np.random.default_rng(seed)
    return draw_example(pack, model(first, crop), mix, augment or AugmentConfig(), rng)


@pytest.mark.parametrize("first", FIRST_FILLS)
def test_an_example_is_a_crop_its_first_fill_and_a_hole(first):
    for seed in range(4):
        example = draw(seed, first)
        channels = 3 + (DOUBTS if first == "patch" else 0)
        assert (example.shape, example.dtype) == ((channels, 10, 12, 14), torch.float32)
        assert example.is_contiguous()
        image, hole, filled, *doubts = example
        assert all(not doubt[hole == 0].any() and doubt.any() for doubt in doubts)
        assert set(hole.unique().tolist()) == {0, 1}
        assert torch.equal(image[hole == 0], filled[hole == 0])
        assert not torch.equal(image[hole == 1], filled[hole == 1])
        assert float(image.min()) >= 0
        assert 0.5 < float(image.max()) <= 2


def test_holes_lie_in_tissue():
    outside = 0
    for seed in range(40):
        image, hole, _ = draw(seed, augment=UNCHANGED)
        assert hole.any()
        assert not hole[image == 0].any()
        outside += int((image == 0).sum())
    assert outside > 1000


@pytest.mark.parametrize("first", FIRST_FILLS)
def test_the_first_fill_never_reads_the_hole(first):
    for seed in (0, 1):
        image, hole = draw(seed, first)[:2, None, None]
        fills = [first_fill(image + value * hole, hole, model(first)) for value in (0, 1, 1e4)]
        assert torch.equal(fills[0], fills[1])
        assert torch.equal(fills[0], fills[2])


def test_the_first_fill_knows_the_surroundings_of_the_crop():
    whole = model(crop="[34,36,38]")
    assert whole.crop_vox == tuple(n + 24 for n in model().crop_vox)
    differs = []
    for seed in range(4):
        image, hole, filled = draw(seed)[:, None, None]
        differs.append(not torch.equal(first_fill(image, hole, model()), filled))
    assert any(differs)


@pytest.mark.parametrize("first", FIRST_FILLS)
def test_the_same_draw_makes_the_same_example(first):
    assert torch.equal(draw(5, first), draw(5, first))
    assert not torch.equal(draw(5, first), draw(6, first))


def test_examples_are_in_units_of_the_tissue_nearby():
    # Bright enough in both that crops are centred on the same voxels.
    volume = np.where(DISTANCE < 11, np.maximum(BALL, 140), 0)
    packs = [Pack(["sub-01"], [v], PACK.shapes) for v in (volume, volume * 0.93)]
    for seed in range(4):
        bright, dark = (draw(seed, pack=pack, augment=UNCHANGED)[0] for pack in packs)
        torch.testing.assert_close(bright, dark, rtol=1e-5, atol=1e-6)
        assert float(bright[bright > 0].median()) == pytest.approx(0.87, abs=0.05)


def test_left_and_right_change_places_in_half_of_the_examples():
    ramp = np.zeros((20, 60, 20), np.uint8)
    ramp[:] = np.linspace(120, 240, 60)[:, None]  # brighter to the right
    options = {"pack": Pack(["sub-01"], [ramp], []), "mix": HoleMix(lesions=0)}
    crops = [draw(s, augment=UNCHANGED, crop="[5,5,5]", **options)[0] for s in range(150)]
    # Beyond the end of the volume there is no tissue and no ramp.
    steps = [float((c[2, 3, 2] - c[2, 2, 2]) * (c[2, 3, 2] > 0)) for c in crops]
    signs = np.sign([s for s in steps if s])
    assert len(signs) > 130
    # Four standard deviations of a fair coin.
    assert abs(signs.mean()) < 4 / np.sqrt(len(signs))


def test_crops_are_centred_on_tissue_two_thirds_of_the_time_on_bright_tissue():
    volume = np.full((20, 20, 20), 40, np.uint8)
    volume[:, :, 10:] = 200
    options = {"pack": Pack(["sub-01"], [volume], []), "mix": HoleMix(lesions=0)}
    crops = [draw(s, augment=UNCHANGED, crop="[5,5,5]", **options)[0] for s in range(150)]
    # Bright tissue is 1 and dark tissue 0.2 of the level, since 12 voxels around show some of both.
    middles = np.array([float(crop[2, 2, 2]) for crop in crops])
    np.testing.assert_allclose(np.unique(middles), [0.2, 1], rtol=1e-6)
    # Bright by choice in 2/3, by chance in half of the rest. SD 0.030 with 150 draws; four of it.
    assert np.mean(middles == 1) == pytest.approx(2 / 3 + 1 / 6, abs=0.12)


def test_crops_reach_beyond_the_ends_of_the_volume_into_background():
    volume, point = np.full((5, 5, 5), 200, np.uint8), np.ones((1, 1, 1), bool)
    pack, mix = Pack(["sub-01"], [volume], [point]), HoleMix(circles=0, dilate_half=0)
    image = draw(0, pack=pack, mix=mix, augment=UNCHANGED)[0]
    assert int((image > 0).sum()) == 125
    assert set(image.unique().tolist()) == {0, 1}


def test_the_background_stays_black_through_every_change():
    strong = AugmentConfig(gamma=0.5, bias=0.9, noise=0.5, blur=1)
    pack = Pack(["sub-01"], [np.full((3, 3, 3), 200, np.uint8)], [])
    for seed in range(6):
        image = draw(seed, pack=pack, mix=HoleMix(lesions=0), augment=strong)[0]
        assert 0 < int((image > 0).sum()) <= 27


def test_lesion_shapes_are_asked_for_where_there_are_none():
    with pytest.raises(DataError, match="the library is empty"):
        draw(0, pack=Pack(PACK.names, PACK.volumes, []))


CROP = np.random.default_rng(1).random((7, 9, 8)).astype(np.float32)


def changed(seed=0, crop=CROP, **strengths):
    options = {"gamma": 0, "bias": 0, "noise": 0, "noisy": 0.5, "blur": 0} | strengths
    return augmented(crop, AugmentConfig(**options), np.random.default_rng(seed))


def test_without_any_strength_nothing_changes():
    for seed in range(5):
        np.testing.assert_array_equal(changed(seed), CROP)
        assert changed(seed).dtype == np.float32


@pytest.mark.parametrize("name", ["gamma", "bias", "noise", "blur"])
def test_each_change_changes_the_crop_and_leaves_the_original_alone(name):
    before = CROP.copy()
    assert any(not np.array_equal(changed(seed, **{name: 0.5}), CROP) for seed in range(4))
    np.testing.assert_array_equal(CROP, before)


def test_the_contrast_exponent_is_log_normal():
    exponents = [
        float(np.log(changed(s, np.full((1, 1, 1), 0.5, np.float32), gamma=0.3)[0, 0, 0]))
        for s in range(400)
    ]
    logs = np.log(np.array(exponents) / np.log(0.5))
    # Standard errors 0.015 and 0.011 with 400 draws; four of each.
    assert logs.mean() == pytest.approx(0, abs=0.06)
    assert logs.std() == pytest.approx(0.3, abs=0.043)


def test_the_bias_is_smooth_and_no_deeper_than_asked():
    for seed in range(20):
        trend = np.log(changed(seed, bias=0.4).astype(np.float64) / CROP)
        assert 0.01 < np.abs(trend).max() <= 6 * 0.2  # six terms of up to half the depth
        for axis in range(3):  # each is linear along every axis
            np.testing.assert_allclose(np.diff(trend, 2, axis=axis), 0, atol=1e-5)


def test_noise_is_that_of_magnitude_images():
    background = np.zeros((20, 20, 20), np.float32)
    noisy = [changed(seed, background, noise=0.1) for seed in range(40)]
    levels = [float(n.mean()) for n in noisy if n.any()]
    assert 8 < len(levels) < 32  # half of the crops: four standard deviations
    assert min(n.min() for n in noisy) >= 0
    # The mean of a Rayleigh variable is 1.25 of its parameter.
    assert max(levels) < 0.1 * np.sqrt(np.pi / 2) * 1.02
    assert max(levels) > 0.05


@pytest.mark.parametrize("thickness", [2, 3, 4])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_thick_slices_keep_constants_and_the_mean(axis, thickness):
    flat = thick_slices(np.full((5, 9, 7), 0.7, np.float32), axis, thickness)
    assert (flat.shape, flat.dtype) == ((5, 9, 7), np.float32)
    np.testing.assert_allclose(flat, 0.7, rtol=1e-6)

    # Far from both ends every voxel lies in exactly one slice.
    middle = np.moveaxis(np.zeros((24, 5, 6), np.float32), 0, axis)
    where = tuple(slice(8, 16) if i == axis else slice(None) for i in range(3))
    middle[where] = np.random.default_rng(2).random(middle[where].shape)
    thick = thick_slices(middle, axis, thickness)
    np.testing.assert_allclose(thick.mean(axis), middle.mean(axis), rtol=1e-5)
    assert np.abs(np.diff(thick, axis=axis)).max() < np.abs(np.diff(middle, axis=axis)).max()


def test_thick_slices_by_hand():
    line = np.array([0, 0, 0, 0, 9, 0, 0, 0, 0, 6], np.float32).reshape(1, 10, 1)
    # Slices around voxels 0, 3, 6 and 9 hold the means of three voxels, the last its end twice.
    expected = [0, 1, 2, 3, 2, 1, 0, 4 / 3, 8 / 3, 4]
    np.testing.assert_allclose(thick_slices(line, 1, 3).ravel(), expected, rtol=1e-6)


def test_slices_are_numbered_as_in_the_volume():
    volume = np.repeat(np.arange(140, 170, dtype=np.uint8), 28 * 26).reshape(30, 28, 26)
    pack = Pack(["sub-01"], [volume], [np.ones((2, 3, 2), bool)])
    config = override(model("zero"), ["unet.kind=2d", "unet.position=true"])
    for seed in range(6):
        rng = np.random.default_rng(seed)
        *_, numbers = draw_example(pack, config, MIX, UNCHANGED, rng)
        plain = draw_example(pack, model("zero"), MIX, UNCHANGED, np.random.default_rng(seed))
        image, number = plain[0], numbers[:, 0, 0]
        assert torch.equal(numbers, number[:, None, None].expand_as(numbers))
        assert torch.equal(number, number[0] + torch.arange(10))
        # Brightness names the slice, in a unit that is the same for all.
        inside = (number >= 0) & (number < 30)
        brightest = image.amax(dim=(1, 2))[inside] / (number[inside] + 140)
        torch.testing.assert_close(brightest, brightest[:1].expand_as(brightest))
