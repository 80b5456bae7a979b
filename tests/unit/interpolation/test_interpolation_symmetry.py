"""The plane of symmetry of heads that are symmetric by construction."""

import numpy as np
import pytest

from brainfill.core.grid import Grid
from brainfill.core.volume import Volume
from brainfill.interpolation.symmetry import reflection, symmetry_plane

BLOBS = ((20, 30, 10, 14, 300), (28, -20, -8, 12, -250), (12, -35, 20, 9, 350), (30, 5, 25, 8, 200))
PLANES = {"upright": (0.0, 0.0, 0.0), "turned": (9.0, 0.0, 4.0), "tilted": (-6.0, 11.0, -7.0)}


def normal(turn, tilt):
    a, b = np.deg2rad((turn, tilt))
    return np.array([np.cos(a) * np.cos(b), np.sin(a) * np.cos(b), np.sin(b)])


def head(grid, plane):
    """An ellipsoid with blobs, each with its twin across the plane; 0 outside."""
    n = normal(*plane[:2])
    xyz = grid.to_world(np.argwhere(np.ones(grid.shape, bool)).astype(float)) - plane[2] * n
    # The part along the normal decides the side; positions are measured from the plane.
    side = np.abs(xyz @ n)
    flat = xyz - (xyz @ n)[:, None] * n
    value = np.full(len(xyz), 700.0)
    for x, y, z, width, height in BLOBS:
        away = (side - x) ** 2 + ((flat - (0, y, z)) ** 2).sum(1)
        value += height * np.exp(-0.5 * away / width**2)
    inside = (side / 55) ** 2 + (flat[:, 1] / 68) ** 2 + (flat[:, 2] / 52) ** 2 < 1
    return Volume(np.where(inside, value, 0).reshape(grid.shape).astype(np.float32), grid)


def grid(axes, shape):
    affine = np.eye(4)
    affine[:3, :3] = axes
    affine[:3, 3] = -axes @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


TURN = np.array([[0.94, -0.342, 0], [0.342, 0.94, 0], [0, 0, 1]])
GRIDS = {
    "RAS": grid(np.diag([2.0, 2, 2]), (70, 80, 65)),
    "LAS": grid(np.diag([-2.0, 2, 2]), (70, 80, 65)),
    "PIR": grid(np.array([[0, 0, 2.0], [-2, 0, 0], [0, -2, 0]]), (80, 65, 70)),
    "thick": grid(np.diag([1.5, 1.5, 4]), (92, 106, 33)),
    "oblique": grid(TURN @ np.diag([2.0, 2, 2]), (80, 80, 65)),
}


@pytest.mark.parametrize("place", GRIDS)
@pytest.mark.parametrize("plane", PLANES)
def test_the_plane_is_found_wherever_it_is(place, plane):
    image = head(GRIDS[place], PLANES[plane])
    found, distance_mm = symmetry_plane(image, np.ones(image.grid.shape, bool))
    wanted = PLANES[plane]
    angle = np.rad2deg(np.arccos(np.clip(found @ normal(*wanted[:2]), -1, 1)))
    assert angle < 1.5
    assert distance_mm == pytest.approx(wanted[2], abs=0.8)


def test_the_reflection_takes_each_twin_to_the_other_and_back():
    image = head(GRIDS["oblique"], PLANES["tilted"])
    matrix = reflection(image, np.ones(image.grid.shape, bool))
    np.testing.assert_allclose(matrix @ matrix, np.eye(4), atol=1e-9)
    n, distance_mm = normal(*PLANES["tilted"][:2]), PLANES["tilted"][2]
    right, left = ((distance_mm + side) * n for side in (25, -25))
    np.testing.assert_allclose(matrix[:3, :3] @ right + matrix[:3, 3], left, atol=1.5)


def test_what_is_not_known_does_not_move_the_plane():
    image = head(GRIDS["RAS"], PLANES["turned"])
    known = np.ones(image.grid.shape, bool)
    known[44:60, 35:50, 25:40] = False
    poisoned = Volume(np.where(known, image.data, 9000), image.grid)
    for one, other in zip(
        symmetry_plane(image, known), symmetry_plane(poisoned, known), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    angle = np.rad2deg(np.arccos(symmetry_plane(image, known)[0] @ normal(*PLANES["turned"][:2])))
    assert angle < 1.5


def test_nothing_to_compare_gives_the_sagittal_plane():
    image = Volume(np.zeros((8, 8, 8), np.float32), Grid((8, 8, 8), np.eye(4)))
    found, distance_mm = symmetry_plane(image, np.ones((8, 8, 8), bool))
    np.testing.assert_allclose(found, [1, 0, 0], atol=1e-6)
    assert np.isfinite(distance_mm)
