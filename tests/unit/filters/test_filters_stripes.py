"""Smoothing across slices: what it changes, what counts in its means, and what it leaves alone."""

import numpy as np
import pytest
from scipy import ndimage

from brainfill.filters.stripes import smooth_along

SHAPE = (14, 13, 20)


@pytest.fixture
def noise():
    return np.random.default_rng(0).normal(500, 50, SHAPE).astype(np.float32)


@pytest.fixture
def inside():
    where = np.zeros(SHAPE, bool)
    where[4:9, 4:9, 6:13] = True
    return where


def everywhere():
    return np.ones(SHAPE, bool)


@pytest.mark.parametrize("sigma", [(0, 0, 1.075), (0.7, 0, 0), (1, 0.9, 0.5)])
def test_deep_inside_it_is_a_plain_gaussian(noise, inside, sigma):
    found = smooth_along(noise, inside, everywhere(), sigma)
    wanted = ndimage.gaussian_filter(noise.astype(float), sigma, truncate=4.0)
    core = ndimage.binary_erosion(np.ones(SHAPE), iterations=4) & inside
    np.testing.assert_allclose(found[core], wanted[core], rtol=1e-5)


def test_by_hand():
    # Weights exp(-1/2) at one voxel, 1 in the middle, with a reach of int(4 * 0.3 + 0.5) = 1 voxel.
    image = np.zeros((1, 1, 5), np.float32)
    image[0, 0] = [0, 10, 40, 20, 0]
    where = np.zeros(image.shape, bool)
    where[0, 0, 2] = True
    side = np.exp(-0.5 / 0.3**2)
    wanted = (40 + side * (10 + 20)) / (1 + 2 * side)
    found = smooth_along(image, where, np.ones(image.shape, bool), (0, 0, 0.3))
    np.testing.assert_allclose(found[0, 0], [0, 10, wanted, 20, 0], rtol=1e-6)


def test_outside_nothing_changes(noise, inside):
    found = smooth_along(noise, inside, everywhere(), (0, 0, 2))
    np.testing.assert_array_equal(found[~inside], noise[~inside])
    assert (found != noise)[inside].all()


def test_the_surroundings_count_but_background_and_the_edge_of_the_image_do_not(inside):
    image = np.where(inside, 500, 700).astype(np.float32)
    image[:, :, 13:] = 0  # the surface: background above the mask
    shown = image > 0
    found = smooth_along(image, inside, shown, (0, 0, 1))
    assert 500 < found[6, 6, 9] < found[6, 6, 6] < 700  # drawn towards the tissue below
    assert found[6, 6, 12] == pytest.approx(500, abs=0.1)  # not towards the background above
    flat = np.full(SHAPE, 500, np.float32)
    whole = smooth_along(flat, everywhere(), everywhere(), (3, 3, 3))
    np.testing.assert_allclose(whole, 500, rtol=1e-6)


def test_a_bright_slice_is_drawn_to_its_neighbours(noise):
    flat = np.full(SHAPE, 500, np.float32)
    flat[4:9, 4:9, 10] = 600
    where = flat > 550
    found = smooth_along(flat, where, everywhere(), (0, 0, 1.075))
    share = 1 / np.exp(-0.5 * (np.arange(-4, 5) / 1.075) ** 2).sum()
    np.testing.assert_allclose(found[where], 500 + 100 * share, rtol=1e-6)


def test_axes_of_width_0_are_left_alone(noise, inside):
    np.testing.assert_array_equal(smooth_along(noise, inside, everywhere(), (0, 0, 0)), noise)
    mean = noise.mean(axis=2, keepdims=True)
    flat = np.broadcast_to(mean, SHAPE)
    found = smooth_along(flat, inside, everywhere(), (0, 0, 3))
    np.testing.assert_allclose(found, flat, rtol=1e-6)


def test_an_empty_mask_changes_nothing(noise):
    empty = np.zeros(SHAPE, bool)
    np.testing.assert_array_equal(smooth_along(noise, empty, everywhere(), (1, 1, 1)), noise)


def test_the_input_stays_as_it_was(noise, inside):
    before = noise.copy()
    smooth_along(noise, inside, everywhere(), (1, 1, 1))
    np.testing.assert_array_equal(noise, before)
