"""Deep inside a hole: what the other side shows, as far as it resembles this one."""

import numpy as np
import pytest

from brainfill.interpolation.inside import depth, expect_inside, is_large

SHAPE = (44, 44, 44)
BALL = np.linalg.norm(np.indices(SHAPE) - 22, axis=0) <= 12
EVERYWHERE = np.ones(SHAPE, bool)
PATTERN = 100 * np.sin(np.indices(SHAPE)[1] / 6.0) * np.cos(np.indices(SHAPE)[0] / 7.0)


def inside(filled, across, tissue=EVERYWHERE, spacing_mm=1.0):
    filled, across = filled.astype(np.float32), across.astype(np.float32)
    known = tissue & ~BALL
    return expect_inside(filled, depth(BALL, known, spacing_mm), known, across, spacing_mm)


def test_depth_is_in_mm_and_background_is_not_known():
    half = np.indices(SHAPE)[0] < 22
    values = depth(BALL, EVERYWHERE & ~BALL, 1.5)
    assert not values[~BALL].any()
    # The nearest voxel outside the ball lies 12 steps along one axis and 1 along another.
    assert values.max() == pytest.approx(1.5 * np.sqrt(145))
    assert depth(BALL, half & ~BALL, 1.0)[33, 22, 22] > values[33, 22, 22]
    assert not depth(BALL, np.zeros(SHAPE, bool), 1.0).any()


def test_only_holes_deeper_than_eight_mm_are_large():
    assert is_large(depth(BALL, ~BALL, 1.0))
    small = np.linalg.norm(np.indices(SHAPE) - 22, axis=0) <= 6
    assert not is_large(depth(small, ~small, 1.0))
    assert is_large(depth(small, ~small, 2.0))


def test_holes_that_are_not_deep_are_left_to_the_patches():
    guess = np.where(BALL, 300, 500 + PATTERN).astype(np.float32)
    by_size = [
        np.abs(inside(guess, PATTERN + 500, spacing_mm=mm) - guess).max() for mm in (0.6, 0.8, 1.2)
    ]
    assert by_size[0] == 0  # 12 voxels of 0.6 mm
    assert 0 < by_size[1] < 0.6 * by_size[2]


def test_the_border_is_kept_and_the_middle_is_expected():
    guess = np.where(BALL, 300, 500 + PATTERN)
    found = inside(guess, 800 + 2 * PATTERN)
    depth_mm = depth(BALL, ~BALL, 1.0)
    np.testing.assert_array_equal(found[depth_mm <= 2], guess[depth_mm <= 2].astype(np.float32))
    # Half of the other side's pattern, on the level of this side.
    deep = depth_mm >= 8
    assert np.abs(found - (500 + PATTERN))[deep].mean() < 0.25 * np.abs(PATTERN[deep]).mean()


@pytest.mark.parametrize("across", [np.zeros(SHAPE), -PATTERN], ids=["nothing", "the opposite"])
def test_another_side_that_says_nothing_leaves_a_smooth_surface(across):
    ramp = 500 + 10.0 * np.indices(SHAPE)[2]
    found = inside(np.where(BALL, 0, ramp + (PATTERN if across.any() else 0)), across)
    deep = depth(BALL, ~BALL, 1.0) >= 8
    assert np.abs(found - ramp)[deep].mean() < 25  # harmonic: a ramp goes on as a ramp


def test_background_beside_a_hole_does_not_darken_it():
    half = np.indices(SHAPE)[0] < 26
    filled = np.where(half, 500, 0)
    found = inside(filled, np.zeros(SHAPE), tissue=half)
    deep = depth(BALL, half & ~BALL, 1.0) >= 8
    np.testing.assert_allclose(found[deep], 500, rtol=1e-3)
