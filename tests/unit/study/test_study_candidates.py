"""Which lesions are shown."""

import numpy as np
import pytest
from study_cases import GRID, REAL, SYNTHETIC, balls

from brainfill.core.errors import DataError
from brainfill.core.grid import Grid
from brainfill.core.volume import Mask
from brainfill.study.candidates import both_kinds, lesions_apart, one_among


def mask(places, grid=GRID):
    return Mask(balls(grid, places), grid)


@pytest.fixture
def kinds():
    """Four real lesions and a synthetic one."""
    return lesions_apart(mask(REAL), mask(SYNTHETIC))


def radii(lesions):
    return [(3 * lesion.volume_ml * 1000 / (4 * np.pi)) ** (1 / 3) for lesion in lesions]


def test_largest_first_with_their_volumes(kinds):
    real, synthetic = kinds
    assert radii(real) == pytest.approx([4.5, 4, 3.5, 3], rel=0.05)
    assert radii(synthetic) == pytest.approx([3.8], rel=0.05)
    assert {lesion.kind for lesion in real} == {"real"}


def test_centres_in_world_coordinates_whatever_the_grid(any_grid):
    # On each grid of the phantoms a ball is found where it was put.
    real, _ = lesions_apart(mask({(3, -2, 1): 4}, any_grid), None)
    assert np.linalg.norm(np.subtract(real[0].centre_mm, (3, -2, 1))) < max(any_grid.spacing())


def test_the_centre_lies_in_the_lesion_even_if_it_is_a_ring():
    grid = Grid((21, 21, 3), np.eye(4))
    x, y, _ = np.indices(grid.shape)
    ring = np.abs(np.hypot(x - 10, y - 10) - 7) < 1
    lesion = lesions_apart(Mask(ring, grid), None)[0][0]
    assert ring[tuple(np.rint(lesion.centre_mm).astype(int))]


def test_the_cut_out_lesion_keeps_its_place(kinds):
    for lesion in kinds[0]:
        inside = lesion.where.grid.to_world(np.argwhere(lesion.where.data).astype(float))
        index = np.rint(GRID.to_index(inside)).astype(int)
        assert balls(GRID, REAL)[tuple(index.T)].all()
        assert not any(lesion.where.data.take(i, axis).any() for i in (0, -1) for axis in range(3))


def test_a_lesion_at_the_edge_of_the_image():
    grid = Grid((4, 4, 4), np.eye(4))
    corner = np.zeros(grid.shape, bool)
    corner[0, 0, 0] = True
    lesion = lesions_apart(Mask(corner, grid), None)[0][0]
    assert lesion.centre_mm == (0, 0, 0)
    assert lesion.where.data.shape == (3, 3, 3)


def test_real_lesions_that_touch_a_synthetic_one_are_left_out():
    grid = Grid((9, 3, 3), np.eye(4))
    real, synthetic = (np.zeros(grid.shape, bool) for _ in range(2))
    real[0, 0, 0] = real[3, 0, 0] = True
    synthetic[4:6, 1, 1] = True  # shares a corner with the second real one
    found, _ = lesions_apart(Mask(real, grid), Mask(synthetic, grid))
    assert [lesion.centre_mm for lesion in found] == [(0, 0, 0)]


def test_one_among_the_largest(kinds):
    chosen = one_among(*kinds, 3, "largest")
    assert [lesion.kind for lesion in chosen] == ["synthetic", "real", "real"]
    assert radii(chosen[1:]) == pytest.approx([4.5, 4], rel=0.05)


def test_one_among_those_of_its_size(kinds):
    # The synthetic radius is 3.8: 4 and 3.5 are nearer than 4.5 and 3.
    assert sorted(radii(one_among(*kinds, 3, "similar")[1:])) == pytest.approx([3.5, 4], rel=0.05)


def test_fewer_than_wanted(kinds):
    assert len(one_among(*kinds, 10, "largest")) == 5


@pytest.mark.parametrize(("real", "synthetic"), [([], "all"), ("all", [])])
def test_a_choice_needs_both_kinds(kinds, real, synthetic):
    lesions = [kinds[0] if real else [], kinds[1] if synthetic else []]
    with pytest.raises(DataError, match=r"no (real|synthetic) lesion"):
        one_among(*lesions, 5, "largest")


def test_half_of_each_kind_where_judged_one_by_one(kinds):
    real, synthetic = kinds
    assert [lesion.kind for lesion in both_kinds(real, synthetic * 5, 4, "largest")] == [
        "synthetic",
        "synthetic",
        "real",
        "real",
    ]
    assert len(both_kinds(real, [], 4, "similar")) == 2
    assert len(both_kinds([], synthetic, 4, "largest")) == 1
    with pytest.raises(DataError, match="no lesion"):
        both_kinds([], [], 4, "largest")
