"""A lesion bent around what is in its way: one piece, its volume, the deepest voxels of the warped shape."""

import numpy as np
import pytest
from scipy import ndimage

from brainfill.core.grid import Grid
from brainfill.core.volume import Mask
from brainfill.lesions.bending import bent
from brainfill.lesions.carried import Warp

GRID = Grid((24, 24, 16), np.eye(4))


def identity(grid=GRID):
    where = grid.to_world(np.indices(grid.shape).reshape(3, -1).T.astype(float))
    where = where.reshape(*grid.shape, 3)
    return Warp(grid, where, grid, where)


def lesion(box=np.s_[8:16, 8:14, 5:11]):
    flags = np.zeros(GRID.shape, bool)
    flags[box] = True
    part = flags[box]
    start = np.argwhere(flags)[0].astype(float)
    affine = np.eye(4)
    affine[:3, 3] = start
    return flags, Mask(part, Grid(part.shape, affine))


def whole(placed):
    found = np.zeros(GRID.shape, bool)
    found[placed.box.slices] = placed.where
    return found


EVERYWHERE, NOWHERE = np.ones(GRID.shape, bool), np.zeros(GRID.shape, bool)


def test_with_room_enough_it_is_the_warped_lesion_itself():
    flags, part = lesion()
    np.testing.assert_array_equal(whole(bent(part, identity(), EVERYWHERE, NOWHERE, 3.0)), flags)


def test_what_is_cut_off_grows_next_to_the_surface_elsewhere():
    flags, part = lesion()
    taken = NOWHERE.copy()
    taken[8:10] = True  # a quarter of the lesion
    found = whole(bent(part, identity(), EVERYWHERE, taken, 3.0))
    assert found.sum() == flags.sum()
    assert not found[taken].any()
    assert found[flags & ~taken].all()
    assert ndimage.label(found, np.ones((3, 3, 3)))[1] == 1
    # 72 voxels, spread over what surface is left, need one layer.
    far = ndimage.distance_transform_edt(~flags)
    assert far[found].max() < 2


def test_no_further_than_asked():
    _, part = lesion()
    taken = EVERYWHERE.copy()
    taken[14:16] = False  # a quarter of the lesion, walled in
    assert bent(part, identity(), EVERYWHERE, taken, 1.0) is None
    assert bent(part, identity(), ~taken, NOWHERE, 3.0) is None
    assert bent(part, identity(), NOWHERE, NOWHERE, 3.0) is None


def test_only_what_hangs_together_counts():
    """A wall parts the lesion; the larger part grows, the smaller one is not taken."""
    _, part = lesion(np.s_[8:16, 8:14, 5:11])
    taken = NOWHERE.copy()
    taken[11] = True
    found = whole(bent(part, identity(), EVERYWHERE, taken, 6.0))
    assert ndimage.label(found, np.ones((3, 3, 3)))[1] == 1
    assert not found[:11].any()
    assert found.sum() == part.data.sum()


def test_another_voxel_size_keeps_the_volume():
    _, part = lesion()
    coarse = Grid((12, 12, 8), np.diag([2.0, 2, 2, 1]))
    xyz = coarse.to_world(np.indices(coarse.shape).reshape(3, -1).T.astype(float))
    here = identity().to_there
    warp = Warp(GRID, here, coarse, xyz.reshape(*coarse.shape, 3))
    everywhere = np.ones(coarse.shape, bool)
    placed = bent(part, warp, everywhere, ~everywhere, 3.0)
    assert placed.where.sum() * 8 == pytest.approx(part.data.sum(), abs=4)


def test_outside_the_other_image_there_is_no_place():
    _, part = lesion()
    away = np.full((*GRID.shape, 3), np.nan)
    assert bent(part, Warp(GRID, away, GRID, away), EVERYWHERE, NOWHERE, 3.0) is None
