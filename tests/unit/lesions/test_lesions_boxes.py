"""Boxes around lesions: tight, jittered by what was asked for, cut at the ends of the image."""

import numpy as np
import pytest

from brainfill.core.grid import Grid
from brainfill.core.volume import Mask
from brainfill.lesions.boxes import draw_boxes


def lesions(shape=(30, 32, 34), affine=None):
    data = np.zeros(shape, bool)
    data[10:14, 12, 14] = data[12, 10:13, 14] = True  # an L of 4 x 3 x 1
    data[20, 20, 20] = data[21, 21, 21] = True  # touch by a corner: 2 x 2 x 2
    return Mask(data, Grid(shape, np.eye(4) if affine is None else affine))


def rng(seed=0):
    return np.random.default_rng(seed)


def test_tight_boxes_by_hand():
    filled, facts = draw_boxes(lesions(affine=np.diag([1.0, 2, 3, 1])), rng())
    expected = np.zeros_like(filled)
    expected[10:14, 10:13, 14] = expected[20:22, 20:22, 20:22] = True
    np.testing.assert_array_equal(filled, expected)
    assert facts[0] == {
        "centre_mm": [11.5, 22.0, 42.0],
        "sides_mm": [4.0, 6.0, 3.0],
        "grown_vox": dict.fromkeys("LRPAIS", 0),
    }
    assert facts[1]["centre_mm"] == [20.5, 41.0, 61.5]


@pytest.mark.parametrize(("vox", "mm"), [(6, 0.0), (0, 6.0)])
def test_sides_move_outwards_each_by_its_own_amount(vox, mm):
    moves = []
    for seed in range(400):
        filled, facts = draw_boxes(lesions(), rng(seed), grow_vox=vox, grow_mm=mm)
        assert filled[lesions().data].all()
        moves += [list(f["grown_vox"].values()) for f in facts]
    moves = np.array(moves)
    assert (moves.min(axis=0), moves.max(axis=0)) == (pytest.approx(0), pytest.approx(6))
    # Mean of 0..6 is 3, SD at most 2; 800 draws; four standard errors.
    np.testing.assert_allclose(moves.mean(axis=0), 3, atol=4 * 2 / np.sqrt(800))
    assert np.abs(np.corrcoef(moves.T) - np.eye(6)).max() < 4.5 / np.sqrt(800)


def test_millimetres_mean_fewer_voxels_where_these_are_large():
    affine = np.diag([1.0, 1, 4, 1])
    moves = [
        list(f["grown_vox"].values())
        for seed in range(200)
        for f in draw_boxes(lesions(affine=affine), rng(seed), grow_mm=8)[1]
    ]
    assert np.max(moves, axis=0).tolist() == [8, 8, 8, 8, 2, 2]


def test_boxes_end_where_the_image_ends():
    data = np.zeros((5, 6, 7), bool)
    data[0, 3, 6] = True
    filled, (fact,) = draw_boxes(Mask(data, Grid(data.shape, np.eye(4))), rng(1), grow_vox=6)
    assert filled.any()
    ends = np.array(fact["centre_mm"]) + np.array([[-0.5], [0.5]]) * fact["sides_mm"]
    assert (ends[0] >= -0.5).all()
    assert (ends[1] <= np.array(data.shape) - 0.5).all()
    assert filled.sum() == pytest.approx(np.prod(fact["sides_mm"]))
