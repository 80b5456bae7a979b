"""Smoothing of stripes in world axes, whatever the orientation and voxel size."""

import numpy as np
import pytest

from brainfill.core.context import Context
from brainfill.core.errors import ConfigError, DataError
from brainfill.core.grid import Grid
from brainfill.core.volume import Mask, Scan, Volume
from brainfill.preprocess.steps import reorient
from brainfill.tasks.smooth import AXES, SmoothConfig, run

SHAPE = (30, 32, 28)


def grainy(seed=0):
    return np.random.default_rng(seed).normal(1000, 10, SHAPE).astype(np.float32)


def cube():
    mask = np.zeros(SHAPE, bool)
    mask[8:22, 9:23, 7:20] = True
    return mask


def striped(axis=2, height=30, spacing_mm=(1.0, 1, 1)):
    """A grainy block whose slices across an array axis, inside a cube, are brighter and darker in turn; RAS."""
    wave = np.where(np.arange(SHAPE[axis]) % 2, height, -height)
    image = grainy() + cube() * np.moveaxis(wave[:, None, None] * np.ones((1, 1, 1)), 0, axis)
    grid = Grid(SHAPE, np.diag([*spacing_mm, 1.0]))
    return Scan("sub-01", {"T1w": Volume(image, grid)}, Mask(cube(), grid))


def index(result, when):
    return result.facts["StripeIndex"][when]


@pytest.mark.parametrize("axis", range(3))
def test_auto_finds_the_slices_and_brings_the_index_down(ctx, axis):
    result = run(striped(axis), SmoothConfig(), ctx)
    name = AXES[axis]
    assert result.facts["Axis"] == [name]
    before, after = index(result, "Before")[name], index(result, "After")[name]
    assert before > 3
    assert abs(np.log(after)) < abs(np.log(before)) / 2
    assert result.facts["SigmaVox"] == {a: 1.075 if a == name else 0 for a in AXES}


@pytest.mark.parametrize("axcodes", ["LAS", "LPS", "PSR", "IRA", "SAL"])
@pytest.mark.parametrize("axis", ["auto", "y", "all"])
def test_orientation_does_not_matter(ctx, axcodes, axis):
    scan = striped(1, spacing_mm=(1.0, 1.2, 0.9))
    config = SmoothConfig(axis=axis, sigma_mm=(0.8, 1.3, 1.1))
    turned, undo = reorient.build(reorient.Config(axcodes))(scan, ctx)
    here, there = run(scan, config, ctx), run(turned, config, ctx)
    back = undo.volume(there.volumes["smoothed"])
    np.testing.assert_allclose(back.data, here.volumes["smoothed"].data, rtol=1e-6)
    for when in ("Before", "After"):
        assert index(there, when) == pytest.approx(index(here, when), rel=1e-5)
    assert there.facts["Axis"] == here.facts["Axis"]
    assert there.facts["SigmaMM"] == pytest.approx(here.facts["SigmaMM"])


def test_oblique_slices_have_the_name_of_the_nearest_axis(ctx, grids):
    grid = grids["oblique"]
    shape = grid.shape
    image = np.random.default_rng(0).normal(1000, 10, shape)
    mask = np.zeros(shape, bool)
    mask[8:22, 9:23, 7:20] = True
    image += mask * np.where(np.arange(shape[2]) % 2, 30, -30)
    scan = Scan("x", {"T1w": Volume(image, grid)}, Mask(mask, grid))
    assert run(scan, SmoothConfig(), ctx).facts["Axis"] == ["z"]


def test_widths_in_millimetres_follow_the_voxels(ctx):
    scan = striped(spacing_mm=(1.0, 0.5, 3))
    facts = run(scan, SmoothConfig(axis="all", sigma_mm=(1.5,)), ctx).facts
    assert facts["SigmaVox"] == pytest.approx({"x": 1.5, "y": 3, "z": 0.5})
    facts = run(scan, SmoothConfig(axis="all", sigma_mm=(1, 2, 6)), ctx).facts
    assert facts["SigmaVox"] == pytest.approx({"x": 1, "y": 4, "z": 2})
    facts = run(scan, SmoothConfig(axis="z", sigma_mm=(1, 2, 6)), ctx).facts
    assert facts["SigmaMM"] == pytest.approx({"x": 0, "y": 0, "z": 6})


