"""Examples of painters: where lesions are, what they look like, and what the network may know."""

import numpy as np
import pytest
import torch
from lesioned_pack import FLAIR, HEAD, LESION_FLAIR, LESION_T1, SHAPE, T1, lesions, pack

from brainfill.core.config import override
from brainfill.core.errors import DataError
from brainfill.lesions.paint import LAYERS, Profile
from brainfill.models import memory3d
from brainfill.models._first_fill import first_fill
from brainfill.train import lesioned_examples
from brainfill.train.examples import AugmentConfig
from brainfill.train.lesioned import profiles
from brainfill.train.lesioned_examples import LesionMix, draw_lesioned

UNCHANGED = AugmentConfig(gamma=0, bias=0, noise=0, blur=0)
PACK = pack()
FOUND = profiles(PACK)
OWN, PAINTED = LesionMix(own=1, missing=0), LesionMix(own=0, missing=0, complete=1, varied=0)


def model(**settings):
    options = {"contrasts": '["T1w","FLAIR"]', "first_fill": "harmonic", "crop_vox": "[10,12,14]"}
    options |= settings
    return override(memory3d.PRESETS["tiny"], [f"{k}={v}" for k, v in options.items()])


def draw(seed, mix=OWN, augment=UNCHANGED, data=PACK, found=FOUND, **settings):
    rng = np.random.default_rng(seed)
    return draw_lesioned(data, found, model(**settings), mix, augment, rng)


@pytest.mark.parametrize("mix", [OWN, PAINTED], ids=["own", "painted"])
def test_an_example_is_a_crop_of_both_contrasts_a_hole_and_a_first_fill(mix):
    for seed in range(4):
        example = draw(seed, mix)
        assert (example.shape, example.dtype) == ((5, 10, 12, 14), torch.float32)
        assert example.is_contiguous()
        image, hole, first = example[:2], example[2], example[3:]
        assert set(hole.unique().tolist()) == {0, 1}
        assert torch.equal(image[:, hole == 0], first[:, hole == 0])
        assert not torch.equal(image, first)
        assert (image[0][hole > 0] > 0).all()


@pytest.mark.parametrize("mix", [OWN, PAINTED], ids=["own", "painted"])
def test_the_draw_is_that_of_the_generator(mix):
    strong = AugmentConfig()
    assert torch.equal(draw(5, mix, strong), draw(5, mix, strong))
    assert not torch.equal(draw(5, mix, strong), draw(6, mix, strong))


def test_own_lesions_have_the_brightness_of_the_patient():
    for seed in range(6):
        t1, flair, hole, *_ = draw(seed)
        torch.testing.assert_close(t1[hole > 0].mean(), torch.tensor(LESION_T1 / T1))
        torch.testing.assert_close(flair[hole > 0].mean(), torch.tensor(LESION_FLAIR / FLAIR))


def test_other_lesions_are_shown_or_painted_as_well():
    """Both lesions lie within a crop this large: 27 or 12 voxels if others are shown, else 39."""
    sizes = {
        shown: {
            int(draw(s, LesionMix(own=1, others_shown=shown), crop_vox="[20,24,22]")[2].sum())
            for s in range(8)
        }
        for shown in (0.0, 1.0)
    }
    assert sizes == {0.0: {39}, 1.0: {27, 12}}


def test_small_lesions_are_drawn_more_often_than_their_voxels():
    mix = LesionMix(own=1, others_shown=1)
    small = np.mean(
        [draw(s, mix, crop_vox="[6,6,6]", first_fill="zero")[2].sum() < 20 for s in range(100)]
    )
    # Square roots of 12 and 27 are as 2 to 3. Four standard errors of 0.05.
    assert small == pytest.approx(0.4, abs=0.2)


@pytest.mark.parametrize("mix", [OWN, PAINTED], ids=["own", "painted"])
def test_the_surroundings_of_the_crop_are_known_even_of_a_lesion_that_reaches_there(
    mix, monkeypatch
):
    large = np.zeros(SHAPE, np.int16)
    large[4:18, 5:20, 5:20] = 1
    lesioned = [large, lesions() * 0] if mix is OWN else PACK.lesions
    seen = []

    def remember(image, hole, config):
        seen.append(hole[0, 0] > 0)
        return first_fill(image, hole, config)

    monkeypatch.setattr(lesioned_examples, "first_fill", remember)
    for seed in range(3):
        example = draw(seed, mix, data=pack(lesions=lesioned), crop_vox="[6,6,6]")
        wide = seen.pop()
        assert wide.shape == (30, 30, 30)
        assert wide.sum() == example[2].sum() > 0


