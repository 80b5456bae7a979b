"""Ellipsoids in a brain: sizes in millimetres on any voxels, far enough inside, apart."""

import numpy as np
import pytest
from scipy import ndimage, stats

from brainfill.core.errors import DataError
from brainfill.core.grid import Grid
from brainfill.core.volume import Mask
from brainfill.lesions.ellipsoids import draw_ellipsoids, ellipsoids_of
from brainfill.lesions.shapes import bumpy_ellipsoid


def brain(spacing=(2.0, 2.0, 2.0), radius_mm=60.0):
    shape = tuple(int(n) for n in np.ceil(2 * radius_mm / np.array(spacing)) + 9)
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = -(np.array(shape) - 1) / 2 * spacing
    grid = Grid(shape, affine)
    xyz = grid.to_world(np.indices(shape).reshape(3, -1).T.astype(float))
    return Mask((np.linalg.norm(xyz, axis=1) < radius_mm).reshape(shape), grid)


def draw(mask, n, radius_mm=(5.0, 15.0), inside=0.3, tries=1000, seed=0):
    return draw_ellipsoids(mask, n, radius_mm, inside, tries, np.random.default_rng(seed))


def test_each_lies_in_the_brain_far_enough_and_none_touches_another():
    where = brain()
    for seed in range(4):
        mask, found = draw(where, 12, inside=0.6, seed=seed)
        labels, count = ndimage.label(mask, np.ones((3, 3, 3)))
        assert count == len(found) == 12
        shares = ndimage.mean(where.data, labels, np.arange(1, 13))
        assert min(shares) >= 0.6
        assert sorted(shares) == pytest.approx(sorted(e.inside for e in found))
        assert min(shares) < 1  # not kept from the edge


@pytest.mark.parametrize("spacing", [(2, 2, 2), (1.5, 2, 3.5)])
def test_centres_and_sizes_are_those_in_the_world(spacing):
    where = brain(spacing)
    mask, found = draw(where, 8, (10.0, 16.0), seed=3)
    labels, _ = ndimage.label(mask, np.ones((3, 3, 3)))
    for ellipsoid in found:
        index = np.rint(where.grid.to_index(ellipsoid.centre_mm[None])[0]).astype(int)
        inside = np.clip(index, 0, np.array(mask.shape) - 1)
        assert (index == inside).all()
        label = labels[tuple(index)]
        assert label > 0
        voxels = np.argwhere(labels == label)
        if (voxels.min(axis=0) == 0).any() or (
            voxels.max(axis=0) == np.array(mask.shape) - 1
        ).any():
            continue
        truth_mm3 = 4 / 3 * np.pi * np.prod(ellipsoid.axes_mm)
        assert len(voxels) * np.prod(spacing) == pytest.approx(truth_mm3, rel=0.35)
        centre = where.grid.to_world(voxels.mean(axis=0)[None])[0]
        assert np.linalg.norm(centre - ellipsoid.centre_mm) < 0.4 * ellipsoid.radius_mm


def test_bumps_apart_the_shape_is_the_turned_ellipsoid():
    turn = np.array(
        [[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]
    )  # the first half axis along the second array axis
    flags = bumpy_ellipsoid(
        (61, 61, 31),
        np.array([30, 30, 15.0]),
        np.array([24, 8, 8.0]),
        12,
        np.random.default_rng(0),
        (1, 1, 2),
        turn,
    )
    along = [np.ptp(np.flatnonzero(flags.any(axis=a))) for a in ((1, 2), (0, 2), (0, 1))]
    assert along[1] == pytest.approx(48, rel=0.3)
    assert along[0] == pytest.approx(16, rel=0.6)
    assert along[2] * 2 == pytest.approx(16, rel=0.6)


def test_radii_are_log_uniform_between_the_ends():
    where = brain((4.0, 4, 4), 100)
    radii = [e.radius_mm for s in range(12) for e in draw(where, 10, (2.0, 8.0), 0.0, seed=s)[1]]
    law = stats.uniform(np.log(2), np.log(4))
    # A few small ones hit no voxel of 4 mm, and are drawn again; the law holds for the larger half.
    large = np.log([r for r in radii if r > 4])
    assert stats.kstest(large, stats.uniform(np.log(4), np.log(2)).cdf).pvalue > 1e-3
    assert law.cdf(np.log(min(radii))) >= 0
    assert max(radii) <= 8


def test_too_many_are_refused():
    with pytest.raises(
        DataError, match=r"ellipsoid \d+ of 50 found no place in 20 draws"
    ) as refusal:
        draw(brain(radius_mm=20), 50, (8.0, 10.0), tries=20)
    assert "--n, --radius-mm" in refusal.value.hint


def test_ellipsoids_of_given_volumes():
    volumes = [0.008, 0.5, 20.0]
    found = ellipsoids_of(volumes, np.random.default_rng(0))
    assert [piece.mask.volume_ml() for piece in found] == pytest.approx(volumes)
    for piece in found:
        assert ndimage.label(piece.mask.data, np.ones((3, 3, 3)))[1] == 1
        np.testing.assert_allclose(piece.mask.grid.corners().sum(axis=0), 0, atol=1e-9)
