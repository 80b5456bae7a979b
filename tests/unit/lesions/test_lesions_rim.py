"""How far lesions reach beyond their masks, from surroundings made by the very formula that is to be found again."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from brainfill.lesions.rim import Surroundings, judge

RADII = np.sqrt([1, 2, 3, 4, 5, 6, 8, 9])
VOXELS = [6, 12, 8, 6, 24, 24, 12, 30]
TISSUE, NOISE = 100.0, 3.0


def surroundings(offsets, width, contrasts, side_mm=1.0, noise=NOISE, bias=0.0, rounds=12, seed=0):
    """Lesions with an offset [mm] and a contrast each; `bias` is the b of an error that reaches into the mask."""
    rng = np.random.default_rng(seed)
    r = np.tile(np.repeat(RADII, VOXELS), rounds) * side_mm
    spread = ((3.5 - r / side_mm) / 2.5) ** 2
    parts = []
    for number, (offset, contrast) in enumerate(zip(offsets, contrasts, strict=True)):
        c = contrast * rng.uniform(0.7, 1.3, len(r))
        share = ndtr((offset - (r - side_mm / 2)) / width) + bias * spread
        d = share * c + noise * np.sqrt(spread) * rng.standard_normal(len(r))
        parts.append((r, d, c, np.full(len(r), number)))
    distance, deviation, contrast, lesion = (np.concatenate(p) for p in zip(*parts, strict=True))
    own = np.abs(np.asarray(contrasts, float))
    return Surroundings(
        distance, deviation, contrast, lesion, own, TISSUE, side_mm, reach_mm=3.0 * side_mm
    )


def share_at(reach_mm, offset, width):
    return ndtr((offset - reach_mm) / width)


@pytest.mark.parametrize(
    ("offset", "width"), [(0.1, 0.45), (0.2, 0.7), (0.8, 0.7), (-0.7, 0.6), (1.0, 0.5)]
)
@pytest.mark.parametrize("contrast", [-30.0, 25.0])
def test_shares_and_reach_are_found_again(offset, width, contrast):
    rims = judge(surroundings([offset] * 8, width, [contrast] * 8))
    beyond_mm = np.arange(0.5, 2.6, 0.1)
    found = share_at(beyond_mm, rims.offset_mm, rims.width_mm)
    np.testing.assert_allclose(found, share_at(beyond_mm, offset, width), atol=0.03)
    assert rims.error == pytest.approx(NOISE, rel=0.3)
    # At the rim's end the lesion's part of the brightness is about an eighth of the error.
    left = share_at(rims.reach_mm, offset, width) * abs(contrast)
    assert (left < 0.35 * NOISE).all()
    if offset > 0:
        assert (left > 0.02 * NOISE).all()


def test_lesions_with_hard_borders_end_with_their_masks():
    seen = surroundings([-5.0] * 8, 0.1, [-30.0] * 8)
    assert (judge(seen).reach_mm < 0.5).all()  # the next voxel's centre lies at 0.5 mm


def test_lesions_that_are_not_seen_have_no_rim():
    seen = surroundings([0.2] * 4, 0.7, [0.3] * 4)
    assert (judge(seen).reach_mm < 0.5).all()


def test_wider_rims_reach_farther_and_so_do_brighter_lesions():
    reach = [
        judge(surroundings([0.2] * 6, w, [-30.0] * 6)).reach_mm.mean() for w in (0.3, 0.5, 0.8)
    ]
    assert reach[0] < reach[1] < reach[2]
    faint, strong = (judge(surroundings([0.3] * 6, 0.7, [-c] * 6)) for c in (8.0, 60.0))
    assert faint.reach_mm.mean() < strong.reach_mm.mean()


def test_each_lesion_has_a_reach_of_its_own():
    """Half of the masks were drawn a voxel too small."""
    rims = judge(surroundings([0.0, 1.0] * 4, 0.5, [-30.0] * 8))
    tight, small = rims.reach_mm[::2], rims.reach_mm[1::2]
    assert small.min() > tight.max() + 0.4


def test_a_lesion_of_which_little_is_seen_goes_by_the_others():
    seen = surroundings([0.3] * 6, 0.6, [-30.0] * 6)
    without = seen.lesion != 5
    few = replace(
        seen,
        distance_mm=seen.distance_mm[without],
        deviation=seen.deviation[without],
        contrast=seen.contrast[without],
        lesion=seen.lesion[without],
        lesion_contrast=np.array([30, 30, 30, 30, 30, np.nan]),
    )
    reach = judge(few).reach_mm
    assert reach[5] == pytest.approx(np.median(reach[:5]), abs=0.2)


def test_where_tissue_is_hard_to_expect_more_of_the_rim_stays_as_evidence():
    """Half of the lesions lie in folds, where the expected tissue is wrong by four times as much."""
    seen = surroundings([0.3] * 8, 0.7, [-30.0] * 8)
    folds = seen.lesion % 2 == 1
    noise = 3 * NOISE * np.random.default_rng(1).standard_normal(len(folds))
    reach = judge(replace(seen, deviation=seen.deviation + folds * noise)).reach_mm
    assert reach[1::2].max() < reach[::2].min()


@pytest.mark.parametrize("bias", [-0.08, 0.08])
def test_errors_of_the_expected_tissue_are_no_rim(bias):
    """They are in the contrast as in the deviation, and fade towards where the fill began."""
    seen = surroundings([-5.0] * 8, 0.1, [-7.0] * 8, bias=bias)
    assert (judge(seen).reach_mm < 0.7).all()


@pytest.mark.parametrize("unit", [40, 1e-9])
def test_units_do_not_matter(unit):
    seen = surroundings([0.2] * 5, 0.6, [-25.0] * 5)
    scaled = replace(
        seen,
        deviation=seen.deviation * unit,
        contrast=seen.contrast * unit,
        lesion_contrast=seen.lesion_contrast * unit,
        brightness=TISSUE * unit,
    )
    np.testing.assert_allclose(judge(scaled).reach_mm, judge(seen).reach_mm, atol=1e-9)


def test_voxels_of_two_millimetres_blur_twice_as_far():
    fine = judge(surroundings([0.2] * 6, 0.6, [-25.0] * 6))
    coarse = judge(surroundings([0.4] * 6, 1.2, [-25.0] * 6, side_mm=2.0))
    np.testing.assert_allclose(coarse.reach_mm, 2 * fine.reach_mm, rtol=0.02)


def test_some_voxels_of_another_tissue_change_little():
    seen = surroundings([0.2] * 8, 0.6, [-25.0] * 8)
    rng = np.random.default_rng(1)
    other = rng.random(len(seen.deviation)) < 0.05
    stained = replace(seen, deviation=np.where(other, -70.0, seen.deviation))
    assert np.abs(judge(stained).reach_mm - judge(seen).reach_mm).max() < 0.35