def test_painted_lesions_have_the_profile():
    profile = Profile(np.full((2, LAYERS), 0.0), np.array([0.0, 0.0]))
    profile.layers[0], profile.layers[1] = 0.6, 1.4
    for seed in range(6):
        t1, flair, hole, *_ = draw(seed, PAINTED, found=[profile])
        torch.testing.assert_close(t1[hole > 0], torch.full_like(t1[hole > 0], 0.6))
        torch.testing.assert_close(flair[hole > 0], torch.full_like(t1[hole > 0], 1.4))


def test_painted_lesions_vary_around_the_profile():
    profile = Profile(np.array([[0.6] * LAYERS, [1.4] * LAYERS]), np.zeros(2))
    mix = LesionMix(own=0, missing=0, complete=1, varied=0.2)
    options = {"found": [profile], "crop_vox": "[6,6,6]", "first_fill": "zero"}
    logs = []
    for seed in range(50):
        t1, _, hole, *_ = draw(seed, mix, **options)
        logs.append(float(torch.log((1 - t1[hole > 0].mean()) / 0.4)))
    assert np.mean(logs) == pytest.approx(0, abs=0.12)
    assert np.std(logs) == pytest.approx(0.2, abs=0.08)


def test_painted_lesions_avoid_real_ones():
    real = np.zeros(SHAPE, np.int16)
    real[6:16, 6:20, 6:18] = 1
    image = PACK.images[0].copy()
    image[:, real > 0] = 1  # nearly black, so that they are seen
    data = pack(images=[image, PACK.images[1]], lesions=[real, real * 0])
    whole = {
        "crop_vox": "[44,52,48]",
        "first_fill": "zero",
        "details": "[]",
    }  # wherever it is centred
    for seed in range(4):
        t1, _, hole, *_ = draw(seed, PAINTED, data=data, **whole)
        assert hole.any()
        assert ((t1 > 0) & (t1 < 0.05)).sum() == (real > 0).sum()


def test_people_without_a_contrast_are_painted_into_and_keep_it_missing():
    mix = LesionMix(own=0, complete=0, missing=0)
    seen = set()
    for seed in range(10):
        example = draw(seed, mix)
        seen.add(bool(example[1].any()))
        if not example[1].any():
            assert not example[4].any()  # nor in the first fill
            assert example[0].any()
    assert seen == {True, False}


def test_contrasts_are_left_out_one_at_a_time():
    left = [
        tuple(bool(c.any()) for c in draw(s, LesionMix(own=1, missing=1))[:2]) for s in range(10)
    ]
    assert set(left) == {(True, False), (False, True)}
    for seed, (t1, flair) in enumerate(left):
        first = draw(seed, LesionMix(own=1, missing=1))[3:]
        assert (bool(first[0].any()), bool(first[1].any())) == (t1, flair)


def test_models_that_redraw_get_holes_that_are_everything():
    example = draw(0, conditional="false", first_fill="zero", details="[]")
    assert (example[2] == 1).all()
    assert not example[3:].any()
    conditional = draw(0, first_fill="zero", details="[]")
    torch.testing.assert_close(example[:2], conditional[:2])  # the same crop, lesion and all


def test_the_first_fill_never_reads_the_lesion():
    for seed in (0, 1):
        image, hole = (part[None] for part in draw(seed).tensor_split([2, 3])[:2])
        fills = [first_fill(image + value * hole, hole, model()) for value in (0, 1e4)]
        assert torch.equal(*fills)


def test_left_and_right_change_places_in_half_of_the_examples():
    ramp = (np.linspace(130, 250, SHAPE[1]).round()[:, None] * HEAD).astype(np.uint8)
    image = np.stack([ramp, ramp])
    data, mix = pack(images=[image, image]), LesionMix(own=1, missing=0)
    options = {"data": data, "crop_vox": "[4,8,4]", "first_fill": "zero"}
    signs = [float(torch.sign(draw(s, mix, **options)[0].diff(dim=1).sum())) for s in range(80)]
    assert abs(np.mean(signs)) < 4 / np.sqrt(80)


def test_contrasts_are_changed_apart():
    strong = AugmentConfig(gamma=0.5, bias=0, noise=0, blur=0)
    ratios = [draw(s, augment=strong) for s in range(6)]
    t1 = [float(e[0][e[2] > 0].mean()) for e in ratios]
    flair = [float(e[1][e[2] > 0].mean()) for e in ratios]
    # One exponent for both would make these logarithms proportional.
    exponents = np.log(t1) / np.log(LESION_T1 / T1), np.log(flair) / np.log(LESION_FLAIR / FLAIR)
    assert np.median(np.abs(exponents[0] / exponents[1] - 1)) > 0.05


def test_data_without_white_matter_is_said_to_have_none():
    dark = [(i * 0.5).astype(np.uint8) for i in PACK.images]
    with pytest.raises(DataError, match="no scan of the training data shows white matter") as info:
        draw(0, PAINTED, data=pack(images=dark))
    assert "train.lesions.own=1" in info.value.hint
