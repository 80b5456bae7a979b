"""Steps on phantoms in every orientation: values and places go there and come back."""

import itertools

import numpy as np
import pytest

from brainfill.core import registry
from brainfill.core.config import from_dict, override
from brainfill.core.errors import ConfigError, DataError, GeometryError
from brainfill.core.grid import Grid
from brainfill.core.volume import Mask, Scan, Volume
from brainfill.preprocess._base import chain
from brainfill.preprocess.steps import clip, crop, pad, reorient, resample

STEPS = "brainfill.preprocess.steps"
CODES = [
    "".join(c) for p in itertools.permutations(("LR", "PA", "IS")) for c in itertools.product(*p)
]


def step_of(module, **settings):
    return module.build(from_dict(module.Config, settings))


def world_values(volume):
    """Values by world position, in an order that does not depend on storage."""
    ijk = np.argwhere(np.ones(volume.grid.shape, bool))
    xyz = np.round(volume.grid.to_world(ijk.astype(float)), 6) + 0.0
    return {tuple(p): v for p, v in zip(xyz, volume.data.reshape(-1), strict=True)}


def stripped(scan):
    """The scan without what lies outside the brain."""
    brain = scan.brain.data
    images = {n: Volume(np.where(brain, v.data, 0), scan.grid) for n, v in scan.images.items()}
    lesion = Mask(scan.lesion.data & brain, scan.grid)
    return Scan(scan.subject, images, lesion, scan.brain, scan.labels)


def assert_same_scan(found, expected):
    assert list(found.images) == list(expected.images)
    for name in expected.images:
        np.testing.assert_array_equal(found.images[name].data, expected.images[name].data)
    for part in ("lesion", "brain", "labels"):
        np.testing.assert_array_equal(getattr(found, part).data, getattr(expected, part).data)


def undone(scan, undo):
    images = {name: undo.volume(image) for name, image in scan.images.items()}
    return Scan(scan.subject, images, undo.mask(scan.lesion), undo.mask(scan.brain))


def assert_undo_is_exact(scan, step, ctx):
    changed, undo = step(scan, ctx)
    back = undone(changed, undo)
    for name, image in scan.images.items():
        np.testing.assert_array_equal(back.images[name].data, image.data)
        assert back.images[name].grid.same_place(image.grid, tol_mm=1e-9)
    np.testing.assert_array_equal(back.lesion.data, scan.lesion.data)
    np.testing.assert_array_equal(back.brain.data, scan.brain.data)
    return changed


def test_the_registry_holds_the_steps():
    assert registry.names(STEPS) == sorted(
        ["clip", "crop", "match", "n4", "pad", "register", "reorient", "resample", "skullstrip"]
    )
    for name in registry.names(STEPS):
        module = registry.load(STEPS, name)
        assert callable(module.build(module.Config()))


def test_every_field_says_what_it_is():
    for name in registry.names(STEPS):
        for field in registry.load(STEPS, name).Config.__dataclass_fields__.values():
            assert field.metadata["help"], f"{name}.{field.name}"


@pytest.mark.parametrize("codes", CODES)
def test_reorient_moves_no_voxel_in_space(codes, grids, phantom_scan, ctx):
    grid = Grid((4, 5, 6), grids["odd"].affine)
    scan = phantom_scan(grid)
    changed = assert_undo_is_exact(scan, step_of(reorient, axcodes=codes), ctx)
    assert changed.grid.axcodes() == codes
    assert world_values(changed.images["T1w"]) == world_values(scan.images["T1w"])
    assert changed.labels.names == scan.labels.names
    assert changed.images["T1w"].data.flags.c_contiguous
    mask = reorient.reoriented_mask(scan.lesion, codes)
    assert mask.grid.axcodes() == codes
    assert world_values(mask) == world_values(scan.lesion)


def test_reorient_and_undo_on_every_grid(any_grid, phantom_scan, ctx):
    scan = phantom_scan(any_grid)
    changed = assert_undo_is_exact(scan, step_of(reorient), ctx)
    assert changed.grid.axcodes() == "RAS"


@pytest.mark.parametrize("codes", ["RAX", "RLS", "RA", "ras", ""])
def test_reorient_refuses_senseless_letters(codes):
    with pytest.raises(ConfigError, match="axcodes"):
        reorient.Config(codes)


