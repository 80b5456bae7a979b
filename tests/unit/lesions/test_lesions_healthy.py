"""Healthy masks obey the rules of METHODS 3.5, or are refused."""

import dataclasses

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree

from brainfill.core.errors import DataError
from brainfill.core.grid import Grid
from brainfill.core.volume import Mask
from brainfill.lesions.healthy import (
    Rules,
    check,
    draw_healthy,
    flips_and_turns,
    surroundings,
    window,
)
from brainfill.lesions.pool import Piece

SHAPE = (40, 44, 30)
SPACING = (2.0, 2.0, 3.0)
GRID = Grid(SHAPE, np.diag([*SPACING, 1.0]))
RULES = Rules()


def balls(centre_mm, radius_mm):
    xyz = GRID.to_world(np.indices(SHAPE).reshape(3, -1).T.astype(float))
    return (np.linalg.norm(xyz - centre_mm, axis=1) <= radius_mm).reshape(SHAPE)


BRAIN = Mask(balls((40, 44, 44), 38), GRID)


def tumour(radius_mm=9.0):
    data = balls((28, 40, 44), radius_mm)
    data &= ~balls((28, 40, 44), 3)  # a cavity
    data[6, 5, 5] = True  # and a crumb, small as it is, to keep away from
    return Mask(data, GRID)


def piece(radius_mm, number):
    n = int(2 * radius_mm + 1)
    offset = np.indices((n, n, n)).reshape(3, -1).T - (n - 1) / 2
    flags = np.linalg.norm(offset / (1, 0.8, 0.7), axis=1) <= radius_mm
    return Piece("pool", number, Mask(flags.reshape(n, n, n), Grid((n, n, n), np.eye(4))))


POOL = [piece(r, i) for i, r in enumerate((8, 5, 11, 6, 9, 7, 10, 12, 6.5, 7.5))]


def test_the_rules_hold_for_twenty_seeds():
    """Measured from surface to surface by a tree of points, not by the distance maps of the generator."""
    around = surroundings(tumour(), BRAIN, RULES)
    solid = ndimage.binary_fill_holes(tumour().data)
    tree = cKDTree(GRID.to_world(np.argwhere(solid).astype(float)))
    distinct = set()
    for seed in range(20):
        healthy, facts = draw_healthy(around, POOL, RULES, 1000, np.random.default_rng(seed))
        voxels = GRID.to_world(np.argwhere(healthy).astype(float))
        nearest, _ = tree.query(voxels)
        assert nearest.min() >= 5
        assert facts["distance_to_tumour_mm"] == pytest.approx(nearest.min(), abs=1e-3)
        assert BRAIN.data[healthy].mean() >= 0.75
        assert not (healthy & around.near).any()
        # Volume within half a voxel; one piece; all of it inside the image.
        assert healthy.sum() * 0.012 == pytest.approx(facts["source_volume_ml"], abs=0.006)
        assert ndimage.label(healthy, np.ones((3, 3, 3)))[1] == 1
        distinct.add(healthy.tobytes())
    assert len(distinct) == 20


def test_the_unhealthy_part_is_the_tumour_grown_by_less_than_five_millimetres():
    around = surroundings(tumour(), BRAIN, RULES)
    solid = ndimage.binary_fill_holes(tumour().data)
    index = np.indices(SHAPE).reshape(3, -1).T.astype(float)
    tree = cKDTree(GRID.to_world(np.argwhere(solid).astype(float)))
    nearest, _ = tree.query(GRID.to_world(index))
    np.testing.assert_array_equal(around.near, (nearest < 5).reshape(SHAPE))
    assert around.near[6, 5, 5]  # the crumb
    assert around.near[14, 20, 15]  # the cavity
    assert around.volume_ml == pytest.approx(solid.sum() * 0.012)


def test_large_tumours_get_small_masks_and_the_other_way_round():
    by_size = sorted(p.mask.volume_ml() for p in POOL)
    smallest = window(POOL, by_size[-1], 0.1)
    assert sorted(p.mask.volume_ml() for p in smallest) == by_size[:1]
    largest = window(POOL, 0.001, 0.1)
    assert sorted(p.mask.volume_ml() for p in largest) == by_size[-1:]
    # Ranks are 0, 1/9, ... 1. The third smallest has 2/9, its inverse 7/9; a tenth reaches no neighbour, 1/9 does.
    assert [p.mask.volume_ml() for p in window(POOL, by_size[2], 0.1)] == [by_size[7]]
    assert [p.mask.volume_ml() for p in window(POOL, by_size[2], 1 / 9)] == by_size[6:9]
    assert len(window(POOL, 1.0, 1.0)) == 10
    assert window(POOL[:1], 5.0, 0.0) == POOL[:1]


def test_lesions_come_from_the_window_only():
    around = surroundings(tumour(12), BRAIN, RULES)
    expected = {p.number for p in window(POOL, around.volume_ml, 0.25)}
    rules = dataclasses.replace(RULES, window=0.25)
    seen = {
        draw_healthy(around, POOL, rules, 1000, np.random.default_rng(s))[1]["component"]
        for s in range(30)
    }
    assert seen == expected
    assert len(seen) > 2


def test_flips_and_turns_are_orthogonal_both_ways_round():
    turns = [flips_and_turns(np.random.default_rng(s)) for s in range(200)]
    for turn in turns:
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    signs = np.sign([np.linalg.det(t) for t in turns])
    assert abs(signs.mean()) < 4 / np.sqrt(200)


def broken(name):
    around = surroundings(tumour(), BRAIN, RULES)
    healthy = balls((60, 44, 44), 8)
    check(healthy, around, RULES)  # nothing is wrong with it yet
    if name == "is empty":
        return np.zeros_like(healthy), around
    if name == "overlaps the grown tumour":
        return balls((30, 44, 44), 8), around
    if name == "nearer to the tumour than 5 mm":
        return healthy, dataclasses.replace(around, away_mm=around.away_mm * 0 + 4.9)
    return healthy, dataclasses.replace(around, brain=around.brain & balls((60, 44, 44), 7))


@pytest.mark.parametrize(
    "name",
    [
        "is empty",
        "overlaps the grown tumour",
        "nearer to the tumour than 5 mm",
        "less than 75 % of a healthy mask lie in the brain",
    ],
)
def test_each_broken_rule_is_named(name):
    healthy, around = broken(name)
    with pytest.raises(RuntimeError, match=name):
        check(healthy, around, RULES)


def test_no_tumour_is_refused():
    with pytest.raises(DataError, match="tumour mask is empty") as refusal:
        surroundings(Mask(np.zeros(SHAPE, bool), GRID), BRAIN, RULES)
    assert "masks components" in refusal.value.hint


def test_a_tumour_everywhere_is_refused():
    around = surroundings(Mask(balls((40, 44, 44), 34), GRID), BRAIN, RULES)
    with pytest.raises(DataError, match="farther than 10 mm from the tumour"):
        draw_healthy(around, POOL, RULES, 10, np.random.default_rng(0))


def test_what_cannot_be_obeyed_is_told_with_reasons():
    around = surroundings(tumour(), BRAIN, RULES)
    huge = [piece(22, 1)]
    with pytest.raises(
        DataError, match=r"no healthy mask obeyed the rules in 5 draws: \d+ "
    ) as refusal:
        draw_healthy(around, huge, RULES, 5, np.random.default_rng(0))
    reasons = str(refusal.value)
    assert "left the image" in reasons or "came too near to the tumour" in reasons
    assert "--tries" in refusal.value.hint
