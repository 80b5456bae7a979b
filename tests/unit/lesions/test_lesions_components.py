"""Numbering, dilation and the table of lesions, on arrays worked out by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage

from brainfill.core.grid import BoolArray, Grid
from brainfill.core.volume import LabelMap, Mask, Scan, Volume
from brainfill.lesions.components import (
    dilate,
    label_lesions,
    largest_piece,
    lesion_table,
    mask_table,
)
from brainfill.preprocess.steps.reorient import reoriented_grid
from brainfill.preprocess.steps.resample import resample_to


def mask_of(data: BoolArray, affine: object = None) -> Mask:
    return Mask(data, Grid(data.shape, np.eye(4) if affine is None else affine))


def test_numbered_from_the_largest() -> None:
    data = np.zeros((9, 5, 5), bool)
    data[0, 0, 0] = True
    data[3:5, 1:3, 1] = True
    data[7, 1:4, 2] = True
    labels = label_lesions(mask_of(data))
    assert labels.data.dtype == np.int32
    assert labels.data[3, 1, 1] == 1
    assert labels.data[7, 1, 2] == 2
    assert labels.data[0, 0, 0] == 3
    np.testing.assert_array_equal(labels.data > 0, data)


@pytest.mark.parametrize(("step", "count"), [((1, 1, 1), 1), ((0, 1, 1), 1), ((2, 0, 0), 2)])
def test_corners_touch(step: tuple[int, int, int], count: int) -> None:
    data = np.zeros((5, 5, 5), bool)
    data[1, 1, 1] = data[tuple(np.add(1, step))] = True
    assert label_lesions(mask_of(data)).data.max() == count


def test_more_lesions_than_eight_or_ten_bits_hold() -> None:
    data = np.zeros((31, 31, 31), bool)
    data[::2, ::2, ::2] = True
    labels = label_lesions(mask_of(data)).data
    assert labels.max() == 16**3
    assert len(np.unique(labels)) == 16**3 + 1


def test_empty_mask_has_no_labels() -> None:
    labels = label_lesions(mask_of(np.zeros((3, 4, 5), bool)))
    assert labels.data.max() == 0
    image = Volume(np.ones((3, 4, 5)), labels.grid)
    assert lesion_table(labels, image, image) == []


@pytest.mark.parametrize(
    ("sides_mm", "reach_mm", "voxels"),
    [
        ((1, 1, 1), 0, 1),
        ((1, 1, 1), 1, 7),
        ((1, 1, 1), 2, 33),
        ((2, 2, 2), 1, 7),  # a voxel at least
        ((1, 1, 3), 1, 7),
        ((1, 1, 3), 2, 15),  # a disc of 13 and a voxel on either side
        ((0.5, 0.5, 0.5), 1, 33),
        ((0.2, 0.2, 0.2), 1, 515),
    ],
)
def test_dilation_is_a_ball_of_millimetres(sides_mm, reach_mm: float, voxels: int) -> None:
    mask = lone_voxel(11, sides_mm)
    grown = dilate(mask, reach_mm, np.ones(mask.grid.shape, bool))
    assert grown.sum() == voxels
    assert mask.data.sum() == 1


@pytest.mark.parametrize("axes", ["RAS", "LPS", "PSR"])
def test_dilation_is_the_same_along_all_axes(axes) -> None:
    mask = lone_voxel(11, (0.6, 0.9, 1.4))
    grown = Volume(dilate(mask, 2.0, np.ones(mask.grid.shape, bool)), mask.grid)
    turned = reoriented_grid(mask.grid, axes)
    where = Mask(resample_to(mask.data.astype(np.float32), mask.grid, turned, order=0) > 0, turned)
    again = dilate(where, 2.0, np.ones(turned.shape, bool))
    expected = resample_to(grown.data.astype(np.float32), mask.grid, turned, order=0) > 0
    np.testing.assert_array_equal(again, expected)


def test_dilation_at_the_rim_of_the_image_and_into_a_neighbour() -> None:
    data = np.zeros((4, 4, 9), bool)
    data[0, 0, 0] = data[3, 3, 8] = data[2, 2, 7] = True
    grown = dilate(Mask(data, Grid(data.shape, np.eye(4))), 1.0, np.ones_like(data))
    expected = ndimage.binary_dilation(data)
    np.testing.assert_array_equal(grown, expected)


def lone_voxel(n: int, sides_mm) -> Mask:
    """A mask of one voxel in the middle of n x n x n."""
    data = np.zeros((n, n, n), bool)
    data[(n // 2,) * 3] = True
    return Mask(data, Grid(data.shape, np.diag([*sides_mm, 1.0])))


def test_only_allowed_voxels_are_added() -> None:
    where = np.zeros((7, 3, 3), bool)
    where[3] = True
    within = np.zeros_like(where)
    within[4] = True
    grown = dilate(Mask(where, Grid(where.shape, np.eye(4))), 2.0, within)
    assert grown[3].all()  # stays, though not within
    assert grown[4].all()
    assert grown.sum() == 18


def test_table_by_hand() -> None:
    affine = np.array([[0, 0, 3.0, 10], [-2, 0, 0, 20], [0, 1, 0, 30], [0, 0, 0, 1]])
    data = np.zeros((4, 5, 6), np.int32)
    data[1, 2, 3] = data[2, 2, 3] = 1
    data[0, 4, 5] = 2
    grid = Grid(data.shape, affine)
    before = Volume(np.arange(120, dtype=np.float32).reshape(4, 5, 6), grid)
    after = before.like(np.full(grid.shape, 7, np.float32))
    first, second = lesion_table(LabelMap(data, grid), before, after)
    assert first == {
        "label": 1,
        "voxels": 2,
        "volume_ml": pytest.approx(0.012),
        "x_mm": 19.0,
        "y_mm": 17.0,
        "z_mm": 32.0,
        "mean_before": 60.0,  # voxels 45 and 75
        "mean_after": 7.0,
    }
    assert (second["label"], second["voxels"], second["mean_before"]) == (2, 1, 29.0)
    assert (second["x_mm"], second["y_mm"], second["z_mm"]) == (25.0, 20.0, 34.0)


def test_shares_by_hand() -> None:
    data = np.zeros((6, 5, 4), bool)
    data[0, 0, :2] = data[3:5, 3, 2] = data[4, 4, 2] = True
    brain, spots = np.zeros_like(data), np.zeros_like(data)
    brain[:, 0] = spots[4, 4, 2] = True
    first, second = mask_table(
        label_lesions(mask_of(data, np.diag([2.0, 1, 1, 1]))),
        {"brain": mask_of(brain), "spot": mask_of(spots)},
    )
    assert first == {
        "component": 1,
        "voxels": 3,
        "volume_ml": pytest.approx(0.006),
        "x_mm": 7.33,  # voxels 3, 4 and 4 of 2 mm
        "y_mm": 3.33,
        "z_mm": 2.0,
        "share_in_brain": 0.0,
        "share_in_spot": pytest.approx(1 / 3),
    }
    assert (second["share_in_brain"], second["share_in_spot"]) == (1.0, 0.0)
    assert "share_in_brain" not in mask_table(label_lesions(mask_of(data)), {})[0]


def test_largest_piece_touches_by_corners() -> None:
    data = np.zeros((5, 5, 5), bool)
    data[0, 0, 0] = data[1, 1, 1] = data[4, 4, 4] = True
    expected = data.copy()
    expected[4, 4, 4] = False
    np.testing.assert_array_equal(largest_piece(data), expected)
    np.testing.assert_array_equal(largest_piece(expected), expected)
    assert not largest_piece(np.zeros_like(data)).any()


def test_place_and_size_do_not_depend_on_the_grid(
    any_grid: Grid, phantom_scan: Callable[[Grid], Scan]
) -> None:
    scan = phantom_scan(any_grid)
    assert scan.lesion is not None
    (row,) = lesion_table(label_lesions(scan.lesion), scan.images["T1w"], scan.images["T1w"])
    place = [row["x_mm"], row["y_mm"], row["z_mm"]]
    np.testing.assert_allclose(place, (3, -2, 1), atol=0.5)
    truth_ml = 4 / 3 * np.pi * 3 * 4 * 3.5 / 1000
    assert row["volume_ml"] == pytest.approx(truth_ml, rel=0.15)
