"""The diffusion filler with tiny untrained models: crops, samples, memory, orientation."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage

from brainfill.bundles.store import Card, save_bundle
from brainfill.core.companion import Companion
from brainfill.core.context import Context
from brainfill.core.errors import BrainfillError, ConfigError, UnavailableError
from brainfill.core.grid import Grid
from brainfill.core.volume import Mask, Volume
from brainfill.fillers.diffusion import Config, _unknown_to_all, build
from brainfill.models import memory3d
from brainfill.models._inpainter import Inpainter
from brainfill.nets.unet import UNet


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A tiny model that changes its harmonic first fill by noise of its own."""
    torch.manual_seed(0)
    inpainter = memory3d.build(replace(memory3d.PRESETS["tiny"], first_fill="harmonic"))
    weights = {n: p + 0.05 * torch.randn_like(p) for n, p in inpainter.net.named_parameters()}
    folder = tmp_path_factory.mktemp("model")
    save_bundle(folder, inpainter, weights, Card(name="tiny", family="memory3d", steps=2), "")
    return str(folder)


def fill(model, image, hole, ctx=None, **options):
    return build(Config(model=model, margin_mm=5.0, **options))(image, hole, ctx or Context())


def test_the_hole_is_never_read(model, grids, phantom, phantom_lesion):
    grid = grids["oblique"]
    image, hole = phantom(grid), phantom_lesion(grid)
    poisoned = Volume(np.where(hole.data, -5e5, image.data).astype(np.float32), grid)
    values = [fill(model, v, hole).values[hole.data] for v in (image, poisoned)]
    np.testing.assert_array_equal(*values)


def test_the_fill_does_not_depend_on_how_the_scan_is_stored(model, grids, phantom, phantom_lesion):
    sums = {}
    for name in ("RAS", "LAS", "LPS"):
        grid = grids[name]
        hole = phantom_lesion(grid)
        values = fill(model, phantom(grid), hole).values[hole.data]
        world = np.round(grid.to_world(np.argwhere(hole.data).astype(float)), 3)
        sums[name] = values[np.lexsort(world.T)]
    np.testing.assert_allclose(sums["LAS"], sums["RAS"], rtol=1e-4)
    np.testing.assert_allclose(sums["LPS"], sums["RAS"], rtol=1e-4)


def test_fills_stay_within_the_range_of_what_is_known(model, any_grid, phantom, phantom_lesion):
    image, hole = phantom(any_grid), phantom_lesion(any_grid)
    values = fill(model, image, hole).values[hole.data]
    assert np.isfinite(values).all()
    assert image.data.min() <= values.min() <= values.max() <= image.data.max()


def test_samples_their_mean_and_their_spread(model, grids, phantom, phantom_lesion):
    grid = grids["RAS"]
    image, hole = phantom(grid), phantom_lesion(grid)
    options = {"match_ring": False}
    one = fill(model, image, hole, samples=1, **options)
    assert one.sd is None
    four = fill(model, image, hole, samples=4, **options)
    assert four.sd[hole.data].min() > 0
    assert not four.sd[~hole.data].any()
    first = fill(model, image, hole, samples=4, aggregate="first", **options)
    np.testing.assert_allclose(first.values, one.values, rtol=1e-4, atol=1e-3)
    assert four.facts["Samples"] == 4


def test_the_seed_decides(model, grids, phantom, phantom_lesion):
    grid = grids["RAS"]
    image, hole = phantom(grid), phantom_lesion(grid)
    one, same, other = (fill(model, image, hole, Context(seed=s)).values for s in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one[hole.data] != other[hole.data]).any()


def test_facts_say_what_was_used(model, grids, phantom, phantom_lesion):
    grid = grids["RAS"]
    facts = fill(model, phantom(grid), phantom_lesion(grid), sampler="heun", steps=3).facts
    assert facts["Model"]["name"] == "tiny"
    assert len(facts["Model"]["sha256"]) == 64
    assert (facts["Sampler"], facts["Steps"], facts["Samples"], facts["Crops"]) == ("heun", 3, 0, 1)
    assert facts["Quality"] == "balanced"


