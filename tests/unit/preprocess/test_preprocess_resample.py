"""Resampling against the analytic phantom, straight lines, and moments of a Gaussian."""

import numpy as np
import pytest

from brainfill.core.errors import GeometryError
from brainfill.core.grid import Box, Grid
from brainfill.core.volume import Volume
from brainfill.preprocess.steps import resample
from brainfill.preprocess.steps.resample import resample_to, resampled_grid


def ramp(grid):
    ijk = np.argwhere(np.ones(grid.shape, bool)).astype(float)
    return (grid.to_world(ijk) @ (3, -2, 5) + 100).reshape(grid.shape).astype(np.float32)


@pytest.mark.parametrize("order", [1, 3])
def test_a_ramp_stays_a_ramp_between_any_two_grids(any_grid, order):
    affine = np.array([[0.8, 0.3, 0, -3], [-0.3, 0.8, 0, -2], [0, 0, 0.9, -4], [0, 0, 0, 1]])
    target = Grid((7, 6, 5), affine)
    found = resample_to(ramp(any_grid), any_grid, target, order, antialias=False)
    assert found.dtype == np.float32
    # The cubic spline is flat, not straight, at the ends of the image; this is where it may differ.
    np.testing.assert_allclose(found, ramp(target), atol=1e-3 if order == 1 else 0.2)


@pytest.mark.parametrize(
    "name", ["RAS", "LAS", "LPS", "PSR", "oblique", "odd"]
)  # 3 mm is too coarse
@pytest.mark.parametrize(("order", "worst"), [(1, 45.0), (3, 8.0)])
def test_the_phantom_is_the_same_object_on_every_grid(grids, name, phantom, order, worst):
    source, target = (
        grids[name],
        Grid((25, 27, 23), grids["oblique"].crop(Box((2, 3, 4), (9, 9, 9))).affine),
    )
    found = resample_to(phantom(source).data, source, target, order, antialias=False)
    expected = phantom(target).data
    error = np.abs(found - expected)
    assert np.sqrt((error**2).mean()) < worst / 2
    assert np.percentile(error, 99) < 2 * worst


@pytest.mark.parametrize("order", [0, 1, 3])
def test_voxels_that_only_change_order_are_copied_exactly(grids, phantom, order):
    for name in ("RAS", "LAS", "LPS", "PSR"):
        volume = phantom(grids[name])
        for other in ("RAS", "LAS", "LPS", "PSR"):
            found = resample_to(volume.data, volume.grid, grids[other], order)
            np.testing.assert_array_equal(found, phantom(grids[other]).data)


@pytest.mark.parametrize("order", [0, 1, 3])
def test_a_crop_of_the_grid_is_copied_exactly_and_is_0_beyond_it(any_grid, phantom, order):
    volume, box = phantom(any_grid), Box((4, 5, -2), (9, 12, 4))
    found = resample_to(volume.data, any_grid, any_grid.crop(box), order)
    np.testing.assert_array_equal(found[:, :, 2:], volume.data[4:9, 5:12, :4])
    assert not found[:, :, :2].any()


def test_flipping_data_and_affine_together_changes_nothing(any_grid, phantom):
    volume, target = phantom(any_grid), Grid((6, 7, 8), np.diag([1.7, 1.4, 1.1, 1]))
    for axis in range(3):
        flip = np.eye(4)
        flip[axis, axis], flip[axis, 3] = -1, any_grid.shape[axis] - 1
        flipped = Grid(any_grid.shape, any_grid.affine @ flip)
        for order in (1, 3):
            np.testing.assert_allclose(
                resample_to(np.flip(volume.data, axis), flipped, target, order),
                resample_to(volume.data, any_grid, target, order),
                atol=1e-2,
            )


@pytest.mark.parametrize("order", [1, 3])
def test_only_the_needed_part_is_touched(grids, order):
    grid = Grid((60, 60, 60), np.eye(4))
    data = np.random.default_rng(0).normal(size=grid.shape).astype(np.float32)
    target = Grid((4, 5, 6), np.diag([0.7, 0.7, 0.7, 1]) + np.pad([[20.3]] * 3, ((0, 1), (3, 0))))
    poisoned = np.full(grid.shape, np.nan, np.float32)  # NaN would spread wherever it is looked at
    near = (slice(7, 38),) * 3
    poisoned[near] = data[near]
    found = resample_to(poisoned, grid, target, order)
    np.testing.assert_allclose(found, resample_to(data, grid, target, order), atol=1e-5)


def test_blur_before_enlarging_has_the_stated_variance():
    grid = Grid((31, 1, 1), np.eye(4))
    data = np.zeros(grid.shape, np.float32)
    data[15] = 1
    # Voxels of 3 mm that start at every source voxel in turn show the blurred impulse itself.
    shown = []
    for i in range(31):
        affine = np.diag([3.0, 1, 1, 1])
        affine[0, 3] = i
        shown.append(resample_to(data, grid, Grid((1, 1, 1), affine), 1, antialias=False).item())
    assert shown[15] == 1
    shown = []
    for i in range(31):
        affine = np.diag([3.0, 1, 1, 1])
        affine[0, 3] = i
        # A second voxel far off keeps the ratio measurable; only the first is read.
        shown.append(resample_to(data, grid, Grid((2, 1, 1), affine), 1)[0, 0, 0])
    weights = np.array(shown) / np.sum(shown)
    variance = (weights * (np.arange(31) - 15) ** 2).sum()
    assert variance == pytest.approx((3**2 - 1) / (8 * np.log(2)), rel=0.02)
    assert np.sum(shown) == pytest.approx(1, rel=1e-3)