@pytest.mark.parametrize("axis", ["auto", "all", "x"])
def test_outside_the_mask_nothing_changes(ctx, axis):
    scan = striped()
    result = run(scan, SmoothConfig(axis=axis), ctx)
    outside = ~scan.lesion.data
    smoothed = result.volumes["smoothed"].data
    np.testing.assert_array_equal(smoothed[outside], scan.images["T1w"].data[outside])
    assert (smoothed != scan.images["T1w"].data)[~outside].mean() > 0.9


def test_only_if_leaves_what_has_no_stripes(ctx):
    config = SmoothConfig(only_if=1.2)
    assert run(striped(), config, ctx).facts["Smoothed"] is True
    result = run(striped(height=0), config, ctx)
    assert result.facts["Smoothed"] is False
    assert index(result, "Before") == index(result, "After")
    np.testing.assert_array_equal(
        result.volumes["smoothed"].data, striped(height=0).images["T1w"].data
    )


def test_only_if_looks_at_the_axes_that_are_smoothed(ctx):
    for axis, wanted in (("x", False), ("z", True), ("all", True)):
        facts = run(striped(2), SmoothConfig(axis=axis, only_if=1.2), ctx).facts
        assert facts["Smoothed"] is wanted


def test_smoothing_without_stripes_is_warned_of():
    heard = []
    run(striped(2), SmoothConfig(axis="x"), Context(warn=heard.append))
    assert len(heard) == 1
    assert "no stripes across x" in heard[0]
    run(striped(2), SmoothConfig(), Context(warn=heard.append))
    assert len(heard) == 1


def test_without_a_mask_the_whole_head_is_smoothed(ctx, phantom, grids):
    head = phantom(grids["RAS"])
    wave = np.where(np.arange(head.grid.shape[2]) % 2, 1.1, 0.9)
    scan = Scan("x", {"T1w": head.like(head.data * wave)})
    result = run(scan, SmoothConfig(), ctx)
    assert result.facts["Axis"] == ["z"]
    assert result.facts["StripeIndexAgainst"] == "the other axes"
    assert index(result, "After")["z"] < index(result, "Before")["z"]
    background = head.data == 0
    assert (result.volumes["smoothed"].data[background] == 0).all()
    assert not (result.volumes["where"].data & background).any()


def test_a_mask_beyond_the_brain_does_not_smear_it_out(ctx):
    scan = striped()
    image = scan.images["T1w"].data.copy()
    image[:, :, 17:] = 0  # above is background, in the mask as well
    scan = Scan("x", {"T1w": scan.images["T1w"].like(image)}, scan.lesion)
    smoothed = run(scan, SmoothConfig(axis="z"), ctx).volumes["smoothed"].data
    assert (smoothed[:, :, 17:] == 0).all()
    assert smoothed[cube()][image[cube()] > 0].min() > 900


def test_where_the_index_is_not_defined_the_axis_must_be_given(ctx):
    scan = striped()
    dot = np.zeros(SHAPE, bool)
    dot[10, 10, 10] = True
    thin = Scan("sub-01", scan.images, Mask(dot, scan.grid))
    for config in (SmoothConfig(), SmoothConfig(axis="z", only_if=1.1)):
        with pytest.raises(DataError, match="index of 'sub-01' is not defined"):
            run(thin, config, ctx)
    result = run(thin, SmoothConfig(axis="z"), ctx)
    assert index(result, "Before") == dict.fromkeys(AXES)
    assert result.facts["Smoothed"] is True


def test_nothing_to_smooth(ctx):
    scan = striped()
    with pytest.raises(DataError, match="has a mask that is empty or off the head"):
        run(Scan("x", scan.images, Mask(np.zeros(SHAPE, bool), scan.grid)), SmoothConfig(), ctx)
    flat = {"T1w": scan.images["T1w"].like(np.ones(SHAPE))}
    with pytest.raises(DataError, match="shows no head"):
        run(Scan("x", flat), SmoothConfig(), ctx)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"sigma_mm": (1.0, 2.0)}, "one number or three"),
        ({"sigma_mm": (-1.0,)}, "between 0 and 50, got -1"),
        ({"sigma_mm": (float("nan"),)}, "got nan"),
        ({"sigma_mm": (1.0,), "sigma_vox": 2.0}, "both given"),
        ({"sigma_vox": 0.0}, "sigma_vox must be between 0.1 and 20"),
        ({"only_if": -1.0}, "only_if must be between 0"),
    ],
)
def test_settings_that_make_no_sense(options, sentence):
    with pytest.raises(ConfigError, match=sentence):
        SmoothConfig(**options)
