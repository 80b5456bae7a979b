"""Agreement of two sets of voxels: cases by hand."""

import math

import numpy as np
import pytest

from brainfill.core.errors import GeometryError
from brainfill.metrics.overlap import dice, distance95_mm

SHAPE = (20, 21, 22)


def block(*sides):
    flags = np.zeros(SHAPE, bool)
    flags[tuple(slice(*side) for side in sides)] = True
    return flags


ONE = block((4, 10), (5, 9), (6, 9))
MOVED = block((4, 10), (5, 9), (8, 11))
NONE = np.zeros(SHAPE, bool)


def test_dice_counts_shared_voxels():
    assert dice(ONE, ONE) == 1
    assert dice(ONE, MOVED) == pytest.approx(1 / 3)
    assert dice(ONE, NONE) == dice(NONE, ONE) == 0
    assert dice(NONE, NONE) == 1


def test_equal_surfaces_are_nowhere_apart():
    assert distance95_mm(ONE, ONE, (1, 1, 1)) == 0


@pytest.mark.parametrize("width_mm", [1.0, 2.5])
def test_a_plate_that_moved_lies_as_far_away_as_it_moved(width_mm):
    plate, moved = block((2, 18), (2, 18), (3, 4)), block((2, 18), (2, 18), (7, 8))
    assert distance95_mm(plate, moved, (1, 1, width_mm)) == 4 * width_mm


def test_the_larger_way_counts():
    small, large = block((4, 5), (4, 5), (4, 5)), block((4, 5), (4, 5), (4, 15))
    here, there = distance95_mm(small, large, (1, 1, 1)), distance95_mm(large, small, (1, 1, 1))
    assert here == there == pytest.approx(np.percentile(range(11), 95))


def test_one_voxel_far_away_in_a_hundred_changes_nothing():
    dotted = block((4, 14), (4, 14), (4, 5))
    dotted[18, 18, 18] = True
    assert distance95_mm(block((4, 14), (4, 14), (4, 5)), dotted, (1, 1, 1)) == 0


def test_an_empty_set_is_at_no_distance():
    assert math.isnan(distance95_mm(ONE, NONE, (1, 1, 1)))
    assert math.isnan(distance95_mm(NONE, ONE, (1, 1, 1)))


@pytest.mark.parametrize("measure", [dice, lambda a, b: distance95_mm(a, b, (1, 1, 1))])
def test_other_shapes_are_refused(measure):
    with pytest.raises(GeometryError, match=r"shapes \(20, 21, 22\) and \(20, 21, 21\)"):
        measure(ONE, ONE[:, :, :-1])
