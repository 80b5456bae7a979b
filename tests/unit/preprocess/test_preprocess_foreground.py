import numpy as np
import pytest
from scipy import ndimage

from brainfill.core.grid import Grid
from brainfill.core.volume import Volume
from brainfill.preprocess.foreground import foreground


def noisy_head(volume, sigma, seed=0):
    """The phantom with a bright scalp, a dark skull below it, and Rician noise everywhere."""
    rng = np.random.default_rng(seed)
    real, imaginary = rng.normal(0, sigma, (2, *volume.data.shape))
    return Volume(np.hypot(volume.data + real, imaginary), volume.grid)


@pytest.mark.parametrize("background", [0, -1000, 37.5])
def test_stripped_is_what_differs_from_the_background(any_grid, phantom, background):
    data = phantom(any_grid).data
    inside = data > 300
    image = Volume(np.where(inside, data - 400, background), any_grid)
    found = foreground(image)
    assert found.dtype == bool
    np.testing.assert_array_equal(found, inside)


def test_holes_in_a_stripped_brain_belong_to_it(grids, phantom, phantom_lesion):
    grid = grids["oblique"]
    data, lesion = phantom(grid).data, phantom_lesion(grid).data
    inside = data > 300
    assert (lesion & inside).sum() == lesion.sum()
    found = foreground(Volume(np.where(inside & ~lesion, data, 0), grid))
    np.testing.assert_array_equal(found, inside)


@pytest.mark.parametrize("scale", [1, 0.01, 50])
def test_noisy_air_is_not_the_head(any_grid, phantom, scale):
    clean = phantom(any_grid)
    noisy = noisy_head(clean, 15)
    found = foreground(Volume(noisy.data * scale, any_grid))
    head = clean.data > 100
    overlap = 2 * (found & head).sum() / (found.sum() + head.sum())
    assert overlap > (0.85 if max(any_grid.spacing()) > 2 else 0.93)


def test_dark_skull_and_zeros_inside_are_part_of_the_head(grids, phantom):
    grid = grids["RAS"]
    clean = phantom(grid)
    deep = ndimage.distance_transform_edt(clean.data > 100)
    skull = (deep > 2.5) & (deep < 4.5)
    larger = Grid(grid.shape, grid.affine @ np.diag([2, 2, 2, 1]))  # scalp and skull of 5 and 4 mm
    found = foreground(noisy_head(Volume(np.where(skull, 0, clean.data), larger), 10))
    assert found[skull].mean() > 0.98


def test_the_faint_edge_of_an_interpolated_brain_belongs_to_it(grids, phantom):
    grid = grids["RAS"]
    data = phantom(grid).data
    inside = data > 400
    edge = ndimage.binary_dilation(inside) & ~inside
    found = foreground(Volume(np.where(inside, data, np.where(edge, 8, 0)), grid))
    np.testing.assert_array_equal(found, inside | edge)


def test_a_bright_spot_in_the_air_is_not_the_head(grids, phantom):
    grid = grids["RAS"]
    larger = Grid(grid.shape, grid.affine @ np.diag([2, 2, 2, 1]))
    data = phantom(grid).data.copy()
    data[:4, :4, :4] = 800
    assert not foreground(noisy_head(Volume(data, larger), 15))[:4, :4, :4].any()


def test_noise_in_a_padded_box_is_air_too(grids, phantom):
    grid = grids["RAS"]
    noisy = noisy_head(phantom(grid), 15).data.copy()
    noisy[:2] = noisy[-2:] = noisy[:, :2] = noisy[:, -2:] = 0
    found = foreground(Volume(noisy, grid))
    head = phantom(grid).data > 100
    assert 2 * (found & head).sum() / (found.sum() + head.sum()) > 0.93


def test_flipping_data_and_affine_together_changes_nothing(grids, phantom):
    noisy = noisy_head(phantom(grids["RAS"]), 15)
    found = foreground(noisy)
    for axis in range(3):
        flipped = foreground(Volume(np.flip(noisy.data, axis), grids["RAS"]))
        np.testing.assert_array_equal(np.flip(flipped, axis), found)


def test_fine_voxels_are_handled_in_blocks(phantom):
    affine = np.diag([0.9, 0.9, 0.9, 1.0])
    affine[:3, 3] = -13
    grid = Grid((30, 31, 29), affine)
    clean = phantom(grid)
    found = foreground(noisy_head(clean, 15))
    head = clean.data > 100
    assert 2 * (found & head).sum() / (found.sum() + head.sum()) > 0.9


def test_a_constant_image_has_no_foreground():
    assert not foreground(Volume(np.full((3, 4, 5), 7.0), Grid((3, 4, 5), np.eye(4)))).any()


def test_one_voxel_is_a_foreground():
    data = np.zeros((5, 5, 5))
    data[2, 2, 2] = 3
    assert foreground(Volume(data, Grid((5, 5, 5), np.eye(4)))).sum() == 1


@pytest.mark.parametrize("value", [-1e4, 0, 1e4])
def test_what_a_hole_holds_decides_nothing(grids, phantom, value):
    grid = grids["RAS"]
    piece = (slice(16, 32),) * 3
    data = phantom(grid).data[piece] + 100
    hole = np.zeros(data.shape, bool)
    hole[4:12, 4:12, 4:12] = True
    small = Grid(data.shape, grid.affine)
    usual = foreground(Volume(data, small), hole)
    odd = foreground(Volume(np.where(hole, value, data), small), hole)
    np.testing.assert_array_equal(odd | hole, usual | hole)


def test_a_hole_may_be_everything_that_is_seen(grids, phantom):
    data = phantom(grids["RAS"]).data
    for hole in (np.ones(data.shape, bool), data > 0):
        assert foreground(Volume(data, grids["RAS"]), hole).any()