@pytest.mark.parametrize(("multiple", "at_least"), [(16, 1), (1, 40), (8, 33), (1, 1)])
def test_pad_and_undo_on_every_grid(any_grid, phantom_scan, ctx, multiple, at_least):
    scan = phantom_scan(any_grid)
    step = step_of(pad, multiple=multiple, at_least=at_least, value=-5.0)
    changed = assert_undo_is_exact(scan, step, ctx)
    for n, m in zip(any_grid.shape, changed.grid.shape, strict=True):
        assert m % multiple == 0
        assert max(n, at_least) <= m < max(n, at_least) + multiple
    there, here = world_values(changed.images["T1w"]), world_values(scan.images["T1w"])
    assert {p: there[p] for p in here} == here
    assert {v for p, v in there.items() if p not in here} <= {-5.0}
    assert changed.lesion.data.sum() == scan.lesion.data.sum()


def test_pad_by_hand(ctx):
    image = Volume(np.arange(3.0).reshape(1, 1, 3), Grid((1, 1, 3), np.eye(4)))
    changed, _ = step_of(pad, multiple=2)(Scan("a", {"T1w": image}), ctx)
    np.testing.assert_array_equal(changed.images["T1w"].data[0, 0], [0, 1, 2, 0])
    np.testing.assert_array_equal(changed.images["T1w"].data[1, 1], 0)
    wider, _ = step_of(pad, multiple=1, at_least=7)(Scan("a", {"T1w": image}), ctx)
    np.testing.assert_array_equal(wider.images["T1w"].data[3, 3], [0, 0, 0, 1, 2, 0, 0])


@pytest.mark.parametrize("around", ["foreground", "brain"])
def test_crop_and_undo_on_every_grid(any_grid, phantom_scan, ctx, around):
    scan = stripped(phantom_scan(any_grid))
    changed = assert_undo_is_exact(scan, step_of(crop, around=around, margin_mm=2), ctx)
    assert np.prod(changed.grid.shape) < np.prod(any_grid.shape)
    here = world_values(scan.images["T1w"])
    assert world_values(changed.images["T1w"]).items() <= here.items()


def test_crop_margin_is_in_millimetres(ctx):
    grid = Grid((20, 20, 20), np.diag([1.0, 2, 3, 1]))
    flags = np.zeros(grid.shape, bool)
    flags[10, 10, 10] = True
    scan = Scan("a", {"T1w": Volume(np.ones(grid.shape), grid)}, Mask(flags, grid))
    changed, undo = step_of(crop, around="lesion", margin_mm=4)(scan, ctx)
    assert changed.grid.shape == (9, 5, 5)
    back = undo.volume(changed.images["T1w"])
    assert back.data.sum() == 9 * 5 * 5  # 0 outside the box
    assert undo.mask(changed.lesion).data[10, 10, 10]


def test_crop_says_what_is_missing(grids, phantom, ctx):
    scan = Scan("sub-7", {"T1w": phantom(grids["RAS"])})
    with pytest.raises(DataError, match="sub-7 around the lesion: it has no lesion mask"):
        step_of(crop, around="lesion")(scan, ctx)
    empty = Mask(np.zeros(scan.grid.shape), scan.grid)
    with pytest.raises(DataError, match="no voxel"):
        step_of(crop, around="brain")(Scan("a", scan.images, brain=empty), ctx)


def test_clip_cuts_at_percentiles_of_the_foreground(any_grid, phantom_scan, ctx):
    scan = stripped(phantom_scan(any_grid))
    changed, undo = step_of(clip, low=5, high=90)(scan, ctx)
    for name, image in scan.images.items():
        inside = image.data[image.data != 0]
        low, high = undo.ranges[name]
        assert (low, high) == pytest.approx(np.percentile(inside, [5, 90]), rel=1e-3)
        expected = np.clip(image.data, np.float32(low), np.float32(high))
        np.testing.assert_array_equal(changed.images[name].data, expected)
        assert undo.volume(image) is image
    assert undo.mask(scan.lesion) is scan.lesion
    assert_same_scan(Scan("a", scan.images, changed.lesion, changed.brain, changed.labels), scan)


def test_clip_of_an_empty_image_changes_nothing(ctx):
    grid = Grid((3, 3, 3), np.eye(4))
    scan = Scan("a", {"T1w": Volume(np.full((3, 3, 3), 7.0), grid)})
    changed, undo = step_of(clip)(scan, ctx)
    assert (changed.images["T1w"].data == 7).all()
    assert undo.ranges["T1w"] == (7, 7)


@pytest.mark.parametrize(("scale", "span"), [("01", (0, 1)), ("pm1", (-1, 1))])
def test_clip_scales_each_contrast_and_undoes_it(any_grid, phantom_scan, ctx, scale, span):
    scan = phantom_scan(any_grid)
    changed, undo = step_of(clip, low=5, high=90, scale=scale)(scan, ctx)
    for name, image in scan.images.items():
        inside = image.data[scan.brain.data]
        assert undo.ranges[name] == pytest.approx(np.percentile(inside, [5, 90]), rel=1e-6)
        found = changed.images[name]
        assert (found.data.min(), found.data.max()) == pytest.approx(span, abs=1e-6)
        back = undo.volume(found, name).data
        np.testing.assert_allclose(back, np.clip(image.data, *undo.ranges[name]), atol=1e-3)
    assert undo.facts["ScaledTo"] == scale