@pytest.mark.parametrize(
    ("options", "calls"),
    [
        ({"sampler": "heun", "grid": "karras", "steps": 18}, 35),
        ({"sampler": "ddpm", "grid": "vp", "steps": 2}, 2),
        ({"sampler": "consistency", "ratios": (80.0, 0.7)}, 2),
    ],
)
def test_any_walk_fills(model, grids, phantom, phantom_lesion, monkeypatch, options, calls):
    asked, forward = [], UNet.forward
    monkeypatch.setattr(
        UNet, "forward", lambda net, *inputs: asked.append(inputs[1]) or forward(net, *inputs)
    )
    grid = grids["RAS"]
    image, hole = phantom(grid), phantom_lesion(grid)
    filling = fill(model, image, hole, samples=1, **options)
    assert len(asked) == calls * filling.facts["Crops"]
    assert filling.facts["Steps"] == options.get("steps", 2)
    assert np.isfinite(filling.values[hole.data]).all()
    own = fill(model, image, hole, samples=1)
    assert not np.array_equal(filling.values[hole.data], own.values[hole.data])


@pytest.fixture
def scarce(monkeypatch):
    """Memory for batches of a given size only."""
    original = Inpainter.sample

    def allow(most):
        def sample(self, first, *rest, **named):
            if len(first) > most:
                msg = "CUDA out of memory. Tried to allocate 20.00 GiB"
                raise RuntimeError(msg)
            return original(self, first, *rest, **named)

        monkeypatch.setattr(Inpainter, "sample", sample)

    return allow


def test_out_of_memory_halves_the_batch_until_it_fits(
    model, grids, phantom, phantom_lesion, scarce
):
    grid = grids["RAS"]
    image, hole = phantom(grid), phantom_lesion(grid)
    plenty = fill(model, image, hole, samples=5, batch=4)
    scarce(1)
    said = []
    tight = fill(model, image, hole, Context(warn=said.append), samples=5, batch=4)
    assert said == [
        f"out of memory on cpu: drawing {n} samples at a time from here on" for n in (2, 1)
    ]
    np.testing.assert_allclose(tight.values, plenty.values, rtol=1e-4, atol=1e-3)


def test_memory_for_not_even_one_sample_is_an_error(model, grids, phantom, phantom_lesion, scarce):
    scarce(0)
    grid = grids["RAS"]
    with pytest.raises(BrainfillError, match="not enough memory on cpu for one crop of"):
        fill(model, phantom(grid), phantom_lesion(grid))


def test_other_errors_are_not_taken_for_lack_of_memory(
    model, grids, phantom, phantom_lesion, monkeypatch
):
    def sample(*_, **__):
        msg = "mat1 and mat2 shapes cannot be multiplied"
        raise RuntimeError(msg)

    monkeypatch.setattr(Inpainter, "sample", sample)
    grid = grids["RAS"]
    with pytest.raises(RuntimeError, match="mat1"):
        fill(model, phantom(grid), phantom_lesion(grid))


def test_unknown_models_are_named(grids, phantom, phantom_lesion):
    grid = grids["RAS"]
    with pytest.raises(UnavailableError, match="no model 't9-fill'"):
        fill("t9-fill", phantom(grid), phantom_lesion(grid))


def test_many_lesions_are_all_filled(model):
    data = np.random.default_rng(0).normal(500, 20, (60, 60, 60)).astype(np.float32)
    grid = Grid(data.shape, np.eye(4))
    hole = np.zeros(data.shape, bool)
    hole[3::6, 3::6, 3::6] = True
    filling = fill(model, Volume(data, grid), Mask(hole, grid), steps=1)
    assert hole.sum() == 1000
    assert (np.abs(filling.values[hole] - 500) < 150).all()