def test_enlarging_keeps_fine_stripes_from_becoming_coarse_ones(grids):
    grid = Grid((30, 6, 6), np.eye(4))
    stripes = np.broadcast_to((np.arange(30) % 2)[:, None, None], grid.shape).astype(np.float32)
    target = resampled_grid(grid, 3.0)
    aliased = resample_to(stripes, grid, target, 1, antialias=False)
    smooth = resample_to(stripes, grid, target, 1)[1:-1]
    assert np.ptp(aliased) == 1
    assert np.ptp(smooth) < 0.05
    np.testing.assert_allclose(smooth, 0.5, atol=0.05)


def test_blur_follows_the_axis_also_when_axes_are_permuted():
    data = np.random.default_rng(0).normal(size=(20, 21, 22)).astype(np.float32)
    grid = Grid(data.shape, np.eye(4))
    coarse = np.diag([3.0, 1.2, 0.9, 1])
    expected = resample_to(data, grid, Grid((6, 15, 20), coarse), 1)
    turned = coarse[:, [2, 0, 1, 3]]
    found = resample_to(data, grid, Grid((20, 6, 15), turned), 1)
    np.testing.assert_allclose(found, np.transpose(expected, (2, 0, 1)), atol=1e-5)


def test_turned_grids_of_one_spacing_are_not_blurred(grids):
    data = np.random.default_rng(0).normal(size=grids["RAS"].shape).astype(np.float32)
    with_blur = resample_to(data, grids["RAS"], grids["oblique"], 1)
    without = resample_to(data, grids["RAS"], grids["oblique"], 1, antialias=False)
    np.testing.assert_array_equal(with_blur, without)


def test_beyond_the_outer_voxel_edge_is_0_and_within_it_is_not():
    grid = Grid((4, 1, 1), np.eye(4))
    target = Grid((12, 1, 1), np.array([[0.5, 0, 0, -1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]))
    data = np.full((4, 1, 1), 5, np.float32)  # voxels reach from -0.5 to 3.5
    found = resample_to(data, grid, target, 1, antialias=False).ravel()
    np.testing.assert_array_equal(found, [0, *[5] * 9, 0, 0])


def test_far_away_is_0(grids, phantom):
    volume = phantom(grids["RAS"])
    far = np.eye(4)
    far[0, 3] = 500
    assert not resample_to(volume.data, volume.grid, Grid((3, 3, 3), far), 3).any()


@pytest.mark.parametrize("spacing", [0.9, 1.0, 2.0, 3.7])
def test_resampled_grid_covers_the_same_box(any_grid, spacing):
    grid = resampled_grid(any_grid, spacing)
    assert grid.spacing() == pytest.approx((spacing,) * 3)
    assert grid.axcodes() == any_grid.axcodes()
    old, new = (np.array(g.shape) * g.spacing() for g in (any_grid, grid))
    assert (new >= old - 1e-2).all()
    assert (new < old + spacing).all()
    centres = [g.to_world((np.array([g.shape]) - 1) / 2) for g in (any_grid, grid)]
    np.testing.assert_allclose(*centres, atol=1e-9)


def test_resampling_to_the_same_spacing_changes_nothing(grids, phantom_scan, ctx):
    scan = phantom_scan(grids["oblique"])
    changed, undo = resample.build(resample.Config(1.0))(scan, ctx)
    for name, image in scan.images.items():
        np.testing.assert_array_equal(changed.images[name].data, image.data)
    np.testing.assert_array_equal(changed.lesion.data, scan.lesion.data)
    np.testing.assert_array_equal(changed.labels.data, scan.labels.data)
    np.testing.assert_array_equal(undo.mask(changed.lesion).data, scan.lesion.data)


@pytest.mark.parametrize("order", [0, 1, 3])
def test_step_and_undo_stay_in_place(any_grid, phantom_scan, ctx, order):
    scan = phantom_scan(any_grid)
    step = resample.build(resample.Config(0.8, order))
    changed, undo = step(scan, ctx)
    assert changed.grid.spacing() == pytest.approx((0.8,) * 3)
    assert set(np.unique(changed.labels.data)) <= {0, 1, 2, 3}
    assert changed.lesion.volume_ml() == pytest.approx(scan.lesion.volume_ml(), rel=0.15)
    back = undo.volume(changed.images["T1w"])
    assert back.grid.same_place(any_grid)
    error = back.data - scan.images["T1w"].data
    assert np.sqrt((error**2).mean()) < (60 if order == 0 else 25)
    again = undo.mask(changed.lesion).data
    overlap = 2 * (again & scan.lesion.data).sum() / (again.sum() + scan.lesion.data.sum())
    assert overlap > 0.9


def test_undo_refuses_another_grid(grids, phantom_scan, ctx):
    scan = phantom_scan(grids["RAS"])
    _, undo = resample.build(resample.Config(2.0))(scan, ctx)
    with pytest.raises(GeometryError, match="cannot undo"):
        undo.volume(Volume(scan.images["T1w"].data, scan.grid))
