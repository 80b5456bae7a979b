"""Discs in millimetres: their published distribution, their slices, their size on any voxels."""

import numpy as np
import pytest
from scipy import stats

from brainfill.core.errors import DataError
from brainfill.core.grid import Grid
from brainfill.core.volume import Mask
from brainfill.lesions.circles import draw_circles

ISO = np.eye(4)


def shown(shape, affine=ISO, where=None):
    data = np.ones(shape, bool) if where is None else where
    return Mask(data, Grid(shape, affine))


def drawn(mask, seed=0, plane="axial", depth_mm=0.0, same_centre=True):
    rng = np.random.default_rng(seed)
    return draw_circles(mask, plane, depth_mm, 100, rng, same_centre=same_centre)


def test_centres_and_radii_have_the_published_distribution():
    # METHODS 3.1: independent Gaussians of SD 30 around the middle, radii uniform from 3 to 50, and every slice has
    # a disc of its own. All tissue, so that no draw is refused: the middle of 301 voxels of 1 mm is at 150 mm.
    _, facts = drawn(shown((301, 301, 400)), same_centre=False)
    centres = np.array([f["centre_mm"] for f in facts])
    radii = np.array([f["radius_mm"] for f in facts])
    assert len(facts) == 400
    np.testing.assert_array_equal(centres[:, 2], np.arange(400))
    for values, law in (
        (centres[:, 0], stats.norm(150, 30)),
        (centres[:, 1], stats.norm(150, 30)),
        (radii, stats.uniform(3, 47)),
    ):
        assert stats.kstest(values, law.cdf).pvalue > 1e-3
        # Means and standard deviations of 400: four standard errors, a uniform law having the smaller ones.
        assert values.mean() == pytest.approx(law.mean(), abs=4 * law.std() / 20)
        assert values.std() == pytest.approx(law.std(), rel=4 / np.sqrt(800))
    assert abs(np.corrcoef(centres[:, 0], centres[:, 1])[0, 1]) < 4 / 20  # 4 / sqrt(n)


def test_a_tube_shares_its_centre_and_not_its_radius():
    _, facts = drawn(shown((301, 301, 30)))
    assert len({tuple(f["centre_mm"][:2]) for f in facts}) == 1
    assert len({f["radius_mm"] for f in facts}) == 30


@pytest.mark.parametrize(("plane", "axis"), [("sagittal", 0), ("coronal", 1), ("axial", 2)])
def test_discs_are_round_in_millimetres(plane, axis):
    # Of pixels of 0.8 x 2 mm, a disc of radius r has pi r^2 / 1.6, within those its edge runs through.
    sides = np.array([0.8, 2.0, 0.8]) if axis == 2 else np.array([2.0, 0.8, 0.8])
    sides[axis] = 3.0
    shape = tuple(int(n) for n in np.ceil(240 / sides))
    shape = tuple(12 if i == axis else n for i, n in enumerate(shape))
    mask, facts = drawn(shown(shape, np.diag([*sides, 1])), seed=1, plane=plane)
    pixel = np.prod(np.delete(sides, axis))
    for k, fact in enumerate(facts):
        flags = np.take(mask, k, axis)
        r = fact["radius_mm"]
        assert flags.sum() * pixel == pytest.approx(np.pi * r**2, abs=4 * r + 4)
        centre = np.argwhere(flags).mean(axis=0) * np.delete(sides, axis)
        np.testing.assert_allclose(centre, np.delete(fact["centre_mm"], axis), atol=1.1)
        assert fact["centre_mm"][axis] == pytest.approx(3 * k)


def test_a_run_has_the_thickness_that_was_asked_for_and_lies_in_tissue():
    where = np.zeros((101, 101, 60), bool)
    where[20:80, 20:80, 10:50] = True
    mask = shown(where.shape, np.diag([2.0, 2, 3, 1]), where)
    starts = set()
    for seed in range(60):
        hole, facts = drawn(mask, seed, depth_mm=30)  # ten slices of 3 mm
        used = np.flatnonzero(hole.any(axis=(0, 1)))
        assert used.tolist() == list(range(used[0], used[0] + 10))
        assert used[0] >= 10
        assert used[-1] < 50
        assert len(facts) == 10
        starts.add(int(used[0]))
    assert len(starts) > 15  # of 31 places


def test_without_a_thickness_all_slices_with_tissue_are_used():
    where = np.zeros((101, 101, 20), bool)
    where[40:60, 40:60, [3, 4, 9]] = True
    hole, _ = drawn(shown(where.shape, where=where))
    assert np.flatnonzero(hole.any(axis=(0, 1))).tolist() == [3, 4, 9]


def test_every_draw_meets_tissue():
    where = np.zeros((201, 201, 3), bool)
    where[145:150, 100:105, 1] = True  # one and a half SD from the middle: most discs miss it
    missed = 0
    for seed in range(40):
        hole, _ = drawn(shown(where.shape, where=where), seed, depth_mm=1)
        assert (hole & where).any()
        first = np.random.default_rng(seed)
        first.integers(1)
        missed += np.linalg.norm(first.normal(100, 30, 2) - [147, 102]) > 50
    assert missed > 5


def test_tissue_out_of_reach_is_refused():
    where = np.zeros((61, 61, 1), bool)
    where[0, 0, 0] = True
    with pytest.raises(DataError, match="no disc met") as refusal:
        drawn(shown(where.shape, np.diag([20.0, 20, 1, 1]), where))
    assert "middle of the image" in refusal.value.hint