def test_draws_have_the_grain_of_tissue_and_the_best_guess_has_not(tmp_path):
    inpainter = memory3d.build(replace(memory3d.PRESETS["tiny"], first_fill="patch"))
    weights = dict(inpainter.net.named_parameters())  # untrained: nothing is corrected
    save_bundle(tmp_path, inpainter, weights, Card(name="grainy", family="memory3d", steps=1), "")
    data = np.random.default_rng(0).normal(1000, 40, (30, 30, 30)).astype(np.float32)
    grid = Grid(data.shape, np.eye(4))
    ball = np.linalg.norm(np.indices(data.shape) - 15, axis=0) <= 4
    image, hole = Volume(data, grid), Mask(ball, grid)
    guess, draw, more = (
        fill(str(tmp_path), image, hole, samples=n, aggregate="first", match_ring=False)
        for n in (0, 1, 3)
    )
    assert guess.values[ball].std() < 15
    assert 30 < draw.values[ball].std() < 50
    np.testing.assert_array_equal(draw.values, more.values)
    assert 25 < more.sd[ball].mean() < 50


def test_each_quality_is_a_fill_of_its_own_and_draws_know_none(tmp_path):
    inpainter = memory3d.build(replace(memory3d.PRESETS["tiny"], first_fill="patch"))
    weights = dict(inpainter.net.named_parameters())
    save_bundle(tmp_path, inpainter, weights, Card(family="memory3d", steps=1), "")
    rng = np.random.default_rng(0)
    data = np.where(np.indices((32, 32, 32))[0] > 15, 1200, 900) + rng.normal(0, 60, (32, 32, 32))
    grid = Grid(data.shape, np.eye(4))
    ball = np.linalg.norm(np.indices(data.shape) - 15, axis=0) <= 4
    image, hole = Volume(data.astype(np.float32), grid), Mask(ball, grid)

    def error(quality, **options):
        values = fill(str(tmp_path), image, hole, quality=quality, **options).values
        return float(
            np.abs(values - np.where(np.indices(data.shape)[0] > 15, 1200, 900))[ball].mean()
        )

    fast, balanced, best = (error(q) for q in ("fast", "balanced", "best"))
    assert len({fast, balanced, best}) == 3
    assert best < fast
    assert error("fast", samples=1) == error("best", samples=1)


def two_sided_head():
    """A brain whose sides are alike, in noise, and a large hole in one side."""
    x, y, z = np.indices((72, 64, 60)) - np.array([35.5, 31.5, 29.5])[:, None, None, None]
    pattern = 1000 + 250 * np.sin(np.abs(x) / 4) * np.cos(y / 5) * np.cos(z / 6)
    brain = (x / 33) ** 2 + (y / 29) ** 2 + (z / 27) ** 2 < 1
    noise = np.random.default_rng(0).normal(0, 10, x.shape)
    truth = np.where(brain, pattern + noise, 0).astype(np.float32)
    hole = (x - 14) ** 2 + y**2 + z**2 < 13**2
    return Volume(truth, Grid(truth.shape, np.eye(4))), hole


def test_the_inside_of_a_large_hole_is_what_the_other_side_shows(tmp_path):
    inpainter = memory3d.build(replace(memory3d.PRESETS["tiny"], first_fill="patch"))
    weights = dict(inpainter.net.named_parameters())
    save_bundle(tmp_path, inpainter, weights, Card(family="memory3d", steps=1), "")
    image, hole = two_sided_head()
    damaged = Volume(np.where(hole, 0, image.data), image.grid)

    def error(samples):
        options = {"quality": "fast", "samples": samples}
        values = build(Config(model=str(tmp_path), **options))(
            damaged, Mask(hole, image.grid), Context()
        ).values
        deep = ndimage.distance_transform_edt(hole) > 6
        return float(np.abs(values - image.data)[deep].mean())

    # Patches alone do not know what is there.
    assert error(samples=0) < 0.6 * error(samples=1)


