"""The local mean takes the tissue a lesion lies in, and follows slow trends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from brainfill.core.context import Context
from brainfill.core.errors import ConfigError
from brainfill.core.grid import BoolArray, FloatArray, Grid
from brainfill.core.volume import Mask, Volume
from brainfill.fillers.localmean import Config, build

SHAPE = (24, 24, 24)


def fill(
    data: FloatArray, hole: BoolArray, spacing: Any = (1, 1, 1), **settings: float
) -> FloatArray:
    grid = Grid(data.shape, np.diag([*spacing, 1.0]))
    return build(Config(**settings))(Volume(data, grid), Mask(hole, grid), Context()).values


def noisy(level: FloatArray) -> FloatArray:
    return (level + np.random.default_rng(0).normal(0, 20, level.shape)).astype(np.float32)


def box(start: tuple[int, int, int], side: int) -> BoolArray:
    hole = np.zeros(SHAPE, bool)
    hole[tuple(slice(a, a + side) for a in start)] = True
    return hole


@pytest.mark.parametrize("start", [8, 11])
def test_white_matter_next_to_cortex_stays_white(start: int) -> None:
    level = np.where(np.arange(24)[:, None, None] < 15, 1400.0, 900.0) * np.ones(SHAPE)
    hole = box((start, 10, 10), 4)
    out = fill(noisy(level), hole)[hole]
    assert abs(out.mean() - 1400) < 40
    assert out.min() > 1300


def test_grey_matter_is_filled_grey() -> None:
    level = np.where(np.arange(24)[:, None, None] < 15, 1400.0, 900.0) * np.ones(SHAPE)
    hole = box((18, 10, 10), 4)
    assert abs(fill(noisy(level), hole)[hole].mean() - 900) < 30


def test_a_slow_trend_is_followed() -> None:
    i, j, _ = np.indices(SHAPE)
    level = np.where(j < 18, 1350 + 5.0 * i, 900)
    hole = box((8, 8, 8), 7)
    out = fill(noisy(level), hole)
    means = out[8:15, 8:15, 8:15].mean(axis=(1, 2))
    assert means[-1] - means[0] > 15  # of 30 in the truth; one constant would give 0
    assert np.abs(out - level)[hole].mean() < 15


def test_all_tissue_counting_alike_is_a_plain_gaussian_mean() -> None:
    data = np.random.default_rng(0).normal(1000, 200, (9, 9, 9)).astype(np.float32)
    away = np.linalg.norm(np.indices(data.shape) - 4, axis=0)
    hole = away < 0.5
    weights = np.exp(-0.5 * away**2)  # sigma 1 mm is wide enough for one voxel
    truth = (weights * data)[~hole].sum() / weights[~hole].sum()
    out = fill(data, hole, sigma_mm=1.0, other_weight=1.0)
    assert out[4, 4, 4] == pytest.approx(truth, rel=1e-5)


def test_distances_are_millimetres() -> None:
    # Neighbours in the slice are 1 mm away, those of other slices 6 mm.
    data = np.broadcast_to(np.array([900, 1000, 1100], np.float32), (9, 9, 3)).copy()
    hole = np.zeros(data.shape, bool)
    hole[4, 4, 2] = True
    near = fill(data, hole, (1, 1, 6), other_weight=1.0)[4, 4, 2]
    cube = fill(data, hole, (1, 1, 1), other_weight=1.0)[4, 4, 2]
    assert near == pytest.approx(1100, abs=1)
    assert cube < 1095


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match="sigma_mm must be between"):
        Config(sigma_mm=0)
