"""Profiles of lesions: measured in layers, painted in layers."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from brainfill.lesions.paint import LAYERS, Profile, measured, painted

RNG = np.random.default_rng
DISTANCE = np.linalg.norm(np.indices((31, 31, 31)) - 15, axis=0)
BALL = DISTANCE < 9


def depth(where):
    """Layer of each voxel, from how far the nearest voxel outside is."""
    nearest = cKDTree(np.argwhere(~where)).query(np.argwhere(where))[0]
    return np.minimum(np.ceil(nearest).astype(int) - 1, LAYERS - 1)


def test_a_profile_is_the_median_of_each_layer_of_each_contrast():
    image = RNG(0).random((2, 31, 31, 31))
    found = measured(image, BALL)
    layers = depth(BALL)
    assert layers.max() == LAYERS - 1
    for contrast in (0, 1):
        values = image[contrast][BALL]
        expected = [np.median(values[layers == k]) for k in range(LAYERS)]
        np.testing.assert_allclose(found.layers[contrast], expected)
        spread = np.std(values - np.array(expected)[layers])
        assert found.grain[contrast] == pytest.approx(spread)


def test_layers_a_lesion_is_too_thin_for_are_like_its_deepest():
    where = np.zeros((9, 9, 9), bool)
    where[2:7, 2:7, 2:7] = True
    image = np.where(where, 1.5, 1.0)[None]
    image[0, 3:6, 3:6, 3:6] = 1.8
    image[0, 4, 4, 4] = 2.0
    np.testing.assert_allclose(measured(image, where).layers, [[1.5, 1.8, 2, 2, 2, 2]])
    np.testing.assert_allclose(measured(image, where).grain, 0)


def test_the_end_of_the_image_counts_as_surface():
    image = np.ones((1, 5, 5, 5))
    image[0, 1:-1, 1:-1, 1:-1] = 2
    assert measured(image, np.ones((5, 5, 5), bool)).layers[0, :2].tolist() == [1, 2]


def test_what_is_painted_is_measured_again():
    profile = Profile(
        np.array([[0.9, 0.8, 0.7, 0.65, 0.6, 0.6], [1.1, 1.2, 1.3, 1.3, 1.35, 1.4]]),
        np.array([0.02, 0.05]),
    )
    again = measured(painted(np.ones((2, 31, 31, 31)), BALL, profile, RNG(0)), BALL)
    # Grain is smooth over a voxel or two, and the innermost layers hold some hundred voxels.
    np.testing.assert_allclose(again.layers, profile.layers, atol=0.02)
    np.testing.assert_allclose(again.grain, profile.grain, rtol=0.05)


def test_nothing_outside_the_lesion_changes_and_the_input_stays():
    image = RNG(1).random((2, 31, 31, 31))
    before = image.copy()
    profile = Profile(np.full((2, LAYERS), 3.0), np.full(2, 0.1))
    out = painted(image, BALL, profile, RNG(0))
    np.testing.assert_array_equal(out[:, ~BALL], before[:, ~BALL])
    np.testing.assert_array_equal(image, before)
    assert (out[:, BALL] > 2).all()


def test_a_contrast_that_is_missing_stays_zero_and_none_goes_below():
    image = np.stack([np.ones((31, 31, 31)), np.zeros((31, 31, 31))])
    profile = Profile(np.full((2, LAYERS), 0.05), np.full(2, 0.5))
    out = painted(image, BALL, profile, RNG(0))
    assert not out[1].any()
    assert out[0][BALL].min() == 0


def test_grain_is_about_a_voxel_wide_and_of_the_generator():
    profile = Profile(np.ones((1, LAYERS)), np.array([0.1]))
    one, same, other = (painted(np.ones((1, 31, 31, 31)), BALL, profile, RNG(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other)[0][BALL].all()
    core = one[0, 10:21, 10:21, 10:21] - 1

    def along(step):
        return np.corrcoef(core[:-step].ravel(), core[step:].ravel())[0, 1]

    # A Gaussian of 0.7 voxels: exp(-d^2 / (4 * 0.49)) between voxels d apart.
    assert along(1) == pytest.approx(np.exp(-1 / 1.96), abs=0.1)
    assert abs(along(4)) < 0.15


def test_a_lesion_of_one_voxel_can_be_measured_and_painted():
    where = np.zeros((5, 5, 5), bool)
    where[2, 2, 2] = True
    image = np.ones((1, 5, 5, 5))
    image[0, 2, 2, 2] = 0.7
    profile = measured(image, where)
    assert profile.layers.tolist() == [[0.7] * LAYERS]
    assert painted(np.ones((1, 5, 5, 5)), where, profile, RNG(0))[0, 2, 2, 2] == pytest.approx(0.7)
