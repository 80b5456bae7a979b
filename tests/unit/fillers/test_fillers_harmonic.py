"""Harmonic filling against functions that solve Laplace's equation."""

import numpy as np
import pytest

from brainfill.core.context import Context
from brainfill.core.grid import Grid
from brainfill.core.volume import Mask, Volume
from brainfill.fillers.harmonic import Config, build


def fill(data, hole, spacing=(1, 1, 1)):
    grid = Grid(data.shape, np.diag([*spacing, 1]))
    image = Volume(np.where(hole, -9e9, data).astype(np.float32), grid)
    return build(Config())(image, Mask(hole, grid), Context()).values


def ellipsoid(shape=(17, 17, 17), radius=5):
    return np.linalg.norm(np.indices(shape) - 8, axis=0) < radius


@pytest.mark.parametrize(
    "solution",
    [
        lambda x, y, z: 3 * x - 2 * y + z,
        lambda x, y, z: x * y - y * z + x,
        # Central differences of a square are exact on any grid.
        lambda x, y, z: x**2 + y**2 - 2 * z**2,
    ],
    ids=["plane", "saddle", "square"],
)
@pytest.mark.parametrize("spacing", [(1, 1, 1), (1, 0.8, 3)])
def test_solutions_of_laplace_go_on_through_the_hole(solution, spacing):
    hole = ellipsoid()
    position = (np.indices(hole.shape).T * spacing).T
    data = 2000 + solution(*position)
    np.testing.assert_allclose(fill(data, hole, spacing)[hole], data[hole], atol=0.05)


def test_no_value_is_beyond_those_around():
    data = np.random.default_rng(0).uniform(500, 900, (17, 17, 17))
    hole = ellipsoid()
    values = fill(data, hole)[hole]
    assert data[~hole].min() <= values.min() <= values.max() <= data[~hole].max()


def test_background_does_not_darken_the_fill():
    data = np.random.default_rng(0).uniform(799, 801, (17, 17, 17))
    data[:6] = 0
    hole = ellipsoid(radius=3)
    np.testing.assert_allclose(fill(data, hole)[hole], 800, atol=1)


def test_a_part_that_touches_no_tissue_takes_the_mean():
    data = np.zeros((17, 17, 17))
    data[:, :, 10:] = 700.0
    hole = np.zeros(data.shape, bool)
    hole[8, 8, 7:11] = True
    hole[8, 9, 6] = True  # touches the rest by an edge only
    np.testing.assert_allclose(fill(data, hole)[hole], 700, rtol=1e-3)
