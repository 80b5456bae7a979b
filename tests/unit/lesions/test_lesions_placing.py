"""Turning lesions without crumbs, and laying them where there is room."""

import numpy as np
import pytest
from scipy import ndimage

from brainfill.core.grid import Box, Grid
from brainfill.core.volume import Mask
from brainfill.lesions.placing import (
    Placed,
    placed_at_random,
    random_rotation,
    rotated,
    sums_under,
    turned,
    with_margin,
)

ISO = Grid((9, 9, 9), np.eye(4))


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture
def lump():
    """A lesion without symmetry, of one piece, cropped tightly."""
    flags = ndimage.gaussian_filter(rng(3).standard_normal((16, 13, 11)), 2) > 0.01
    labels, _ = ndimage.label(flags)
    flags = labels == np.bincount(labels.ravel())[1:].argmax() + 1
    flags = flags[Box.around(flags).slices]
    return Mask(flags, Grid(flags.shape, np.eye(4)))


def test_rotations_are_rotations_and_reach_everywhere():
    turns = np.array([random_rotation(rng(i)) for i in range(2000)])
    np.testing.assert_allclose(
        turns @ turns.transpose(0, 2, 1), np.eye(3)[None].repeat(2000, 0), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(turns), 1)
    # Uniform over all rotations: each entry has mean 0 and variance 1/3 (columns are uniform on the sphere).
    np.testing.assert_allclose(turns.mean(axis=0), 0, atol=4 / np.sqrt(3 * 2000))
    np.testing.assert_allclose(turns.var(axis=0), 1 / 3, atol=0.03)


def test_what_is_not_turned_stays_as_it_is(lump):
    np.testing.assert_array_equal(rotated(lump, np.eye(3), ISO), lump.data)


@pytest.mark.parametrize("axes", [(1, 0), (2, 1), (0, 2)])
def test_quarter_turns_by_hand(lump, axes):
    a, b = axes
    turn = np.eye(3)
    turn[[a, b]] = turn[[b, a]]
    turn[a] *= -1  # axis b goes to -a, axis a to b
    assert np.linalg.det(turn) == pytest.approx(1)
    np.testing.assert_array_equal(rotated(lump, turn, ISO), np.rot90(lump.data, axes=axes))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_mirrors_by_hand(lump, axis):
    mirror = np.diag(np.where(np.arange(3) == axis, -1.0, 1.0))
    np.testing.assert_array_equal(rotated(lump, mirror, ISO), np.flip(lump.data, axis))


@pytest.mark.parametrize("spacing", [(1, 1, 1), (0.7, 0.7, 0.7), (0.9, 1.1, 3.3), (2, 2, 2)])
def test_volume_stays_within_half_a_voxel(lump, spacing):
    grid = Grid((9, 9, 9), np.diag([*spacing, 1]))
    for seed in range(20):
        shape = rotated(lump, random_rotation(rng(seed)), grid)
        assert abs(shape.sum() * grid.voxel_ml() - lump.volume_ml()) <= grid.voxel_ml() / 2
        assert all(shape.any(axis=a).all() for a in ((1, 2), (0, 2), (0, 1)))


def dice(one, other):
    return 2 * (one & other).sum() / (one.sum() + other.sum())


def ellipsoid(turn, spacing, shape, centre):
    """An ellipsoid with half axes of 12, 7 and 4 mm, turned, around a voxel index."""
    offset = (np.indices(shape).reshape(3, -1).T - centre) * spacing
    return (np.linalg.norm(offset @ turn / (12, 7, 4), axis=1) < 1).reshape(shape)


@pytest.mark.parametrize("spacing", [(1, 1, 1), (0.9, 1.1, 2.2)])
def test_a_turned_ellipsoid_is_the_ellipsoid_of_turned_axes(spacing):
    upright = ellipsoid(np.eye(3), (1, 1, 1), (41, 41, 41), 20)
    lesion = Mask(upright, Grid(upright.shape, np.eye(4)))
    for seed in range(10):
        turn = random_rotation(rng(seed))
        found = np.pad(rotated(lesion, turn, Grid((9, 9, 9), np.diag([*spacing, 1]))), 3)
        centre = np.argwhere(found).mean(axis=0)
        truth = ellipsoid(turn, spacing, found.shape, centre)
        at = (np.indices(found.shape).reshape(3, -1).T - centre) * spacing @ turn + 20
        nearest = ndimage.map_coordinates(upright, at.T, order=0).reshape(found.shape)
        assert dice(found, truth) > 0.94
        assert dice(found, truth) > dice(nearest, truth)  # which is what it is for


def test_the_grid_may_be_turned_instead_of_the_lesion(lump):
    # A lesion turned by R on an upright grid is the lesion itself on a grid turned by R transposed.
    turn = random_rotation(rng(5))
    affine = np.eye(4)
    affine[:3, :3] = turn.T
    np.testing.assert_array_equal(
        rotated(lump, turn, ISO), rotated(lump, np.eye(3), Grid((9, 9, 9), affine))
    )


