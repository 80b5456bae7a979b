"""The region map: colours, sides and directions, on any grid."""

import math

import numpy as np
import pytest
from matplotlib import colormaps
from thickness_results import CUNEUS, LEFT, RIGHT

from brainfill.core.context import Context
from brainfill.core.grid import Grid
from brainfill.core.volume import LabelMap, Mask, Scan, Volume
from brainfill.preprocess.steps import reorient
from brainfill.thickness.maps import region_map
from brainfill.thickness.tables import Region

SHAPE = (31, 26, 20)
NUMBERS = {LEFT: 103, RIGHT: 102, CUNEUS: 109}
CHANGE = {LEFT: 1.0, RIGHT: 2.0, CUNEUS: math.nan}
OUTER_LEFT, INNER_LEFT, INNER_RIGHT, OUTER_RIGHT = range(3, 7)


def head():
    """Two hemispheres as blocks; at the front left the cuneus; white matter between them; RAS, 2 mm."""
    labels = np.zeros(SHAPE, int)
    labels[2:13, 3:23, 4:16] = 103
    labels[18:29, 3:23, 4:16] = 102
    labels[2:13, 18:23, 4:16] = 109
    labels[13:18, 3:23, 4:16] = 44
    grid = Grid(SHAPE, np.diag([2.0, 2, 2, 1]))
    lesion = np.zeros(SHAPE, bool)
    lesion[20:24, 8:14, 6:10] = True
    return LabelMap(labels, grid), Mask(lesion, grid)


def pictures(labels, lesion=None, change=None):
    figure = region_map(labels, NUMBERS, change or CHANGE, lesion)
    return [np.asarray(ax.images[0].get_array()) for ax in figure.axes[:7]], figure


def colour(value, top):
    return np.array(colormaps["viridis"](value / top)[:3])


def shades(picture):
    """The colours of a picture but white, without the shading."""
    flat = picture.reshape(-1, 3)
    flat = flat[(flat < 1).any(axis=1)]
    return {tuple(np.round(c / c.max(), 2)) for c in flat}


def unshaded(value, top):
    return tuple(np.round(colour(value, top) / colour(value, top).max(), 2))


def test_each_view_shows_its_hemisphere():
    shown, _ = pictures(head()[0])
    top = np.percentile([1.0, 2.0], 98)
    left, right = unshaded(1, top), unshaded(2, top)
    for view in (OUTER_LEFT, INNER_LEFT):
        assert left in shades(shown[view])
        assert right not in shades(shown[view])
    for view in (OUTER_RIGHT, INNER_RIGHT):
        assert right in shades(shown[view])
        assert left not in shades(shown[view])


def test_the_front_lies_where_the_viewer_has_it():
    # Seen from the left the front is on the left; the front left region, skipped, is grey there.
    shown, _ = pictures(head()[0])
    for view, front_left in ((OUTER_LEFT, True), (INNER_LEFT, False)):
        picture = shown[view]
        row = picture[picture.shape[0] // 2]
        grey = np.flatnonzero((np.ptp(row, axis=1) < 1e-6) & (row[:, 0] < 0.9))
        assert grey.size == 5
        assert bool(grey.mean() < row.shape[0] / 2) is front_left


def test_slices_go_through_the_region_that_changed_most():
    shown, figure = pictures(*head())
    strongest = colour(2, np.percentile([1.0, 2.0], 98))
    for plane in range(3):
        assert (np.abs(shown[plane] - strongest).max(axis=-1) < 1e-6).any()
    assert [ax.get_title() for ax in figure.axes[:3]] == ["sagittal", "coronal", "axial"]
    assert any(ax.collections for ax in figure.axes[:3]), "the lesion is outlined"


@pytest.mark.parametrize("axcodes", ["LAS", "LPS", "PSR", "IRA"])
def test_orientation_does_not_matter(axcodes):
    labels, lesion = head()
    scan = Scan("", {"T1w": Volume(labels.data, labels.grid)}, lesion, labels=labels)
    turned, _ = reorient.build(reorient.Config(axcodes))(scan, Context())
    here, there = pictures(labels, lesion)[0], pictures(turned.labels, turned.lesion)[0]
    for a, b in zip(here, there, strict=True):
        np.testing.assert_allclose(a, b)


def test_a_map_of_nothing_measured_is_grey():
    shown, _ = pictures(head()[0], change=dict.fromkeys(NUMBERS, math.nan))
    for picture in shown:
        assert np.ptp(picture, axis=-1).max() < 1e-6


def test_regions_that_are_not_in_the_map_do_no_harm():
    labels, _ = head()
    figure = region_map(labels, NUMBERS | {Region("x", ""): 999}, CHANGE, title="sub-01")
    assert figure.get_suptitle() == "sub-01"
