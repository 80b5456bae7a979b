"""A fill of a shifted image is the shifted fill."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brainfill.core.context import Context
from brainfill.core.grid import Grid
from brainfill.core.volume import Mask, Volume
from brainfill.fillers import diffusion, harmonic, histogram, localmean, patch

CLASSICAL = (harmonic, histogram, localmean, patch)
GRID = Grid((30, 28, 26), np.eye(4))


def scan():
    """A brain of two tissues with grain, whole numbers, 0 outside; the hole lies on their border."""
    rng = np.random.default_rng(1)
    far = np.linalg.norm(np.argwhere(np.ones(GRID.shape)) - (14, 13, 12), axis=1)
    far = far.reshape(GRID.shape)
    tissue = np.select([far < 7, far < 11.5], [800.0, 500], 0)
    data = np.rint(np.where(tissue > 0, tissue + rng.normal(0, 20, GRID.shape), 0))
    hole = np.zeros(GRID.shape, bool)
    hole[17:23, 11:15, 10:14] = True
    return data.astype(np.float32), Mask(hole, GRID)


def framed(data, value):
    return np.pad(data, 4, constant_values=value)


def filled(plugin, data, hole):
    """Values in the hole, whatever the image shows there."""
    image = Volume(np.where(hole.data, np.float32(12345), data), hole.grid)
    return plugin.build(plugin.Config())(image, hole, Context()).values[hole.data]


@pytest.mark.parametrize("plugin", CLASSICAL)
@settings(max_examples=6, deadline=None)
@given(shift=st.sampled_from([1000, -1024, -5000, -300, 30000, -40]))
def test_classical_fillers(plugin, shift):
    data, hole = scan()
    expected = filled(plugin, data, hole)
    found = filled(plugin, data + np.float32(shift), hole)
    np.testing.assert_allclose(found - shift, expected, atol=0.5)


@pytest.mark.parametrize("plugin", CLASSICAL)
@pytest.mark.parametrize(("level", "most"), [(600, 6), (1e6, 6), (8e-43, 100)])
def test_tissue_that_single_precision_can_hardly_tell_apart(plugin, level, most):
    _, hole = scan()
    level = np.float32(level)
    steps = np.random.default_rng(0).integers(0, most, GRID.shape).astype(np.float32)
    found = filled(plugin, level + steps * np.spacing(level), hole)
    assert abs(found - level).max() <= 2 * most * np.spacing(level)


@pytest.mark.slow
@pytest.mark.parametrize("shift", [1000, -5000])
def test_the_default(shift):
    data, hole = scan()
    expected = filled(diffusion, data, hole)
    found = filled(diffusion, data + np.float32(shift), hole)
    np.testing.assert_allclose(found - shift, expected, atol=0.5)


@pytest.mark.slow
@pytest.mark.parametrize("value", [-1024, -32768, 4095])
def test_what_lies_outside_the_field_of_view_changes_nothing(value):
    data, hole = scan()
    wide = framed(hole.data, value=False)
    hole = Mask(wide, Grid(wide.shape, np.eye(4)))
    expected = filled(diffusion, framed(data, 0), hole)
    np.testing.assert_array_equal(filled(diffusion, framed(data, value), hole), expected)
