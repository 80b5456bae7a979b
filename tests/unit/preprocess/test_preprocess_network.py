"""A network on a part of an image: its axes, its grid, its brightness, and what it lacks."""

import numpy as np
import pytest
import torch
from handmade_networks import bundle_of, same_as_image, save_tiny

from brainfill.bundles.store import WEIGHTS
from brainfill.core.grid import Grid
from brainfill.core.volume import Mask, Volume
from brainfill.preprocess.network import grid_around, lacking, shares_of, shown_on
from brainfill.preprocess.steps.reorient import reoriented_grid


def some(shape, seed=0):
    return np.random.default_rng(seed).uniform(0.1, 0.9, shape).astype(np.float32)


def test_what_the_network_answers_comes_back_in_the_order_of_the_image(ctx):
    shown = some((5, 7, 9))
    bundle = bundle_of(same_as_image)
    (share,) = shares_of(bundle, shown, ctx)
    np.testing.assert_allclose(share, shown, atol=1e-6)
    # Inferior to superior, left to right, posterior to anterior.
    assert bundle.model.net.saw == (1, 1, 9, 5, 7)


def test_every_class_but_the_first_has_its_share(ctx):
    shown = some((4, 5, 6))

    def half_each(x):
        return torch.log(torch.cat([0.25 * x, 0.75 * x], dim=1) / (1 - x))

    found = shares_of(bundle_of(half_each, ("nothing", "a", "b")), shown, ctx)
    np.testing.assert_allclose(found, np.stack([0.25 * shown, 0.75 * shown]), atol=1e-6)


@pytest.mark.parametrize("axcodes", ["RAS", "LAS", "PSR", "ILA"])
def test_what_is_shown_does_not_depend_on_the_order_of_the_axes(axcodes):
    grid = Grid((8, 9, 10), np.diag([2.0, 1, 1.5, 1]))
    values = 100 * some(grid.shape)
    straight = shown_on(Volume(values, grid), grid)
    assert (straight.min(), straight.dtype) == (0, np.float32)
    assert 1 <= straight.max() <= 1.5
    assert np.corrcoef(straight.ravel(), values.ravel())[0, 1] > 0.99
    turned = reoriented_grid(grid, axcodes)
    places = np.rint(grid.to_index(turned.to_world(np.argwhere(np.ones(turned.shape))))).astype(int)
    there = Volume(values[tuple(places.T)].reshape(turned.shape), turned)
    np.testing.assert_array_equal(shown_on(there, grid), straight)


def test_beyond_the_ends_of_the_image_nothing_is_shown():
    grid = Grid((6, 6, 6), np.eye(4))
    wide = Grid((16, 16, 16), np.eye(4) + np.pad([[-5.0]] * 3, ((0, 1), (3, 0))))
    found = shown_on(Volume(1 + some(grid.shape), grid), wide)
    inside = np.zeros(wide.shape, bool)
    inside[5:11, 5:11, 5:11] = True
    assert not found[~inside].any()
    assert found[inside].all()


def test_the_grid_lies_around_the_brain_with_a_margin(any_grid, phantom):
    brain = Mask(phantom(any_grid).data > 650, any_grid)
    bundle = bundle_of(same_as_image, spacing_mm=2, crop_vox=(4, 4, 4))
    found = grid_around(brain, bundle, 3)
    assert found.axcodes() == "RAS"
    np.testing.assert_allclose(found.spacing(), 2)
    places = found.to_index(any_grid.to_world(np.argwhere(brain.data).astype(float)))
    last = np.array(found.shape) - 1
    assert (places.min(axis=0) >= 3 - 1).all()
    assert (places.max(axis=0) <= last - 3 + 1).all()
    # Larger voxels show some more of it.
    assert (places.min(axis=0) <= 3 + 3).all()
    assert (places.max(axis=0) >= last - 3 - 3).all()


def test_the_grid_is_no_smaller_than_a_training_crop(any_grid):
    brain = np.zeros(any_grid.shape, bool)
    brain[10:13, 11:13, 4:6] = True
    bundle = bundle_of(same_as_image, spacing_mm=2, crop_vox=(31, 40, 51))
    found = grid_around(Mask(brain, any_grid), bundle, 1)
    d, h, w = 31, 40, 51
    assert all(n >= m for n, m in zip(found.shape, (h, w, d), strict=True))
    assert all(n <= m + 1 for n, m in zip(found.shape, (h, w, d), strict=True))
    middle = found.to_index(any_grid.to_world(np.argwhere(brain).mean(axis=0)[None]))[0]
    np.testing.assert_allclose(middle, (np.array(found.shape) - 1) / 2, atol=1.5)


def test_what_is_missing_is_said(tmp_path):
    assert "no model 'none'" in lacking("none")
    folder = save_tiny(tmp_path / "tiny")
    assert lacking(str(folder)) == ""
    (folder / WEIGHTS).unlink()
    assert lacking(str(folder)) == f"weights of model '{folder}': '{folder / WEIGHTS}'"
