"""Distances of regions to lesions, in millimetres, on any grid."""

import math

import numpy as np
import pytest
from thickness_results import CUNEUS, LEFT, RIGHT

from brainfill.core.errors import DataError
from brainfill.core.grid import Grid
from brainfill.core.volume import LabelMap, Mask
from brainfill.thickness.near import lesion_distances

NUMBERS = {LEFT: 103, RIGHT: 102, CUNEUS: 7}


def scene(spacing_mm=(1.0, 1, 1), shape=(12, 10, 8)):
    """A lesion of one voxel, the left insula 3 voxels along x from it, the right one around it."""
    grid = Grid(shape, np.diag([*spacing_mm, 1.0]))
    labels, lesion = np.zeros(shape, int), np.zeros(shape, bool)
    lesion[5, 5, 5] = True
    labels[8:10, 5, 5] = 103
    labels[4:7, 5, 4] = 102
    labels[5, 5, 5] = 102
    labels[0, 0, 0] = 44  # no region
    return LabelMap(labels, grid), Mask(lesion, grid)


def test_distances_by_hand():
    labels, lesion = scene()
    found = lesion_distances(labels, NUMBERS, lesion)
    assert found[LEFT] == 3
    assert found[RIGHT] == 0
    assert math.isnan(found[CUNEUS])


def test_voxels_of_other_sizes():
    labels, lesion = scene((0.5, 1, 3))
    assert lesion_distances(labels, NUMBERS, lesion)[LEFT] == pytest.approx(1.5)


def test_oblique_grids(grids):
    grid = grids["oblique"]
    labels, lesion = np.zeros(grid.shape, int), np.zeros(grid.shape, bool)
    lesion[10, 10, 10] = True
    labels[13, 14, 10] = 103
    found = lesion_distances(LabelMap(labels, grid), {LEFT: 103}, Mask(lesion, grid))
    assert found[LEFT] == pytest.approx(5)


def test_what_makes_no_sense():
    labels, lesion = scene()
    with pytest.raises(DataError, match="mask is empty"):
        lesion_distances(labels, NUMBERS, Mask(lesion.data & False, lesion.grid))
    with pytest.raises(DataError, match="none of the 1 regions is in the label map"):
        lesion_distances(labels, {CUNEUS: 7}, lesion)
