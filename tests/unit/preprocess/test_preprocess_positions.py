"""Positions through transforms agree with closed forms and with images carried by ANTs."""

import numpy as np
import pytest

from brainfill.core.errors import DataError
from brainfill.core.grid import Box
from brainfill.preprocess._ants import load_ants, to_ants
from brainfill.preprocess.positions import positions
from brainfill.preprocess.transforms import Transform, carry, linear_transform

ONE = np.array([[1.03, 0.1, 0, 4], [-0.1, 1.02, 0.03, -3], [0, -0.03, 0.98, 2], [0, 0, 0, 1]])
TWO = np.diag([1.1, 0.9, 1.0, 1.0])


def world(grid):
    return grid.to_world(np.indices(grid.shape).reshape(3, -1).T.astype(float))


def inside(xyz, grid):
    index = grid.to_index(xyz)
    return ((index >= -0.5) & (index <= np.array(grid.shape) - 0.5)).all(axis=1)


@pytest.fixture
def field(ctx, tmp_path, brain_grids):
    """A smooth field of displacements on a grid, as ANTs writes it, and the displacement in RAS."""
    ants = load_ants(ctx)
    grid = brain_grids["oblique"]
    xyz = world(grid)
    shift = np.stack(
        [4 * np.sin(xyz[:, 1] / 40), 3 * np.cos(xyz[:, 0] / 50), xyz[:, 2] / 30], axis=1
    )
    lps = (shift * [-1, -1, 1]).reshape(*grid.shape, 3)
    like = to_ants(ants, np.zeros(grid.shape), grid)
    image = ants.from_numpy(
        lps.astype(np.float32),
        origin=like.origin,
        spacing=like.spacing,
        direction=like.direction,
        has_components=True,
    )
    ants.image_write(image, str(tmp_path / "field.nii.gz"))
    return Transform.load(tmp_path / "field.nii.gz"), grid, shift


def test_matrices_are_gone_through_first_one_first(ctx, brain_grid, brain_grids):
    other = brain_grids["RAS"]
    found = positions(brain_grid, other, [linear_transform(ONE), linear_transform(TWO)], ctx)
    expected = world(brain_grid) @ (TWO @ ONE)[:3, :3].T + (TWO @ ONE)[:3, 3]
    known = inside(expected, other)
    assert 0.5 < known.mean() < 1
    np.testing.assert_allclose(found.reshape(-1, 3)[known], expected[known], atol=1e-3)
    assert np.isnan(found.reshape(-1, 3)[~known]).all()


def test_without_transforms_positions_are_the_voxels_own(ctx, brain_grids):
    grid = brain_grids["LPS"]
    np.testing.assert_allclose(
        positions(grid, grid, [], ctx).reshape(-1, 3), world(grid), atol=1e-4
    )


def test_a_field_is_read_with_its_axes(ctx, field, brain_grids):
    transform, grid, shift = field
    found = positions(grid, brain_grids["RAS"], [transform], ctx)
    known = np.isfinite(found).all(axis=-1).ravel()
    np.testing.assert_allclose(found.reshape(-1, 3)[known], (world(grid) + shift)[known], atol=1e-3)


@pytest.mark.parametrize("matrix_first", [True, False])
def test_positions_agree_with_images_that_ants_carries(ctx, field, brain_grids, matrix_first):
    """The coordinates of an image, carried over by ANTs, are the positions."""
    transform, _, _ = field
    chain = [linear_transform(ONE), transform]
    chain = chain if matrix_first else chain[::-1]
    grid, other = brain_grids["LAS"], brain_grids["RAS"]
    found = positions(grid, other, chain, ctx)
    known = np.isfinite(found).all(axis=-1)
    # ANTs cuts coordinates off in the outermost half voxel of the image.
    inner = other.crop(Box((1, 1, 1), tuple(n - 1 for n in other.shape)))
    deep = inside(found[known], inner)
    assert deep.mean() > 0.8
    for axis in range(3):
        values = world(other)[:, axis].reshape(other.shape)
        theirs = carry(values, other, grid, chain, "linear", ctx)[known][deep]
        np.testing.assert_allclose(found[known][deep][:, axis], theirs, atol=0.05)


def test_what_is_no_field_is_refused(ctx, brain_grids):
    grid = brain_grids["RAS"]
    with pytest.raises(DataError, match="field"):
        positions(grid, grid, [Transform(".nii.gz", b"no field")], ctx)
