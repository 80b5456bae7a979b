"""Histogram filling repeats the border's distribution inside and blends at the rim."""

from __future__ import annotations

import numpy as np
import pytest

from brainfill.core.context import Context
from brainfill.core.grid import BoolArray, FloatArray, Grid
from brainfill.core.volume import Mask, Volume
from brainfill.fillers.histogram import Config, _draw, _shorth, build


def fill(data: FloatArray, hole: BoolArray, seed: int = 0) -> FloatArray:
    grid = Grid(data.shape, np.eye(4))
    return build(Config())(Volume(data, grid), Mask(hole, grid), Context(seed=seed)).values


def cube(shape: tuple[int, int, int], start: int, stop: int) -> BoolArray:
    hole = np.zeros(shape, bool)
    hole[start:stop, start:stop, start:stop] = True
    return hole


def test_inside_has_the_distribution_of_the_border() -> None:
    shape = (26, 26, 26)
    data = np.random.default_rng(0).normal(1000, 50, shape).astype(np.float32)
    inside = fill(data, cube(shape, 5, 21))[cube(shape, 6, 20)]
    assert inside.mean() == pytest.approx(1000, abs=5)
    assert 35 < inside.std() < 55  # the farthest of the border are left out


def test_seed_changes_the_inside() -> None:
    shape = (15, 15, 15)
    data = np.random.default_rng(0).normal(1000, 50, shape).astype(np.float32)
    hole = cube(shape, 4, 11)
    assert (fill(data, hole, 0)[hole] != fill(data, hole, 1)[hole]).mean() > 0.9


def test_the_rim_is_half_border_class_and_half_everything() -> None:
    # A lesion of one voxel is all rim. Neighbours: 1000, but one face of 400, far off the class.
    data = np.random.default_rng(0).normal(1000, 0.01, (5, 5, 5)).astype(np.float32)
    data[2, 2, 3] = 400
    hole = np.zeros(data.shape, bool)
    hole[2, 2, 2] = True
    everything = (1 + 2 * 0.7) ** 3 - 1  # the kernel's sum without its middle
    truth = (1000 + (1000 - 600 * 0.7 / everything)) / 2
    assert fill(data, hole)[2, 2, 2] == pytest.approx(truth, abs=0.05)


def test_other_tissue_at_the_border_is_not_drawn() -> None:
    shape = (20, 20, 20)
    data = np.random.default_rng(0).normal(1400, 30, shape).astype(np.float32)
    data[:, :, 15:] -= 600
    inside = fill(data, cube(shape, 5, 15))[cube(shape, 6, 14)]
    assert inside.min() > 1250


def test_draws_lie_between_every_fifth_of_the_sorted_values() -> None:
    values = np.arange(101, dtype=np.float32)[::-1]
    drawn = _draw(values, 5000, np.random.default_rng(0))
    assert drawn.min() >= 0
    assert drawn.max() <= 100
    np.testing.assert_allclose(np.quantile(drawn, [0.25, 0.5, 0.75]), [25, 50, 75], atol=3)
    assert (_draw(np.array([7.0]), 3, np.random.default_rng(0)) == 7).all()


def test_shortest_half_ignores_tails() -> None:
    assert _shorth(np.array([1.0, 9, 9, 9, 2, 30])) == 9
    assert _shorth(np.array([4.0])) == 4
