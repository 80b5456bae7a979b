"""Regions read from a coarse grid on any fine one, and their sides by the nearest white matter."""

import numpy as np
import pytest
import torch
from handmade_networks import bundle_of, save_tiny

from brainfill.core.errors import ConfigError, UnavailableError
from brainfill.core.grid import Grid
from brainfill.core.volume import LabelMap, Mask, Volume
from brainfill.preprocess.registration import Registration
from brainfill.preprocess.transforms import linear_transform
from brainfill.thickness import parcels as module
from brainfill.thickness.parcels import Parcels, left_half, numbered, parcels
from brainfill.thickness.regions import CLASSES, DEEP, FIRST, HINDBRAIN, load_names, region_names

COARSE = Grid(
    (8, 8, 6), np.array([[3.0, 0, 0, -10.5], [0, 3, 0, -10.5], [0, 0, 3, -7.5], [0, 0, 0, 1]])
)


def moved_by(x_mm):
    """A scan that lies this far to the right of the template."""
    matrix = np.eye(4)
    matrix[0, 3] = x_mm
    return Registration(linear_transform(matrix), linear_transform(np.linalg.inv(matrix)))


def positions(grid):
    return grid.to_world(np.argwhere(np.ones(grid.shape, bool)).astype(float))


def octant(xyz):
    """One class for each eighth of space, 1 to 8."""
    return 1 + (xyz > 0) @ [1, 2, 4]


def test_planted_shares_are_read_on_any_grid(any_grid):
    planted = octant(positions(COARSE)).reshape(COARSE.shape)
    shares = np.stack([planted == k for k in range(1, 9)]).astype(np.float32)
    inside = np.random.default_rng(0).random(any_grid.shape) < 0.7
    found = Parcels(COARSE, shares).classes(Mask(inside, any_grid))
    assert found.grid is any_grid
    assert not found.data[~inside].any()
    xyz = positions(any_grid)
    wanted = octant(xyz).reshape(any_grid.shape)
    # Between planes of the coarse grid shares change evenly, so that the border is where it was planted; beyond the
    # ends of the coarse grid its last voxel goes on.
    sure = (np.abs(xyz).min(axis=1) > 0.01).reshape(any_grid.shape)
    np.testing.assert_array_equal(found.data[inside & sure], wanted[inside & sure])
    assert len(np.unique(found.data[inside])) == 8


def test_within_the_mask_there_is_no_background(grids):
    grid = grids["LAS"]
    shares = np.zeros((2, *COARSE.shape), np.float32)
    found = Parcels(COARSE, shares).classes(Mask(np.ones(grid.shape, bool), grid))
    assert found.data.min() >= 1


def test_classes_are_named(grids):
    shares = np.ones((1, *COARSE.shape), np.float32)
    grid = grids["RAS"]
    names = Parcels(COARSE, shares).classes(Mask(np.ones(grid.shape, bool), grid)).names
    assert (names[DEEP], names[HINDBRAIN]) == ("deep", "hindbrain")
    assert names[FIRST] == region_names()[0]
    assert len(names) == FIRST + 49


def touching(grid, middle_mm=0.0):
    """Two cortices that touch 3 mm right of the middle, on white matter 5 mm from that border."""
    x = positions(grid)[:, 0].reshape(grid.shape) - middle_mm
    inner = (np.abs(x - 3) > 5) & (np.abs(x) < 12)
    cortex = (np.abs(x) < 12) & ~inner
    return Mask(inner, grid), LabelMap(np.where(cortex, FIRST + 4, DEEP), grid), x


@pytest.mark.parametrize("name", ["RAS", "LAS", "PSR", "oblique", "anisotropic"])
def test_cortex_is_on_the_side_of_the_nearest_white_matter(grids, ctx, name):
    grid = grids[name]
    inner, classes, x = touching(grid)
    labels = numbered(classes, left_half(inner, moved_by(0), ctx))
    region = region_names()[4]
    label = {n.hemisphere: k for k, n in load_names().items() if n.region == region}
    cortex = classes.data >= FIRST
    sure = cortex & (np.abs(x - 3) > 1.5)
    assert (sure & (x < 3) & (x > 0)).any(), "some of the left cortex lies right of the middle"
    np.testing.assert_array_equal(labels.data[sure & (x < 3)], label["left"])
    np.testing.assert_array_equal(labels.data[sure & (x > 3)], label["right"])
    assert not labels.data[~cortex].any()
    assert labels.names[label["left"]] == f"left {region}"


