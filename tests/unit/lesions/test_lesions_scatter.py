"""Lesions scattered over tissue: the right ones, where they may be, apart, or refused."""

import numpy as np
import pytest
from scipy import ndimage

from brainfill.core.errors import DataError
from brainfill.core.grid import Grid
from brainfill.core.volume import Mask
from brainfill.lesions.pool import Piece
from brainfill.lesions.scatter import Ground, scatter, scatter_volume

SHAPE = (30, 28, 26)
TOUCHING = np.ones((3, 3, 3))


def ball(radius, number):
    n = int(2 * radius + 1)
    distance = np.linalg.norm(np.indices((n, n, n)).reshape(3, -1).T - radius, axis=1)
    flags = (distance <= radius).reshape(n, n, n)
    return Piece("pool", number, Mask(flags, Grid(flags.shape, np.eye(4))))


POOL = [ball(r, i) for i, r in enumerate((4, 3, 3, 2, 2, 2, 1, 1), start=1)]


def tissue(where=None):
    data = np.zeros(SHAPE, bool)
    data[where or (slice(3, 27), slice(3, 25), slice(3, 23))] = True
    return Mask(data, Grid(SHAPE, np.eye(4)))


def draw(n, seed=0, allowed=None, inside=1.0, tries=10, pool=POOL, turn=True):
    rng = np.random.default_rng(seed)
    return scatter(pool, n, Ground(allowed or tissue(), inside), tries, rng, turn=turn)


def test_lesions_keep_their_volume_lie_in_tissue_and_do_not_touch():
    for seed in range(10):
        mask, found = draw(6, seed)
        labels, count = ndimage.label(mask, TOUCHING)
        assert count == len(found) == 6
        assert not mask[~tissue().data].any()
        sizes = sorted(np.bincount(labels.ravel())[1:])
        assert sizes == sorted(int(one.piece.mask.data.sum()) for one in found)
        assert len({one.piece.number for one in found}) == 6  # without replacement
        for one in found:
            assert mask[one.placed.box.slices][one.placed.where].all()


def test_lesions_are_chosen_evenly_and_the_largest_is_placed_first():
    chosen = []
    for seed in range(200):
        _, found = draw(2, seed, turn=False)
        sizes = [one.piece.mask.volume_ml() for one in found]
        assert sizes == sorted(sizes, reverse=True)
        chosen += [one.piece.number for one in found]
    # Two of eight, 200 times: 50 each; four standard deviations of a binomial count.
    counts = np.bincount(chosen, minlength=9)[1:]
    assert np.abs(counts - 50).max() < 4 * np.sqrt(200 * 0.25 * 0.75)


def test_one_that_fits_nowhere_is_replaced():
    slab = tissue((slice(3, 27), slice(3, 25), slice(10, 13)))  # three voxels thick: radius 1 only
    for seed in range(5):
        _, found = draw(2, seed, slab, tries=8, pool=[*POOL[:3], *POOL[6:]])
        assert {one.piece.number for one in found} == {7, 8}


def test_some_may_lie_outside_tissue_if_asked():
    slab = tissue((slice(3, 27), slice(3, 25), slice(10, 13)))
    mask, (one,) = draw(1, 0, slab, inside=0.3, pool=POOL[:1])
    assert 0.3 <= slab.data[mask].mean() < 1
    assert one.piece.number == 1


def test_without_turning_the_rotation_is_none():
    _, found = draw(3, turn=False)
    for one in found:
        np.testing.assert_array_equal(one.rotation, np.eye(3))
        np.testing.assert_array_equal(one.placed.where, one.piece.mask.data)


def test_no_place_is_a_sentence():
    small = tissue((slice(5, 12), slice(5, 12), slice(5, 12)))  # one ball of radius 3, not two
    with pytest.raises(DataError, match="found no place for lesion 2 of 2: none of 1 ") as refusal:
        draw(2, 0, small, pool=POOL[1:3])
    assert "100 % of its voxels where lesions may be, apart from the others" in str(refusal.value)
    assert "--largest-ml" in refusal.value.hint


def test_lesions_lie_where_they_are_likely_and_not_where_they_are_forbidden():
    chance = np.zeros(SHAPE)
    chance[5:15, 5:20, 5:18] = 1
    forbidden = np.zeros(SHAPE, bool)
    forbidden[:, 12:] = True
    ground = Ground(tissue(), 0.9, forbidden, chance)
    for seed in range(5):
        mask, found = scatter(POOL, 4, ground, 10, np.random.default_rng(seed), turn=True)
        assert not (mask & forbidden).any()
        for one in found:
            middle = np.array(one.placed.box.start) + np.array(one.placed.where.shape) // 2
            assert chance[tuple(middle)] == 1


def test_a_volume_is_filled_up_to_less_than_the_smallest_lesion():
    smallest = min(piece.mask.volume_ml() for piece in POOL)
    ground = Ground(tissue(), 1.0)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        mask, found = scatter_volume(POOL, 1.0, ground, 20, rng, turn=True)
        assert 1.0 - smallest < mask.sum() / 1000 <= 1.0
        assert ndimage.label(mask, TOUCHING)[1] == len(found)


def test_a_volume_there_is_no_room_for_is_an_error():
    ground = Ground(tissue((slice(3, 10),) * 3), 1.0)
    with pytest.raises(DataError, match=r"found room for 0\.\d+ ml of lesions, expected 2 ml"):
        scatter_volume(POOL, 2.0, ground, 5, np.random.default_rng(0), turn=True)
    with pytest.raises(DataError, match="the smallest of 8 lesions has"):
        scatter_volume(POOL, 0.001, ground, 5, np.random.default_rng(0), turn=True)
