"""Names of cortical regions, and figures of a map by region, worked out by hand."""

import numpy as np
import pytest

from brainfill.core.grid import Grid
from brainfill.core.volume import LabelMap
from brainfill.thickness.regions import CLASSES, FIRST, Name, figures, load_names, region_names

NAMES = {100: Name("right", "a"), 101: Name("left", "a"), 102: Name("right", "b")}


def test_each_region_is_there_on_both_sides():
    names = load_names()
    assert len(names) == len(set(names.values())) == 98
    assert len(region_names()) == 49
    for side in ("left", "right"):
        here = {n.region for n in names.values() if n.hemisphere == side}
        assert here == set(region_names())
    assert list(names) == sorted(names)


def test_numbers_are_those_of_neuromorphometrics():
    names = load_names()
    assert (names[100], names[207]) == (
        Name("right", "anterior cingulate gyrus"),
        Name("left", "transverse temporal gyrus"),
    )
    # Right ones are even, the same region on the left follows.
    for label, name in names.items():
        assert (name.hemisphere == "right") is (label % 2 == 0)
        assert names[label ^ 1].region == name.region


def test_classes_of_the_network_are_followed_by_the_regions():
    assert len(CLASSES) == FIRST


def test_figures_by_hand():
    thickness, labels = np.zeros((2, 3, 4), np.float32), np.zeros((2, 3, 4), np.int32)
    labels[0, 0], labels[0, 1, :2], labels[1] = 100, 101, 0
    thickness[0, 0] = [2, 4, 0, 0]  # two of four voxels were reached
    thickness[0, 1, :2] = [3, 1]
    thickness[1] = 9  # belongs to no region
    grid = Grid((2, 3, 4), np.diag([-1.0, 2, 5, 1]))
    rows, sides = figures(thickness, LabelMap(labels, grid), NAMES)
    right, left, empty = rows
    assert (right.region, right.hemisphere, right.label) == ("a", "right", 100)
    assert (right.mean_mm, right.sd_mm, right.voxels) == (3, 1, 2)
    assert right.volume_ml == pytest.approx(4 * 0.01)
    assert (left.mean_mm, left.voxels, left.volume_ml) == (2, 2, pytest.approx(0.02))
    assert (empty.mean_mm, empty.sd_mm, empty.voxels, empty.volume_ml) == (None, None, 0, 0)
    assert sides == {"left": 2, "right": 3}


def test_a_side_without_cortex_has_no_mean():
    labels = np.full((2, 2, 2), 100, np.int32)
    grid = Grid((2, 2, 2), np.eye(4))
    assert figures(np.ones((2, 2, 2)), LabelMap(labels, grid), NAMES)[1] == {"right": 1}
    assert figures(np.zeros((2, 2, 2)), LabelMap(labels, grid), NAMES)[1] == {}


def test_the_mean_of_a_side_is_that_of_its_voxels_not_of_its_regions():
    labels = np.array([100, 102, 102, 102]).reshape(4, 1, 1)
    thickness = np.array([4.0, 2, 2, 2]).reshape(4, 1, 1)
    rows, sides = figures(thickness, LabelMap(labels, Grid((4, 1, 1), np.eye(4))), NAMES)
    assert sides["right"] == 2.5
    assert [r.mean_mm for r in rows] == [4, None, 2]