def test_real_size_on_thick_slices_or_not_at_all():
    thread = np.zeros((25, 1, 1), bool)
    thread[:] = True
    lesion = Mask(thread, Grid(thread.shape, np.eye(4)))
    coarse = Grid((9, 9, 9), np.diag([4.0, 4, 4, 1]))
    results = [turned(lesion, random_rotation(rng(i)), coarse) for i in range(30)]
    for shape in results:
        # 25 mm^3 are no voxel of 64; one is kept, in one piece.
        assert shape is None or (
            shape.sum() == 1 and ndimage.label(shape, np.ones((3, 3, 3)))[1] == 1
        )
    apart = np.zeros((1, 1, 9), bool)
    apart[0, 0, [0, 8]] = True
    assert turned(Mask(apart, Grid(apart.shape, np.eye(4))), np.eye(3), ISO) is None


def test_sums_by_correlation_are_those_by_counting():
    generator = rng(1)
    worth = generator.integers(-20, 2, size=(9, 8, 7)).astype(float)
    shape = generator.random((3, 2, 4)) > 0.4
    found = sums_under(shape, worth)
    assert found.shape == (7, 7, 4)
    for i, j, k in np.ndindex(found.shape):
        assert found[i, j, k] == worth[i : i + 3, j : j + 2, k : k + 4][shape].sum()


BAR = np.ones((3, 1, 1), bool)


def place(allowed, taken=None, least=1.0, generator=None):
    taken = np.zeros_like(allowed) if taken is None else taken
    return placed_at_random(BAR, allowed, taken, least, generator or rng())


@pytest.mark.parametrize("guesses", [0, 100])
def test_every_place_that_fits_is_as_likely(monkeypatch, guesses):
    monkeypatch.setattr("brainfill.lesions.placing._GUESSES", guesses)
    allowed = np.zeros((12, 6, 6), bool)
    allowed[2:9, 3, 3] = True
    taken = np.zeros_like(allowed)
    taken[5, 3, 3] = True
    # Room for three in a row is at 2..4 and 6..8 only, and partly outside, two of three at 1, 2, 6 and 7.
    generator = rng()
    starts = [place(allowed, taken, 0.6, generator).box.start for _ in range(400)]
    assert {s[1:] for s in starts} == {(3, 3)}
    counts = np.bincount([s[0] for s in starts], minlength=9)
    assert np.flatnonzero(counts).tolist() == [1, 2, 6, 7]
    np.testing.assert_allclose(counts[[1, 2, 6, 7]], 100, atol=4 * np.sqrt(400 * 3 / 16))


@pytest.mark.parametrize(("room", "fits"), [(3, True), (2, False), (0, False)])
def test_no_place_is_found_out_for_certain(room, fits):
    allowed = np.zeros((40, 5, 5), bool)
    allowed[20 : 20 + room, 2, 2] = True
    found = place(allowed)
    assert (found is not None) == fits
    assert found is None or found.box == Box((20, 2, 2), (23, 3, 3))


def test_lesions_stay_inside_the_image():
    allowed = np.zeros((4, 3, 3), bool)
    allowed[3, 1, 1] = True
    assert place(allowed, least=0.3).box == Box((1, 1, 1), (4, 2, 2))
    assert place(np.ones((2, 9, 9), bool)) is None


def test_a_margin_is_all_that_touches_and_ends_with_the_image():
    placed = Placed(np.ones((1, 1, 1), bool), Box((0, 2, 2), (1, 3, 3)))
    near = with_margin(placed, (4, 4, 4))
    assert near.box == Box((0, 1, 1), (2, 4, 4))
    assert near.where.all()
    corner = with_margin(placed._replace(box=Box((3, 0, 3), (4, 1, 4))), (4, 4, 4))
    assert (corner.box, corner.where.shape) == (Box((2, 0, 2), (4, 2, 4)), (2, 2, 2))


def test_chance_says_where_and_allowed_what():
    """A shape of one voxel lands in voxels in proportion to their chance, never outside."""
    allowed = np.zeros((9, 8, 7), bool)
    allowed[2:7, 2:6, 2:5] = True
    chance = np.zeros(allowed.shape)
    chance[3, 3, 3], chance[5, 4, 3], chance[0, 0, 0] = 1.0, 3.0, 50.0
    rng, one, none = np.random.default_rng(0), np.ones((1, 1, 1), bool), np.zeros_like(allowed)
    found = [
        placed_at_random(one, allowed, none, 1.0, rng, np.where(allowed, chance, 0)).box.start
        for _ in range(400)
    ]
    assert set(found) == {(3, 3, 3), (5, 4, 3)}
    # 300 expected; four standard deviations of a binomial count are 35.
    assert abs(found.count((5, 4, 3)) - 300) < 35


def test_where_guesses_fail_the_chance_still_decides():
    """One place in 30000 is free: guesses miss it, the correlation does not."""
    allowed = np.ones((40, 30, 25), bool)
    taken = np.ones_like(allowed)
    taken[30, 20, 10] = False
    one = np.ones((1, 1, 1), bool)
    chance = np.ones(allowed.shape)
    found = placed_at_random(one, allowed, taken, 1.0, np.random.default_rng(0), chance)
    assert found.box.start == (30, 20, 10)
    chance[30, 20, 10] = 0
    assert placed_at_random(one, allowed, taken, 1.0, np.random.default_rng(0), chance) is None
