"""Texture of a fill against its surroundings: planted grain and planted stripes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage

from brainfill.core.grid import BoolArray, FloatArray
from brainfill.metrics.texture import local_sd_ratio, step_ratios, stripe_index

SHAPE = (32, 31, 30)


def noise(sd: float = 10, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).normal(1000, sd, SHAPE).astype(np.float32)


def cube() -> BoolArray:
    mask = np.zeros(SHAPE, bool)
    mask[9:23, 9:22, 9:21] = True
    return mask


def test_equal_grain_is_one() -> None:
    assert local_sd_ratio(noise(), cube()) == pytest.approx(1, abs=0.03)
    np.testing.assert_allclose(stripe_index(noise(), cube()), 1, atol=0.06)


@pytest.mark.parametrize("share", [0.0, 0.5, 2.0])
def test_grain_is_measured(share: float) -> None:
    image = np.where(cube(), 1000 + share * (noise() - 1000), noise())
    assert local_sd_ratio(image, cube()) == pytest.approx(share, rel=0.06, abs=1e-4)


def test_white_noise_against_smooth() -> None:
    smooth = ndimage.gaussian_filter(noise(100), 2)
    grainy = np.where(cube(), noise(10), smooth)
    flat = np.where(cube(), smooth, noise(10))
    assert local_sd_ratio(grainy, cube()) > 2
    assert local_sd_ratio(flat, cube()) < 0.5


def test_other_tissue_around_does_not_count() -> None:
    image = noise()
    image[:9] = np.random.default_rng(1).normal(400, 80, image[:9].shape)
    assert local_sd_ratio(image, cube()) == pytest.approx(1, abs=0.05)
    np.testing.assert_allclose(stripe_index(image, cube()), 1, atol=0.08)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_planted_stripes_show_on_their_axis_only(axis: int) -> None:
    image = noise()
    wave = np.where(np.arange(SHAPE[axis]) % 2, 10, -10)
    shape = [1, 1, 1]
    shape[axis] = -1
    striped = np.where(cube(), image + wave.reshape(shape), image)
    found = stripe_index(striped, cube())
    assert found[axis] > 1.5
    assert all(found[other] < 0.9 for other in range(3) if other != axis)


def test_stripes_by_hand() -> None:
    # Steps of 1, 2, 4 along the axes in the fill; 3, 3, 3 around: 1/3, 2/2.5, 4/1.5.
    i, j, k = np.indices((24, 24, 24)).astype(float)
    mask = np.zeros((24, 24, 24), bool)
    mask[11:13, 11:13, 11:13] = True
    image = 3 * (i % 2 + j % 2 + k % 2)
    image[mask] = ((i - 11) + 2 * (j - 11) + 4 * (k - 11) + 1)[mask]
    found = stripe_index(image, mask)
    np.testing.assert_allclose(found, (1 / 3, 2 / 2.5, 4 / 1.5), rtol=1e-6)


def test_nothing_to_measure_is_nan() -> None:
    empty = np.zeros(SHAPE, bool)
    assert math.isnan(local_sd_ratio(noise(), empty))
    assert all(map(math.isnan, stripe_index(noise(), empty)))
    thin = empty.copy()
    thin[15, 10:20, 10:20] = True
    assert math.isnan(local_sd_ratio(noise(), thin))
    assert math.isnan(stripe_index(noise(), thin)[0])
    assert math.isnan(local_sd_ratio(noise(), np.ones(SHAPE, bool)))


def test_tissue_without_any_change_is_nan_and_no_error() -> None:
    flat = np.full(SHAPE, 7.0)
    assert math.isnan(local_sd_ratio(flat, cube()))
    assert all(map(math.isnan, stripe_index(flat, cube())))
    layered = np.broadcast_to(np.random.default_rng(0).normal(1000, 9, SHAPE[1:]), SHAPE)
    assert math.isnan(stripe_index(layered, cube())[0])
    assert stripe_index(layered, cube())[1] == pytest.approx(1, abs=0.2)


def test_ratios_of_steps_by_hand() -> None:
    # Steps of 1, 2 and 4 along the axes: 1/3, 2/2.5, 4/1.5.
    i, j, k = np.indices((6, 5, 4)).astype(float)
    everywhere = np.ones(i.shape, bool)
    found = step_ratios(i + 2 * j + 4 * k, everywhere)
    np.testing.assert_allclose(found, (1 / 3, 2 / 2.5, 4 / 1.5))
    assert all(map(math.isnan, step_ratios(i, np.zeros(i.shape, bool))))
