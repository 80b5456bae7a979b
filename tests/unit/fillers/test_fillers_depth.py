"""Depth inside lesions, and the turn of a second model there."""

import numpy as np
import pytest

from brainfill.core.grid import Grid
from brainfill.core.volume import Mask, Volume
from brainfill.fillers._base import Filling
from brainfill.fillers._depth import depth, lesions_reaching, mixed

GRID = Grid((24, 24, 24), np.diag([1.0, 1.0, 2.0, 1.0]))


def block(*sides):
    """A mask that is true in the box (x0, x1, y0, y1, z0, z1)."""
    x0, x1, y0, y1, z0, z1 = sides
    data = np.zeros(GRID.shape, bool)
    data[x0:x1, y0:y1, z0:z1] = True
    return data


def tissue(where):
    grain = np.random.default_rng(0).normal(500, 20, GRID.shape)
    return Volume(np.where(where, grain, 0).astype(np.float32), GRID)


def test_depth_is_measured_in_mm_from_the_nearest_tissue():
    hole = block(8, 15, 8, 15, 8, 15)  # 7 x 7 mm in plane, 14 mm through slices of 2 mm
    values = depth(tissue(np.ones(GRID.shape, bool)), Mask(hole, GRID), 10.0)
    assert not values[~hole].any()
    assert (values[hole] > 0).all()
    assert values[8, 11, 11] == 1
    assert values[11, 11, 11] == 4  # four voxels of 1 mm to the side, four of 2 mm up
    assert values[11, 11, 8] == 2  # one slice of 2 mm


def test_background_does_not_count_as_known():
    """A hole at the surface of a stripped brain is shallow on the side of tissue only."""
    brain = block(0, 24, 0, 12, 0, 24)
    brain[:, 0] = False  # so that background is what the faces mostly show
    brain[[0, -1]] = False
    brain[:, :, [0, -1]] = False
    hole = block(6, 18, 6, 12, 6, 18) & brain
    values = depth(tissue(brain), Mask(hole, GRID), 10.0)
    assert values[11, 6, 11] == 1
    assert values[11, 11, 11] == 6


def test_what_lies_in_the_hole_is_not_read():
    hole = block(8, 15, 8, 15, 8, 15)
    whole = np.ones(GRID.shape, bool)
    same, poisoned = tissue(whole), tissue(whole & ~hole)
    found = [depth(image, Mask(hole, GRID), 10.0) for image in (same, poisoned)]
    np.testing.assert_array_equal(*found)


def test_a_lesion_without_tissue_around_it_has_no_depth():
    hole = block(8, 15, 8, 15, 8, 15)
    nothing = tissue(np.zeros(GRID.shape, bool))
    assert not depth(nothing, Mask(hole, GRID), 5.0).any()


def test_only_lesions_that_reach_deep_are_taken_and_taken_whole():
    large, small = block(2, 12, 2, 12, 3, 9), block(18, 21, 18, 21, 12, 14)
    both = Mask(large | small, GRID)
    depth_mm = depth(tissue(np.ones(GRID.shape, bool)), both, 10.0)
    np.testing.assert_array_equal(lesions_reaching(both, depth_mm, 4.0).data, large)
    assert not lesions_reaching(both, depth_mm, 20.0).data.any()


def test_a_mixture_names_both_models():
    def filling(value):
        facts = {"Model": {"name": f"m{value}"}, "Crops": 2, "Steps": value}
        return Filling(np.full((1, 1, 3), float(value)), facts=facts)

    both = mixed(filling(100), filling(200), np.array([[[0, 0.5, 1]]]))
    np.testing.assert_allclose(both.values.ravel(), [100, 150, 200])
    assert both.facts == {"Model": {"name": "m100"}, "Crops": 2, "Steps": 100} | {
        "InsideModel": {"name": "m200"},
        "InsideCrops": 2,
    }


@pytest.mark.parametrize("deepest_mm", [3.0, 6.0])
def test_depths_up_to_the_deepest_asked_for_are_exact(deepest_mm):
    hole = block(4, 20, 4, 20, 4, 20)
    values = depth(tissue(np.ones(GRID.shape, bool)), Mask(hole, GRID), deepest_mm)
    exact = depth(tissue(np.ones(GRID.shape, bool)), Mask(hole, GRID), 100.0)
    assert exact.max() == 8
    near = exact <= deepest_mm
    np.testing.assert_array_equal(values[near], exact[near])
    assert (values[~near] >= deepest_mm).all()