@pytest.mark.parametrize("x_mm", [-20, 30])
def test_the_middle_is_that_of_the_template(grids, ctx, x_mm):
    affine = grids["LAS"].affine.copy()
    affine[0, 3] += x_mm
    inner, classes, _ = touching(Grid(grids["LAS"].shape, affine), x_mm)
    here = numbered(classes, left_half(inner, moved_by(x_mm), ctx))
    inner, classes, _ = touching(grids["LAS"])
    np.testing.assert_array_equal(
        here.data, numbered(classes, left_half(inner, moved_by(0), ctx)).data
    )


@pytest.mark.parametrize("sign", [1, -1])
def test_every_label_can_be_reached(ctx, sign):
    # White matter, cortex, cortex, white matter from one side to the other; a region in each row.
    affine = np.diag([sign * 4.0, 1, 1, 1])
    affine[:3, 3] = (-sign * 6, -24, 0)
    grid = Grid((4, 49, 1), affine)
    inner = np.zeros(grid.shape, bool)
    inner[[0, 3]] = True
    rows = np.broadcast_to(np.arange(49)[None, :, None], grid.shape)
    classes = LabelMap(np.where(inner, DEEP, FIRST + rows), grid)
    labels = numbered(classes, left_half(Mask(inner, grid), moved_by(0), ctx)).data
    assert set(np.unique(labels)) == {0, *load_names()}
    for side, row in (("left", 1 if sign == 1 else 2), ("right", 2 if sign == 1 else 1)):
        found = [load_names()[k] for k in labels[row, :, 0]]
        assert {n.hemisphere for n in found} == {side}
        assert tuple(n.region for n in found) == region_names()


@pytest.mark.parametrize("number", [0, DEEP, HINDBRAIN])
def test_without_cortex_there_is_no_label(grids, ctx, number):
    grid = grids["RAS"]
    inner, _, _ = touching(grid)
    classes = LabelMap(np.full(grid.shape, number), grid)
    assert not numbered(classes, left_half(inner, moved_by(0), ctx)).data.any()


def test_without_white_matter_the_middle_decides(grids, ctx):
    grid = grids["RAS"]
    _, classes, x = touching(grid)
    nowhere = Mask(np.zeros(grid.shape, bool), grid)
    labels = numbered(classes, left_half(nowhere, moved_by(0), ctx)).data
    names = load_names()
    cortex = classes.data >= FIRST
    left = np.isin(labels, [k for k, n in names.items() if n.hemisphere == "left"])
    np.testing.assert_array_equal(left[cortex], x[cortex] < 0)


def test_a_network_gives_shares_around_the_brain(grids, phantom, ctx, monkeypatch):
    classes = (*CLASSES, *region_names())
    rank = torch.arange(1.0, len(classes))[:, None, None, None]

    def one_class(x):
        return 30 - 20 * (rank - 7).abs() + 0 * x

    bundle = bundle_of(one_class, classes, 2.0, (8, 8, 8))
    monkeypatch.setattr(module, "_loaded", lambda model: bundle)
    grid = grids["oblique"]
    brain = Mask(phantom(grid).data > 500, grid)
    found = parcels(phantom(grid), brain, "regions", ctx)
    assert found.shares.shape == (len(classes) - 1, *found.grid.shape)
    assert found.grid.axcodes() == "RAS"
    assert set(np.unique(found.classes(brain).data[brain.data])) == {7}


def test_a_model_of_other_classes_is_refused(grids, phantom, ctx, tmp_path):
    image = phantom(grids["RAS"])
    brain = Mask(image.data > 500, image.grid)
    model = str(save_tiny(tmp_path / "tiny"))
    with pytest.raises(ConfigError, match="does not tell 51 parts of the brain apart"):
        parcels(image, brain, model, ctx)
    with pytest.raises(UnavailableError, match="no model"):
        parcels(Volume(image.data, image.grid), brain, str(tmp_path), ctx)
