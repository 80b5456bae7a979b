"""From scans to crops and back: values are those the network draws, on every grid; models of other kinds are refused."""

import numpy as np
import pytest
import torch

from brainfill.bundles.store import find, load_bundle
from brainfill.core.context import Context
from brainfill.core.errors import ConfigError, UnavailableError
from brainfill.core.grid import Grid
from brainfill.core.volume import Mask, Volume
from brainfill.painters._base import load_painter, paint_crops


@pytest.fixture
def bundle(painter_models):
    return load_bundle(find(painter_models["conditional"]))


def painted(bundle, images, lesion, draw, extent=None, **surroundings):
    return paint_crops(images, lesion, extent or lesion, bundle, draw, Context(**surroundings))


def test_a_lesion_of_one_brightness_keeps_it_up_to_its_surface_on_every_grid(
    bundle, any_grid, phantom_scan
):
    """Half of the tissue level in T1w, 1.5 of it in FLAIR; a step that splines carried inwards would show."""
    scan, expected = phantom_scan(any_grid), []

    def draw(canvas):
        expected.extend(part * level for part, level in zip((0.5, 1.5), canvas.levels, strict=True))
        return torch.stack([torch.full_like(canvas.lesion[0, 0], v) for v in (0.5, 1.5)])

    values = painted(bundle, scan.images, scan.lesion, draw)
    for contrast, value in zip(("T1w", "FLAIR"), expected, strict=True):
        np.testing.assert_allclose(values[contrast][scan.lesion.data], value, rtol=1e-4)


def test_no_value_is_darker_than_the_image(bundle, grids, phantom_scan):
    scan = phantom_scan(grids["RAS"])
    values = painted(bundle, scan.images, scan.lesion, lambda canvas: canvas.image[0] - 9)
    t1, inside = scan.images["T1w"].data, scan.lesion.data
    assert (values["T1w"][inside] == t1[~inside].min()).all()


def test_a_contrast_that_is_missing_is_shown_as_zeros(bundle, grids, phantom_scan):
    scan = phantom_scan(grids["RAS"])
    seen = []

    def draw(canvas):
        seen.append(canvas)
        return torch.ones_like(canvas.image[0])

    values = painted(bundle, {"FLAIR": scan.images["FLAIR"]}, scan.lesion, draw)
    assert list(values) == ["FLAIR"]
    [canvas] = seen
    assert canvas.levels[0] == 0
    assert not canvas.image[0, 0].any()
    assert canvas.image[0, 1].max() > 0.5
    assert canvas.lesion.sum() == scan.lesion.data.sum()


def test_lesions_far_apart_have_crops_and_numbers_of_their_own(bundle):
    data = np.random.default_rng(0).normal(500, 20, (100, 20, 20)).astype(np.float32)
    grid, where = Grid(data.shape, np.eye(4)), np.zeros(data.shape, bool)
    where[6:9, 9:12, 9:12] = where[90:93, 9:12, 9:12] = True
    seen, told = [], []

    def draw(canvas):
        seen.append((canvas.number, int(canvas.lesion.sum())))
        return canvas.image[0] * 0 + 1 + canvas.number / 2

    images = {"T1w": Volume(data, grid)}
    values = painted(bundle, images, Mask(where, grid), draw, progress=lambda *p: told.append(p))
    assert seen == [(0, 27), (1, 27)]
    # The level is the 95th percentile: 500 and 1.645 standard deviations of 20.
    for first, factor in ((6, 1), (90, 1.5)):
        found = values["T1w"][first : first + 3, 9:12, 9:12]
        np.testing.assert_allclose(found, 533 * factor, rtol=0.005)
    assert told == [("painting", n, 2) for n in (0, 1, 2)]

    # A visit without the first lesion: the second is painted as before.
    seen.clear()
    later = where.copy()
    later[:50] = False
    again = painted(bundle, images, Mask(later, grid), draw, Mask(where, grid))
    assert seen == [(1, 27)]
    np.testing.assert_array_equal(again["T1w"][later], values["T1w"][later])


def test_threads_are_those_asked_for(bundle, grids, phantom_scan):
    scan, before = phantom_scan(grids["RAS"]), torch.get_num_threads()
    seen = []

    def draw(canvas):
        seen.append(torch.get_num_threads())
        return canvas.image[0]

    try:
        painted(bundle, scan.images, scan.lesion, draw, threads=3)
    finally:
        torch.set_num_threads(before)
    assert seen == [3]


def test_a_model_of_the_right_kind_is_loaded(painter_models):
    for method, conditional in (("conditional", True), ("coarse", False)):
        bundle = load_painter(painter_models[method], {"FLAIR": None}, conditional=conditional)
        assert bundle.model.config.conditional is conditional


@pytest.mark.parametrize(
    ("method", "conditional", "words"),
    [
        ("conditional", False, "is of the wrong kind: one is needed that redraws whole images"),
        ("coarse", True, "is of the wrong kind: one is needed that paints lesions into holes"),
    ],
)
def test_a_model_of_the_other_kind_is_refused(painter_models, method, conditional, words):
    with pytest.raises(ConfigError, match=words) as info:
        load_painter(painter_models[method], {}, conditional=conditional)
    assert info.value.hint == "see: brainfill list models"


def test_a_model_that_fills_cannot_paint():
    with pytest.raises(ConfigError, match="'t1-fill' is of the wrong kind: one is needed that p"):
        load_painter("t1-fill", {"T1w": None}, conditional=True)


def test_contrasts_that_the_model_does_not_know_are_named(painter_models):
    with pytest.raises(ConfigError, match="does not know the contrast T2w; it knows T1w, FLAIR"):
        load_painter(painter_models["conditional"], {"T1w": None, "T2w": None}, conditional=True)


def test_unknown_models_are_named():
    with pytest.raises(UnavailableError, match="no model 'lesion-pain'"):
        load_painter("lesion-pain", {}, conditional=True)