def test_small_holes_are_filled_without_a_look_at_the_other_side(
    model, grids, phantom, phantom_lesion, monkeypatch
):
    def reflection(*_):
        pytest.fail("looked at the other side")

    monkeypatch.setattr("brainfill.fillers.diffusion.reflection", reflection)
    grid = grids["RAS"]
    fill(model, phantom(grid), phantom_lesion(grid))


def test_only_what_no_image_of_the_person_shows_is_guessed(grids):
    grid = grids["RAS"]
    hole, left = np.zeros(grid.shape, bool), np.zeros(grid.shape, bool)
    hole[5:15, 5:15, 5:15], left[:10] = True, True
    image = Volume(np.zeros(grid.shape, np.float32), grid)
    half = Companion("visit 2", image, Mask(left, grid))
    mask = Mask(hole, grid)
    np.testing.assert_array_equal(_unknown_to_all(mask, []), hole)
    np.testing.assert_array_equal(_unknown_to_all(mask, [half]), hole & ~left)
    other = Companion("visit 3", image, Mask(~left, grid))
    assert not _unknown_to_all(mask, [half, other]).any()


def test_a_model_that_does_not_begin_with_patches_refuses_other_images(model, grids, phantom):
    grid = grids["RAS"]
    image = phantom(grid)
    hole = np.zeros(grid.shape, bool)
    hole[12:15, 12:15, 12:15] = True
    other = Companion("visit 2", image, Mask(~hole, grid))
    with pytest.raises(ConfigError, match="has no use for other images"):
        build(Config(model=model), [other])(image, Mask(hole, grid), Context())


def walking(model, folder, walk):
    """The model with a walk of its own on its card."""
    shutil.copytree(model, folder)
    card = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(card | {"walk": walk}))
    return str(folder)


def test_a_model_walks_as_its_card_says(model, tmp_path, grids, phantom, phantom_lesion):
    grid = grids["RAS"]
    image, hole = phantom(grid), phantom_lesion(grid)
    options = {"sampler": "ddpm", "steps": 3, "samples": 1}
    plain = fill(model, image, hole, **options)
    assert "Walk" not in plain.facts
    ends = fill(walking(model, tmp_path / "ends", {"last_x0_steps": 2}), image, hole, **options)
    assert ends.facts["Walk"] == {"last_x0_steps": 2}
    assert not np.array_equal(ends.values[hole.data], plain.values[hole.data])
    none = fill(walking(model, tmp_path / "none", {"last_x0_steps": 0}), image, hole, **options)
    np.testing.assert_array_equal(none.values, plain.values)


def test_levels_that_are_asked_for_take_the_place_of_those_of_the_card(
    model, tmp_path, grids, phantom, phantom_lesion
):
    grid = grids["RAS"]
    image, hole = phantom(grid), phantom_lesion(grid)
    card = {"ratios": [80.0, 2.0], "sampler_options": {"eta": 1.0}}
    vp = walking(model, tmp_path / "vp", card)
    assert fill(vp, image, hole, samples=1).facts["Walk"] == card
    asked = fill(vp, image, hole, samples=1, grid="karras")
    assert asked.facts["Walk"] == card | {"grid": "karras", "ratios": []}
    plain = fill(model, image, hole, samples=1, grid="karras", sampler_options={"eta": 1.0})
    np.testing.assert_array_equal(asked.values[hole.data], plain.values[hole.data])


def test_a_walk_that_nobody_knows_is_refused(model, tmp_path, grids, phantom, phantom_lesion):
    grid = grids["RAS"]
    odd = walking(model, tmp_path / "odd", {"last_x_steps": 2})
    with pytest.raises(ConfigError, match="unknown setting 'walk of model 'tiny': last_x_steps'"):
        fill(odd, phantom(grid), phantom_lesion(grid))
