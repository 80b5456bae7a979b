"""What background is: the same scan, however its brightness was shifted, padded or cut."""

import numpy as np
import pytest

from brainfill.core.background import background, from_background, without_spikes
from brainfill.core.grid import Grid
from brainfill.core.volume import Volume

RNG = np.random.default_rng(0)


def brain():
    """A ball of two tissues and fluid with some noise, 0 outside."""
    far = np.linalg.norm(np.argwhere(np.ones((40, 40, 40))) - 19.5, axis=1).reshape(40, 40, 40)
    tissue = np.select([far < 6, far < 10, far < 14], [30.0, 100, 70], 0)
    return np.where(tissue > 0, tissue + RNG.normal(0, 4, tissue.shape), 0).astype(np.float32)


def head():
    """The ball in noisy air that is never 0."""
    noise = RNG.normal(0, 1.5, (2, 40, 40, 40))
    return np.hypot(brain() + noise[0], noise[1]).astype(np.float32)


def framed(data, value):
    return np.pad(data, 4, constant_values=value)


@pytest.mark.parametrize("data", [brain(), head(), brain()[13:27, 13:27, 13:27]])
def test_usual_images_begin_at_zero_exactly(data):
    image = Volume(data, Grid(data.shape, np.eye(4)))
    assert background(data).level == 0
    assert from_background(image)[0] is image


@pytest.mark.parametrize("shift", [1000, -1024, -5000, -200])
def test_a_shift_is_found(shift):
    assert background(brain() + np.float32(shift)) == (shift, shift)
    level, flat = background(head() + np.float32(shift))
    assert flat is None
    assert abs(level - shift) < 2


@pytest.mark.parametrize("value", [-100, -1024, -32768, 4095])
@pytest.mark.parametrize("data", [brain(), head()])
def test_padding_is_no_brightness(data, value):
    assert background(framed(data, value)) == (0, value)
    counted, level = from_background(Volume(framed(data, value), Grid((48, 48, 48), np.eye(4))))
    assert level == 0
    np.testing.assert_array_equal(counted.data, framed(data, 0))


def test_standardised_brains_have_their_darkest_as_background():
    data = brain()
    inside = data > 0
    data[inside] = (data[inside] - data[inside].mean()) / data[inside].std()
    level, flat = background(data)
    assert flat == 0
    assert level == pytest.approx(np.percentile(data[inside], 2))


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-1, 1)])
def test_scales_for_networks(low, high):
    data = brain()
    scaled = low + (high - low) * data / data.max()
    assert background(scaled.astype(np.float32)) == (low, low)


@pytest.mark.parametrize("value", [-40, -1e6, 1e6, np.nan])
def test_one_voxel_decides_nothing(value):
    for data in (brain(), head()):
        expected = background(data)
        data[20, 20, 20] = value
        found = background(data)
        assert found.flat == expected.flat
        assert found.level == expected.level == 0


def test_a_grey_of_tissue_is_no_background():
    piece = np.rint(RNG.normal(100, 3, (20, 20, 20))).astype(np.float32)
    assert background(piece) == (0, None)


def test_a_corner_of_background_is():
    piece = RNG.normal(100, 3, (20, 20, 20)).astype(np.float32)
    piece[:10, :10, :10] = 0
    assert background(piece) == (0, 0)


def test_an_image_of_one_value_is_nothing_else():
    assert background(np.full((3, 4, 5), 7.0)) == (7, 7)
    assert background(np.full((3, 4, 5), np.nan)) == (0, None)


def test_spikes_are_cut_and_nothing_else():
    data = brain()
    assert without_spikes(data) is not None
    np.testing.assert_array_equal(without_spikes(data), data)
    data[20, 20, 20], data[20, 20, 21] = 1e6, -1e6
    cut = without_spikes(data)
    assert cut.max() == -cut.min() < 1200
    assert np.count_nonzero(cut != data) == 2
