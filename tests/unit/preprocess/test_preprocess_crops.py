"""Crops around lesions: all of the hole, each voxel once; there and back again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from brainfill.core.grid import Box, Grid
from brainfill.preprocess.crops import (
    back,
    bridged,
    cut,
    cut_across,
    first_slice,
    merge_boxes,
    plan_crops,
    touched,
    working_grid,
)


def scattered(shape, count, seed=0):
    rng = np.random.default_rng(seed)
    hole = np.zeros(shape, bool)
    for centre in rng.integers(0, shape, size=(count, 3)):
        hole[tuple(centre)] = True
    return hole


def test_crops_divide_the_hole_among_them(any_grid):
    hole = scattered(any_grid.shape, 12)
    crops = plan_crops(hole, any_grid, 1.0, 4.0)
    times = np.zeros(any_grid.shape, int)
    for crop in crops:
        times[crop.box.slices] += crop.mine
    np.testing.assert_array_equal(times, hole)


def test_crops_hold_the_margin_where_the_image_has_it(any_grid):
    hole = scattered(any_grid.shape, 3)
    work = working_grid(any_grid, 1.0)
    for crop in plan_crops(hole, any_grid, 1.0, 4.0):
        voxels = np.argwhere(crop.mine) + np.array(crop.box.start)
        index = crop.grid.to_index(any_grid.to_world(voxels.astype(float)))
        start = np.rint(work.to_index(crop.grid.to_world(np.zeros((1, 3))))[0])
        stop = start + crop.grid.shape
        # Four millimetres beyond the centres, or the end of the image.
        low, high = start + index.min(axis=0) - 4, start + index.max(axis=0) + 4
        assert (start <= np.maximum(np.ceil(low), 0) + 1e-6).all()
        assert (stop >= np.minimum(np.floor(high), work.shape) - 1e-6).all()


def test_slices_are_numbered_from_the_lowest_that_shows_anything(any_grid):
    hole = scattered(any_grid.shape, 3)
    image = np.zeros(any_grid.shape, np.float32)
    inner = tuple(slice(2, side - 2) for side in any_grid.shape)
    image[inner] = 1
    work = working_grid(any_grid, 1.0)
    shown = work.to_index(any_grid.to_world(np.argwhere(image > 0).astype(float)))[:, 2]
    for crop in plan_crops(hole, any_grid, 1.0, 4.0):
        start = work.to_index(crop.grid.to_world(np.zeros((1, 3))))[0, 2]
        number = first_slice(crop, image, any_grid, 1.0)
        assert number == pytest.approx(start - shown.min(), abs=0.501)


def test_a_thousand_lesions_need_far_fewer_crops():
    hole = np.zeros((120, 120, 120), bool)
    hole[4::12, 4::12, 4::12] = True
    assert ndimage.label(hole)[1] == 1000
    crops = plan_crops(hole, Grid(hole.shape, np.eye(4)), 1.0, 14.0)
    assert sum(crop.mine.sum() for crop in crops) == 1000
    assert len(crops) < 50


boxes = st.lists(
    st.tuples(st.tuples(*[st.integers(0, 30)] * 3), st.tuples(*[st.integers(1, 12)] * 3)).map(
        lambda t: Box(t[0], tuple(a + b for a, b in zip(*t, strict=True)))
    ),
    max_size=12,
)


@given(boxes)
def test_merged_boxes_hold_their_members_and_cost_no_more(given_boxes):
    merged = merge_boxes(given_boxes)
    assert sorted(i for _, members in merged for i in members) == list(range(len(given_boxes)))
    for box, members in merged:
        for i in members:
            assert box.union(given_boxes[i]) == box
    assert sum(box.size for box, _ in merged) <= sum(box.size for box in given_boxes)


def test_images_at_a_millimetre_are_turned_but_not_resampled(grids, phantom):
    for name in ("RAS", "LAS", "LPS", "PSR"):
        grid = grids[name]
        image, hole = phantom(grid).data, np.zeros(grid.shape, bool)
        hole[10:13, 10:13, 10:13] = True
        [crop] = plan_crops(hole, grid, 1.0, 5.0)
        values, unknown = cut(image, grid, crop), touched(hole, grid, crop)
        assert unknown.sum() == 27
        returned = back(values, crop, grid)
        assert np.isin(values, image).all(), name  # no value that is not in the scan
        known = (returned > 0) & ~hole[crop.box.slices]
        np.testing.assert_allclose(returned[known], image[crop.box.slices][known], rtol=1e-5)


def test_there_and_back_at_other_voxel_sizes_is_close(grids, phantom):
    for name in ("oblique", "anisotropic", "odd"):
        grid = grids[name]
        image, hole = phantom(grid).data, np.zeros(grid.shape, bool)
        hole[tuple(n // 2 for n in grid.shape)] = True
        [crop] = plan_crops(hole, grid, 1.0, 8.0)
        values = cut(image, grid, crop)
        returned = back(values, crop, grid)
        assert abs(returned[crop.mine] - image[hole]).max() < 12, name  # of about 700


@pytest.mark.parametrize("name", ["RAS", "oblique", "anisotropic"])
def test_all_that_takes_from_the_hole_is_touched(grids, phantom, phantom_lesion, name):
    grid = grids[name]
    image, hole = phantom(grid).data, phantom_lesion(grid).data
    [crop] = plan_crops(hole, grid, 1.0, 6.0)
    unknown = touched(hole, grid, crop)
    brighter = cut(np.where(hole, image + 100, image).astype(np.float32), grid, crop)
    changed = np.abs(brighter - cut(image, grid, crop))
    assert unknown.any()
    assert changed[~unknown].max() < 15  # what a cubic spline carries beyond its neighbours


def test_bridged_takes_the_nearest_known_value():
    image = np.arange(7, dtype=np.float32).reshape(7, 1, 1)
    hole = np.array([0, 0, 1, 1, 1, 1, 0], bool).reshape(7, 1, 1)
    assert bridged(image, hole).ravel().tolist() == [0, 1, 1, 1, 6, 6, 6]
    assert not bridged(image, np.ones_like(hole)).any()


@pytest.mark.parametrize("seed", range(6))
def test_bridges_of_scattered_holes_are_the_nearest_of_all_known_values(seed):
    rng = np.random.default_rng(seed)
    image, hole = rng.random((9, 13, 11)), rng.random((9, 13, 11)) < 0.3
    hole[:4, 3:9, 2:8] = True  # up to the end of the image
    filled = bridged(image, hole)
    known, missing = np.argwhere(~hole), np.argwhere(hole)
    away = ((missing[:, None] - known) ** 2).sum(-1)
    taken = (filled[hole][:, None] == image[~hole]).argmax(1)
    np.testing.assert_array_equal(away[np.arange(len(missing)), taken], away.min(1))
    np.testing.assert_array_equal(filled[~hole], image[~hole])


@pytest.mark.parametrize("spacing_mm", [1.0, 1.5])
def test_across_is_read_at_mirrored_places(any_grid, phantom, spacing_mm):
    """Reflected in x = 2, the value at (x, y, z) is that at (4 - x, y, z)."""
    image = phantom(any_grid)
    reflection = np.diag([-1.0, 1, 1, 1])
    reflection[0, 3] = 4
    hole = np.zeros(any_grid.shape, bool)
    hole[tuple(n // 2 for n in any_grid.shape)] = True
    crop = plan_crops(hole, any_grid, spacing_mm, 4.0)[0]
    across = cut_across(image.data, any_grid, crop, reflection)
    world = crop.grid.to_world(np.argwhere(np.ones(crop.grid.shape, bool)).astype(float))
    there = any_grid.to_index(world * (-1, 1, 1) + (4, 0, 0)).T
    expected = ndimage.map_coordinates(image.data, there, order=1, mode="nearest")
    assert np.abs(across.ravel() - expected).mean() < 25


def test_across_beyond_the_image_is_zero(grids, phantom):
    grid = grids["RAS"]
    hole = np.zeros(grid.shape, bool)
    hole[14, 15, 13] = True
    far = np.diag([-1.0, 1, 1, 1])
    far[0, 3] = 500
    crop = plan_crops(hole, grid, 1.0, 4.0)[0]
    assert not cut_across(phantom(grid).data, grid, crop, far).any()


def test_lesions_all_over_a_brain_do_not_become_one_crop():
    grid = Grid((150, 170, 150), np.eye(4))
    hole = np.zeros(grid.shape, bool)
    hole[5::12, 5::12, 5::12] = True
    crops = plan_crops(hole, grid, 1.0, 14.0)
    assert max(np.prod(crop.grid.shape) for crop in crops) <= 2_500_000
    assert 1 < len(crops) < 20
    assert sum(int(crop.mine.sum()) for crop in crops) == hole.sum()
