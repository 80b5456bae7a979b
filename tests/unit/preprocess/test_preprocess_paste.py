import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brainfill.core.errors import GeometryError
from brainfill.core.grid import Grid
from brainfill.core.volume import Mask, Source, Volume
from brainfill.preprocess.paste import feather, paste_back

LINE = Grid((9, 1, 1), np.eye(4))


def flags(*indices):
    data = np.zeros(LINE.shape, bool)
    data[list(indices)] = True
    return Mask(data, LINE)


def test_outside_is_identical_and_inside_is_the_fill(any_grid, phantom, phantom_lesion):
    original, where = phantom(any_grid), phantom_lesion(any_grid)
    source = Source("t1.nii", None)
    original = Volume(original.data, any_grid, source)
    fill = np.full(any_grid.shape, np.nan, np.float32)
    fill[where.data] = 7
    result = paste_back(original, fill, where)
    np.testing.assert_array_equal(result.data[~where.data], original.data[~where.data])
    assert (result.data[where.data] == 7).all()
    assert result.source is source
    assert where.data.any()


def test_weights_blend_inside_only():
    original = Volume(np.full(LINE.shape, 100.0), LINE)
    weights = np.array([1, 1, 0.5, 0, 0.25, 1, 1, 1, 1]).reshape(LINE.shape)
    result = paste_back(original, np.zeros(LINE.shape, np.float32), flags(1, 2, 3, 4), weights)
    assert result.data.ravel().tolist() == [100, 0, 50, 100, 75, 100, 100, 100, 100]


def test_full_weight_gives_the_fill_exactly():
    original = Volume(np.full(LINE.shape, 3e38), LINE)
    result = paste_back(
        original, np.full(LINE.shape, 0.1, np.float32), flags(4), np.ones(LINE.shape)
    )
    assert result.data[4, 0, 0] == np.float32(0.1)


def test_parts_must_share_a_grid():
    original, fill = Volume(np.zeros(LINE.shape), LINE), np.zeros(LINE.shape, np.float32)
    with pytest.raises(GeometryError, match="fill has shape"):
        paste_back(original, fill[1:], flags(1))
    with pytest.raises(GeometryError, match="weights has shape"):
        paste_back(original, fill, flags(1), fill[1:])
    moved = Mask(flags(1).data, Grid(LINE.shape, np.diag([2.0, 1, 1, 1])))
    with pytest.raises(GeometryError, match="does not lie on"):
        paste_back(original, fill, moved)


def test_feather_by_hand():
    weights = feather(flags(4), flags(2, 3, 4, 5, 6)).ravel()
    assert weights[4] == 1
    assert weights[[0, 1, 7, 8]].tolist() == [0, 0, 0, 0]
    # Discrete Gaussian of sigma 0.5: 1, e^-2, e^-8 over their sum; the last hole voxel lacks one side.
    tail = np.exp(-2) + np.exp(-8)
    assert weights[2] == pytest.approx(1 - tail / (1 + 2 * tail), abs=1e-6)
    assert weights[2] == weights[6]
    assert weights[2] < weights[3] <= 1


@given(st.integers(0, 2**27 - 1), st.integers(0, 2**27 - 1), st.sampled_from([0, 0.5, 1.5]))
def test_feather_rules(lesion_bits, ring_bits, sigma):
    grid = Grid((3, 3, 3), np.eye(4))
    bits = 2 ** np.arange(27).reshape(3, 3, 3)
    lesion, ring = (lesion_bits & bits) > 0, (ring_bits & bits) > 0
    hole = lesion | ring
    weights = feather(Mask(lesion, grid), Mask(hole, grid), sigma)
    assert (weights[lesion] == 1).all()
    assert (weights[~hole] == 0).all()
    assert ((weights >= 0) & (weights <= 1)).all()
    if sigma == 0:
        np.testing.assert_array_equal(weights, hole)
