"""N4 on a shaded phantom: the shading goes, and comes back."""

from types import SimpleNamespace

import numpy as np
import pytest

from brainfill.core.errors import DataError
from brainfill.core.grid import Grid
from brainfill.core.volume import Mask, Scan, Volume
from brainfill.preprocess.steps import n4, pad


def shading(grid):
    ijk = np.argwhere(np.ones(grid.shape, bool)).astype(float)
    return np.exp(0.005 * grid.to_world(ijk)[:, 0]).reshape(grid.shape)


def two_tissues(grid, inside):
    """Blocks of 400 and 700 of some 2 cm; N4 looks for the field that makes tissues even."""
    xyz = grid.to_world(np.argwhere(np.ones(grid.shape, bool)).astype(float))
    bright = (np.sin(0.15 * xyz).prod(axis=1) > 0).reshape(grid.shape)
    return Volume(np.where(inside, np.where(bright, 700, 400), 0), grid)


@pytest.fixture
def shaded(brain, brain_grid):
    clean = two_tissues(brain_grid, brain(brain_grid).data > 0)
    image = Volume(clean.data * shading(brain_grid), brain_grid)
    return clean, Scan("sub-01", {"T1w": image}, brain=Mask(clean.data > 0, brain_grid))


def spread(image, clean):
    inside = clean.data > 0
    ratio = image.data[inside] / clean.data[inside]
    return float(ratio.std() / ratio.mean())


def test_the_shading_goes_and_comes_back(shaded, ctx):
    clean, scan = shaded
    changed, undo = n4.build(n4.Config())(scan, ctx)
    assert spread(scan.images["T1w"], clean) > 0.12
    assert spread(changed.images["T1w"], clean) < 0.03
    back = undo.volume(changed.images["T1w"])
    np.testing.assert_allclose(back.data, scan.images["T1w"].data, rtol=1e-5)
    assert undo.mask(scan.brain) is scan.brain
    assert back.grid.same_place(scan.grid)
    low, high = undo.facts["BiasFieldRange"]["T1w"]
    assert 0 < low < 1 < high


def test_the_lesion_does_not_bend_the_field(brain, brain_grids, ctx):
    grid = brain_grids["RAS"]
    image = brain(grid)
    ijk = np.argwhere(np.ones(grid.shape, bool)).astype(float)
    lesion = (np.linalg.norm(grid.to_world(ijk) - (35, 0, 0), axis=1) < 25).reshape(grid.shape)
    spoilt = Volume(np.where(lesion, 20, image.data), grid)
    inside = Mask(image.data > 0, grid)
    step = n4.build(n4.Config())

    def field(lesion_mask, volume):
        _, undo = step(Scan("a", {"T1w": volume}, lesion_mask, inside), ctx)
        return undo.fields["T1w"].data

    without = field(Mask(lesion, grid), spoilt)
    np.testing.assert_array_equal(without, field(Mask(lesion, grid), image))
    assert np.abs(field(None, spoilt) / without - 1)[inside.data].max() > 0.05


def test_empty_space_around_the_brain_changes_nothing(shaded, ctx):
    _, scan = shaded
    step = n4.build(n4.Config())
    wider, away = pad.build(pad.Config(multiple=1, at_least=64))(scan, ctx)
    field, far = (step(s, ctx)[1].fields["T1w"] for s in (scan, wider))
    inside = scan.brain.data
    np.testing.assert_array_equal(away.volume(far).data[inside], field.data[inside])
    # Beyond the box around the brain, the field is that of the nearest voxel of the box.
    box = wider.grid.box_around(wider.brain.data, 5)
    x, y, z = (
        np.clip(np.arange(n), a, b - 1)
        for n, a, b in zip(wider.grid.shape, box.start, box.stop, strict=True)
    )
    np.testing.assert_array_equal(far.data, far.data[np.ix_(x, y, z)])
    changed, undo = step(wider, ctx)
    back = undo.volume(changed.images["T1w"]).data
    np.testing.assert_allclose(back, wider.images["T1w"].data, rtol=1e-6)


@pytest.mark.parametrize(
    ("spacing_mm", "every"), [(0.5, 8), (0.67, 6), (1, 4), (2, 4), ((0.5, 0.5, 3), 4)]
)
def test_small_voxels_are_looked_at_every_so_many_millimetres(monkeypatch, ctx, spacing_mm, every):
    asked = []

    class Ants:
        from_numpy = staticmethod(lambda data, **place: data)

        @staticmethod
        def n4_bias_field_correction(image, **settings):
            asked.append(settings["shrink_factor"])
            return SimpleNamespace(numpy=lambda: np.ones_like(image))

    monkeypatch.setattr(n4, "load_ants", lambda ctx: Ants)
    grid = Grid((64, 64, 64), np.diag([*np.broadcast_to(spacing_mm, 3), 1]))
    image = Volume(np.random.default_rng(0).uniform(50, 100, grid.shape), grid)
    n4.build(n4.Config())(Scan("a", {"T1w": image}, brain=Mask(np.ones(grid.shape), grid)), ctx)
    assert asked == [every]


@pytest.mark.parametrize("shift", [0, -2000])
def test_a_brain_that_shows_background_only_is_refused(brain, brain_grids, ctx, shift):
    grid = brain_grids["RAS"]
    shown = brain(grid).data
    image = Volume(shown + shift, grid)
    scan = Scan("sub-3", {"T1w": image}, brain=Mask(shown == 0, grid))
    with pytest.raises(DataError, match=r"'sub-3'.*no voxel"):
        n4.build(n4.Config())(scan, ctx)


def test_settings_have_ranges():
    with pytest.raises(Exception, match="shrink must be between"):
        n4.Config(shrink=0)