def test_clip_from_zero_divides_by_the_largest(grids, phantom_scan, ctx):
    scan = phantom_scan(grids["RAS"])
    settings = {"low": 0.0, "high": 100.0, "over": "image", "from_zero": True, "scale": "01"}
    changed, _ = step_of(clip, **settings)(scan, ctx)
    before = scan.images["T1w"].data
    expected = np.maximum(before, 0) / before.max()
    np.testing.assert_allclose(changed.images["T1w"].data, expected, atol=1e-6)


def test_crop_to_a_size_pads_where_it_must(any_grid, phantom_scan, ctx):
    scan = phantom_scan(any_grid)
    size = [20, 40, 24]
    changed, undo = step_of(crop, around="image", size=size)(scan, ctx)
    assert changed.grid.shape == tuple(size)
    here, there = world_values(scan.images["T1w"]), world_values(changed.images["T1w"])
    assert {v for p, v in there.items() if p not in here} <= {0}
    assert all(here[p] == v for p, v in there.items() if p in here)
    centres = [
        (g.corners().min(axis=0) + g.corners().max(axis=0)) / 2 for g in (any_grid, changed.grid)
    ]
    assert np.abs(centres[0] - centres[1]).max() <= max(any_grid.spacing())
    back = undo.volume(changed.images["T1w"])
    assert back.grid.same_place(any_grid, tol_mm=1e-9)
    kept = back.data != 0
    np.testing.assert_array_equal(back.data[kept], scan.images["T1w"].data[kept])


def test_crop_around_a_position(grids, phantom_scan, ctx):
    grid = grids["LPS"]
    changed, _ = step_of(crop, size=[5, 7, 9], centre_mm=[2.5, -1.5, 3.5])(phantom_scan(grid), ctx)
    middle = changed.grid.to_world(np.array([[2.0, 3, 4]]))[0]
    assert np.abs(middle - (2.5, -1.5, 3.5)).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("settings", [["around=image"], ["size=[1,2]"], ["centre_mm=[1,2,3]"]])
def test_crop_needs_a_whole_box(settings):
    with pytest.raises(ConfigError, match="size"):
        override(crop.Config(), settings)


def test_settings_are_checked():
    with pytest.raises(ConfigError, match="low must be smaller"):
        clip.Config(50, 50)
    with pytest.raises(ConfigError, match="margin_mm"):
        override(crop.Config(), ["margin_mm=-1"])
    with pytest.raises(ConfigError, match="order"):
        override(resample.Config(), ["order=2"])
    with pytest.raises(ConfigError, match="multiple"):
        override(pad.Config(), ["multiple=0"])


def test_chain_undoes_in_reverse_order(any_grid, phantom_scan, ctx):
    scan = phantom_scan(any_grid)
    steps = [step_of(reorient, axcodes="PIR"), step_of(pad, multiple=7), step_of(pad, at_least=40)]
    changed, undo = chain(steps, scan, ctx)
    assert changed.grid.axcodes() == "PIR"
    back = undone(changed, undo)
    np.testing.assert_array_equal(back.images["FLAIR"].data, scan.images["FLAIR"].data)
    np.testing.assert_array_equal(back.lesion.data, scan.lesion.data)
    assert back.grid.same_place(any_grid, tol_mm=1e-9)


def test_an_empty_chain_changes_nothing(grids, phantom_scan, ctx):
    scan = phantom_scan(grids["LPS"])
    same, undo = chain([], scan, ctx)
    assert same is scan
    assert undo.volume(scan.images["T1w"]) is scan.images["T1w"]


def test_undo_refuses_what_lies_elsewhere(grids, phantom_scan, ctx):
    scan = phantom_scan(grids["LPS"])
    _, undo = step_of(reorient)(scan, ctx)
    with pytest.raises(GeometryError, match="cannot undo the step"):
        undo.volume(scan.images["T1w"])
    with pytest.raises(GeometryError, match="cannot undo the step"):
        undo.mask(scan.lesion)


def test_steps_leave_their_input_alone_and_forget_its_file(any_grid, phantom_scan, ctx):
    scan = phantom_scan(any_grid)
    before = {n: v.data.copy() for n, v in scan.images.items()}
    steps = [step_of(m) for m in (reorient, resample, crop, pad, clip)]
    changed, _ = chain(steps, scan, ctx)
    for name, data in before.items():
        np.testing.assert_array_equal(scan.images[name].data, data)
        assert changed.images[name].source is None
