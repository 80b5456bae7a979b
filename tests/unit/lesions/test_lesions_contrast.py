"""Brightness of a lesion against its surroundings: measured by hand, and reached exactly."""

import numpy as np
import pytest

from brainfill.core.errors import DataError
from brainfill.core.grid import Grid
from brainfill.core.volume import Mask
from brainfill.lesions.contrast import contrast_of, with_contrast

GRID = Grid((30, 30, 12), np.diag([1.0, 1.0, 2.0, 1]))


@pytest.fixture
def lesion():
    where = np.zeros(GRID.shape, bool)
    where[12:17, 12:17, 4:7] = True
    return Mask(where, GRID)


@pytest.fixture
def images(lesion):
    """Tissue of 100 and 200 with noise, and something bright beyond 5 mm."""
    rng = np.random.default_rng(0)
    flat = {"T1w": rng.normal(100, 3, GRID.shape), "FLAIR": rng.normal(200, 3, GRID.shape)}
    for image in flat.values():
        image[:6] = image[24:] = 900
    return flat


def lesioned(images, lesion, t1, flair, sd=2.0):
    rng = np.random.default_rng(1)
    levels = {"T1w": t1, "FLAIR": flair}
    return {
        n: np.where(lesion.data, rng.normal(v, sd, GRID.shape), images[n])
        for n, v in levels.items()
    }


def pasted(values, images, lesion):
    return {n: np.where(lesion.data, v, images[n]) for n, v in values.items()}


def test_contrast_is_a_ratio_of_medians(images, lesion):
    values = lesioned(images, lesion, 60, 300)
    assert contrast_of(values["T1w"], lesion) == pytest.approx(0.6, abs=0.01)
    assert contrast_of(values["FLAIR"], lesion) == pytest.approx(1.5, abs=0.01)


def test_background_and_what_is_near_the_edge_or_far_away_is_not_compared_with(lesion):
    image = np.random.default_rng(0).normal(100, 1, GRID.shape)
    image[11:18, 12:17, 4:7] = 5000  # up to 1 mm from the lesion
    image[:7] = 5000  # 6 mm
    image[:, 20:] = 0
    image[lesion.data] = 50
    assert contrast_of(image, lesion) == pytest.approx(0.5, abs=0.01)


def test_a_lesion_in_nothing_has_no_contrast(lesion):
    assert contrast_of(np.where(lesion.data, 7.0, 0.0), lesion) is None


def test_brightness_is_counted_from_the_background(images, lesion):
    values = lesioned(images, lesion, 60, 300)["T1w"]
    values[:4] = 0
    assert contrast_of(values / 50 - 2, lesion) == pytest.approx(contrast_of(values, lesion))


@pytest.mark.parametrize("shift", [0.0, -500.0])
@pytest.mark.parametrize("wanted", [0.2, 0.75, 0.99])
def test_the_contrast_is_reached_exactly_and_by_one_factor(images, lesion, wanted, shift):
    before = lesioned(images, lesion, 60, 300)
    for group in (images, before):
        for name in group:
            group[name][:4] = 0
            group[name] = group[name] + shift
    after = pasted(with_contrast(before, images, lesion, "T1w", wanted), images, lesion)
    assert contrast_of(after["T1w"], lesion) == pytest.approx(wanted, rel=1e-6)
    factor = (wanted - 1) / (contrast_of(before["T1w"], lesion) - 1)
    expected = 1 + factor * (contrast_of(before["FLAIR"], lesion) - 1)
    assert contrast_of(after["FLAIR"], lesion) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("wanted", [1.0, 1.3])
def test_a_lesion_of_the_other_sign_is_shifted_and_its_grain_kept(images, lesion, wanted):
    before = lesioned(images, lesion, 60, 300)
    after = pasted(with_contrast(before, images, lesion, "T1w", wanted), images, lesion)
    assert contrast_of(after["T1w"], lesion) == pytest.approx(wanted, rel=1e-6)
    inside = lesion.data
    assert after["T1w"][inside].std() == pytest.approx(before["T1w"][inside].std(), rel=1e-6)
    np.testing.assert_array_equal(after["FLAIR"][inside], before["FLAIR"][inside])


def test_a_lesion_without_contrast_is_not_blown_up(images, lesion):
    before = lesioned(images, lesion, 99.5, 300)
    after = pasted(with_contrast(before, images, lesion, "T1w", 0.5), images, lesion)
    assert contrast_of(after["T1w"], lesion) == pytest.approx(0.5, rel=1e-6)
    assert after["T1w"][lesion.data].std() < 3


def test_a_contrast_may_lead_that_is_the_only_one(images, lesion):
    flair = {"FLAIR": images["FLAIR"]}
    before = {"FLAIR": lesioned(images, lesion, 60, 300)["FLAIR"]}
    after = pasted(with_contrast(before, flair, lesion, "FLAIR", 1.8), flair, lesion)
    assert contrast_of(after["FLAIR"], lesion) == pytest.approx(1.8, rel=1e-6)


def test_values_stay_above_the_darkest(images, lesion):
    before = lesioned(images, lesion, 60, 300, sd=20)
    after = pasted(with_contrast(before, images, lesion, "T1w", 0.02), images, lesion)
    assert after["T1w"][lesion.data].min() == 0


def test_where_there_is_no_tissue_no_contrast_can_be_asked_for(lesion):
    nothing = {"T1w": np.zeros(GRID.shape)}
    with pytest.raises(DataError, match="no tissue lies around them in T1w") as info:
        with_contrast({"T1w": np.ones(GRID.shape)}, nothing, lesion, "T1w", 0.5)
    assert info.value.hint == "leave --lesion-contrast out"


def test_a_contrast_without_tissue_around_stays_as_it_is(images, lesion):
    before = lesioned(images, lesion, 60, 300)
    empty = images | {"FLAIR": np.zeros(GRID.shape)}
    after = with_contrast(before, empty, lesion, "T1w", 0.3)
    np.testing.assert_array_equal(after["FLAIR"][lesion.data], before["FLAIR"][lesion.data])
