"""Lesions that grow and shrink by millimetres, on any grid."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from brainfill.core.grid import Grid
from brainfill.core.volume import Mask
from brainfill.lesions.resize import grown, shrunk

ANISOTROPIC = Grid((15, 15, 9), np.diag([1.0, 1.5, 3.0, 1]))
EVERYWHERE = np.ones(ANISOTROPIC.shape, bool)


def point(grid=ANISOTROPIC):
    data = np.zeros(grid.shape, bool)
    data[tuple(n // 2 for n in grid.shape)] = True
    return Mask(data, grid)


def distance_mm(mask, of):
    """From each voxel centre to the nearest one of `of` (n, 3), in world space."""
    every = mask.grid.to_world(np.argwhere(np.ones(mask.grid.shape, bool)).astype(float))
    chosen = mask.grid.to_world(np.argwhere(of).astype(float))
    return cKDTree(chosen).query(every)[0].reshape(of.shape)


@pytest.mark.parametrize("by_mm", [0.5, 1.0, 1.6, 3.0, 4.2])
def test_a_point_grows_to_the_voxels_within_reach(by_mm):
    found = grown(point(), by_mm, EVERYWHERE)
    expected = distance_mm(point(), point().data) <= by_mm
    np.testing.assert_array_equal(found.data, expected)
    assert found.data.sum() == {0.5: 1, 1.0: 3, 1.6: 5, 3.0: 21, 4.2: 63}[by_mm]


def test_growth_is_the_same_ball_on_every_grid(any_grid, phantom_lesion):
    lesion = phantom_lesion(any_grid)
    found = grown(lesion, 2.0, np.ones(any_grid.shape, bool))
    np.testing.assert_array_equal(found.data, distance_mm(lesion, lesion.data) <= 2.001)
    assert found.grid is any_grid


def test_growth_stays_where_it_may_lie_and_keeps_all_there_was():
    within = EVERYWHERE.copy()
    within[:, :, 4:] = False  # not even the seed lies within
    found = grown(point(), 4.0, within).data
    assert found[7, 7, 4]
    assert not found[:, :, 5:].any()
    assert found[:, :, 3].any()


def test_an_empty_mask_stays_empty():
    nothing = Mask(~EVERYWHERE, ANISOTROPIC)
    assert not grown(nothing, 5.0, EVERYWHERE).data.any()
    assert not shrunk(nothing, 5.0).data.any()


def test_shrinking_takes_what_lies_near_the_outside(any_grid, phantom_lesion):
    lesion = phantom_lesion(any_grid)
    found = shrunk(lesion, 1.2)
    outside_mm = distance_mm(lesion, ~lesion.data)
    np.testing.assert_array_equal(found.data, lesion.data & (outside_mm > 1.201))
    assert found.data.sum() < lesion.data.sum()


def test_shrinking_counts_millimetres_along_each_axis():
    """A block of 5 voxels a side of 1, 1.5 and 3 mm: 1.6 mm takes two, one and no layer."""
    data = np.zeros(ANISOTROPIC.shape, bool)
    data[5:10, 5:10, 2:7] = True
    found = shrunk(Mask(data, ANISOTROPIC), 1.6).data
    expected = np.zeros_like(data)
    expected[6:9, 6:9, 2:7] = True
    np.testing.assert_array_equal(found, expected)


def test_a_voxel_size_in_single_precision_is_still_a_millimetre():
    for size in (1 - 1e-7, 1 + 1e-7):
        grid = Grid((5, 5, 5), np.diag([size, size, size, 1]))
        assert grown(point(grid), 1.0, np.ones(grid.shape, bool)).data.sum() == 7
        block = np.zeros(grid.shape, bool)
        block[1:4, 1:4, 1:4] = True
        assert shrunk(Mask(block, grid), 1.0).data.sum() == 1


def test_less_than_a_voxel_changes_nothing(phantom_lesion, grids):
    lesion = phantom_lesion(grids["RAS"])
    np.testing.assert_array_equal(shrunk(lesion, 0.9).data, lesion.data)
    np.testing.assert_array_equal(grown(lesion, 0.9, ~lesion.data).data, lesion.data)
