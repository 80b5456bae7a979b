import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brainfill.core.errors import GeometryError
from brainfill.core.grid import Box, Grid

INDEX = st.tuples(*[st.integers(-20, 20)] * 3)
SHAPE = st.tuples(*[st.integers(1, 15)] * 3)


def test_index_and_world_are_inverse(any_grid):
    ijk = np.random.default_rng(0).uniform(-5, 40, (50, 3))
    np.testing.assert_allclose(any_grid.to_index(any_grid.to_world(ijk)), ijk, atol=1e-9)


def test_to_world_by_hand():
    affine = [[0, 0, -3, 10], [2, 0, 0, 20], [0, 1, 0, 30], [0, 0, 0, 1]]
    grid = Grid((4, 5, 6), np.array(affine))
    np.testing.assert_array_equal(grid.to_world(np.array([[1, 2, 3]])), [[1, 22, 32]])
    assert grid.spacing() == (2, 1, 3)
    assert grid.voxel_ml() == pytest.approx(0.006)
    assert grid.axcodes() == "ASL"


_WORLD = dict(zip("LRPAIS", "xxyyzz", strict=True))


def test_axcodes_of_every_orientation():
    letters = (("L", "R"), ("P", "A"), ("I", "S"))
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((-1, 1), repeat=3):
            axes = np.zeros((3, 3))
            for i, (world, sign) in enumerate(zip(order, signs, strict=True)):
                axes[world, i] = sign * 1.5
            affine = np.eye(4)
            affine[:3, :3] = axes
            expected = "".join(letters[w][int(s > 0)] for w, s in zip(order, signs, strict=True))
            grid = Grid((2, 3, 4), affine)
            assert grid.axcodes() == expected
            assert ["xyz"[w] for w in grid.world_axes()] == [_WORLD[code] for code in expected]


def test_axcodes_of_an_oblique_grid_name_three_different_axes(grids):
    assert grids["oblique"].axcodes() == "RAS"
    assert grids["odd"].axcodes() == "LAS"


@pytest.mark.parametrize("shift", [(0.02, 0, 0), (0, 0, -0.02)])
def test_same_place_notices_a_shift(any_grid, shift):
    affine = any_grid.affine.copy()
    affine[:3, 3] += shift
    moved = Grid(any_grid.shape, affine)
    assert any_grid.same_place(any_grid)
    assert not any_grid.same_place(moved)
    assert any_grid.same_place(moved, tol_mm=0.03)
    assert any_grid.distance_mm(moved) == pytest.approx(0.02)


def test_same_place_notices_a_scale_that_only_far_corners_show():
    grid = Grid((200, 200, 200), np.eye(4))
    assert not grid.same_place(Grid((200, 200, 200), np.diag([1.0001, 1, 1, 1])))


def test_flipped_data_are_elsewhere(grids):
    assert not grids["RAS"].same_place(grids["LAS"])


def test_corners_are_voxel_centres():
    grid = Grid((3, 4, 5), np.eye(4))
    assert {tuple(c) for c in grid.corners()} == set(itertools.product((0, 2), (0, 3), (0, 4)))


def test_crop_keeps_every_voxel_where_it_is(any_grid):
    box = Box((2, -3, 4), (7, 5, 9))
    part = any_grid.crop(box)
    assert part.shape == (5, 8, 5)
    np.testing.assert_allclose(
        part.to_world(np.array([[1, 4, 2]])), any_grid.to_world(np.array([[3, 1, 6]])), atol=1e-9
    )


@pytest.mark.parametrize(
    ("shape", "affine", "words"),
    [
        ((2, 2, 2), np.diag([1.0, 1, 0, 1]), "singular"),
        ((2, 2, 2), np.diag([1.0, np.nan, 1, 1]), "finite"),
        ((2, 2, 2), np.eye(3), "4x4"),
        ((2, 0, 2), np.eye(4), "at least one voxel"),
    ],
)
def test_senseless_grids_are_refused(shape, affine, words):
    with pytest.raises(GeometryError, match=words):
        Grid(shape, affine)


def test_tiny_voxels_are_not_singular():
    assert Grid((2, 2, 2), np.diag([0.02, 0.02, 0.02, 1])).spacing() == pytest.approx((0.02,) * 3)


def test_the_affine_cannot_be_edited_through_the_grid_or_its_origin():
    affine = np.eye(4)
    grid = Grid((2, 2, 2), affine)
    affine[0, 3] = 99
    assert grid.affine[0, 3] == 0
    with pytest.raises(ValueError, match="read-only"):
        grid.affine[0, 3] = 1


def test_box_around_by_hand():
    where = np.zeros((6, 7, 8), bool)
    where[2, 3, 4] = where[4, 1, 4] = True
    assert Box.around(where) == Box((2, 1, 4), (5, 4, 5))
    with pytest.raises(GeometryError, match="empty"):
        Box.around(np.zeros((2, 2, 2), bool))


@given(st.lists(INDEX, min_size=1, max_size=5), SHAPE)
def test_box_around_is_the_tightest(points, shape):
    where = np.zeros(shape, bool)
    for p in points:
        where[tuple(v % n for v, n in zip(p, shape, strict=True))] = True
    box = Box.around(where)
    assert where[box.slices].sum() == where.sum()
    for axis in range(3):
        inside = where[box.slices]
        assert inside.take(0, axis).any()
        assert inside.take(-1, axis).any()


@given(INDEX, SHAPE, SHAPE)
def test_box_within_is_the_intersection(start, size, shape):
    box = Box(start, tuple(a + n for a, n in zip(start, size, strict=True)))
    found = box.within(shape)
    for axis in range(3):
        both = set(range(start[axis], box.stop[axis])) & set(range(shape[axis]))
        assert set(range(found.start[axis], found.stop[axis])) == both


def test_box_grow_union_and_size():
    a, b = Box((1, 2, 3), (2, 4, 6)), Box((0, 3, 3), (1, 9, 4))
    assert a.grow((1, 0, 2)) == Box((0, 2, 1), (3, 4, 8))
    assert a.union(b) == Box((0, 2, 3), (2, 9, 6))
    assert a.size == 6
    assert np.zeros((9, 9, 9))[a.slices].shape == a.shape == (1, 2, 3)


def test_box_around_has_its_margin_in_millimetres_and_ends_at_the_grid():
    grid = Grid((20, 20, 20), np.diag([1.0, -2, 3, 1]))
    where = np.zeros(grid.shape, bool)
    where[10, 3, 10:12] = True
    assert grid.box_around(where, 7) == Box((3, 0, 7), (18, 8, 15))
    assert grid.box_around(where, 0) == Box.around(where)
    with pytest.raises(GeometryError, match="empty"):
        grid.box_around(np.zeros(grid.shape, bool), 7)


def test_grids_within_a_tenth_of_a_voxel_are_meant_as_one(any_grid):
    tenth = min(any_grid.spacing()) / 10
    assert any_grid.tolerance_mm() == pytest.approx(tenth)
    for distance, same in ((0.99 * tenth, True), (1.01 * tenth, False)):
        affine = any_grid.affine.copy()
        affine[1, 3] += distance
        assert Grid(any_grid.shape, affine).meant_as(any_grid) == same
