"""The built-in stripper: the shipped network on computed heads, stored in any way, and on what is no head."""

from pathlib import Path

import numpy as np
import pytest

from brainfill.bundles.store import CARD, find
from brainfill.core.context import Context
from brainfill.core.errors import ConfigError, DataError, UnavailableError
from brainfill.core.grid import Grid
from brainfill.core.volume import Mask, Volume
from brainfill.io.nifti import read_volume
from brainfill.metrics.overlap import dice, distance95_mm
from brainfill.preprocess.pieces import solid
from brainfill.preprocess.steps.reorient import reoriented_grid
from brainfill.preprocess.steps.resample import resample_to
from brainfill.preprocess.strippers import builtin

SAMPLE = Path(__file__).parents[3] / "data-samples" / "bids" / "sub-01" / "anat"
DATA = Path(__file__).parents[3].parent / "shared" / "data"


@pytest.fixture(scope="module")
def head():
    """A computed head of 2 mm voxels, RAS."""
    return read_volume(SAMPLE / "sub-01_T1w.nii.gz")


@pytest.fixture(scope="module")
def strip():
    """The stripper with the shipped weights; an image to its brain."""
    find_brain = builtin.build(builtin.Config())
    return lambda image: find_brain(image, Context())


@pytest.fixture(scope="module")
def brain(head, strip):
    return strip(head)


def on(grid: Grid, image: Volume) -> Volume:
    return Volume(resample_to(image.data, image.grid, grid, 1), grid)


def turned(grid: Grid, degrees: float, spacing: float, shape: tuple[int, int, int]) -> Grid:
    """An oblique grid about the same centre, its axes near those of `grid`."""
    a = np.deg2rad(degrees)
    rotation = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = rotation * spacing
    centre = grid.to_world((np.array([grid.shape]) - 1) / 2)[0]
    affine[:3, 3] = centre - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


def test_the_brain_is_one_solid_piece_of_plausible_size(head, brain):
    assert isinstance(brain, Mask)
    assert brain.grid.same_place(head.grid)
    assert np.array_equal(solid(brain.data), brain.data)
    assert 1000 < brain.volume_ml() < 2100
    assert brain.data.sum() < 0.9 * (head.data > 20).sum()


@pytest.mark.parametrize("axcodes", ["LAS", "LPS", "PSR", "ILA"])
def test_the_order_of_the_axes_does_not_matter(head, strip, brain, axcodes):
    grid = reoriented_grid(head.grid, axcodes)
    found = strip(on(grid, head))
    here = resample_to(found.data, grid, head.grid, 0) > 0.5
    assert dice(here, brain.data) > 0.999


def test_an_oblique_grid_with_odd_sides_gives_the_same_brain(head, strip, brain):
    grid = turned(head.grid, 9, 1.9, (107, 125, 103))
    found = strip(on(grid, head))
    here = resample_to(found.data.astype(np.float32), grid, head.grid, 1) > 0.5
    assert dice(here, brain.data) > 0.97
    assert distance95_mm(here, brain.data, head.grid.spacing()) <= 2 * np.sqrt(2)


def test_units_do_not_matter(head, strip, brain):
    other = strip(head.like(0.01 * head.data - 7))
    assert dice(other.data, brain.data) > 0.99


def test_finer_voxels_get_a_smooth_brain(head, strip, brain):
    grid = turned(head.grid, 0, 1.0, tuple(2 * n for n in head.grid.shape))
    found = strip(on(grid, head))
    coarse = resample_to(brain.data, head.grid, grid, 0) > 0.5
    assert dice(found.data, coarse) > 0.97
    # Blocks of 2 x 2 x 2 alike voxels have faces on even planes only.
    steps = np.abs(np.diff(found.data.astype(np.int8), axis=2)).sum(axis=(0, 1))
    assert min(steps[::2].sum(), steps[1::2].sum()) > 0.3 * steps.sum()


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("flat", "look like one, expected at least|in doubt make up|has no tissues"),
        ("noise", "look like one, expected at least|in doubt make up"),
        ("sphere", "look like one, expected at least|has no tissues"),
        ("noisy sphere", "look like one, expected at least|has no tissues"),
    ],
)
def test_what_is_no_head_is_refused(strip, kind, reason):
    shape = (64, 72, 60)
    grid = Grid(shape, np.diag([2.5, 2.5, 2.5, 1]))
    place = np.indices(shape) - (np.array(shape) / 2)[:, None, None, None]
    sphere = 100.0 * (np.linalg.norm(place, axis=0) < 25)
    noise = np.random.default_rng(0).random(shape)
    data = {
        "flat": np.full(shape, 7.0),
        "noise": noise,
        "sphere": sphere,
        "noisy sphere": sphere + 10 * noise,
    }[kind]
    with pytest.raises(DataError, match=f"no brain was found in the image: .*({reason})") as info:
        strip(Volume(data, grid))
    assert "a mask of your own" in info.value.hint


def test_missing_weights_are_told_before_and_when_stripping(tmp_path, head):
    (tmp_path / CARD).write_text((find("brain-mask") / CARD).read_text())
    config = builtin.Config(model=str(tmp_path))
    assert "model.safetensors" in builtin.missing(config)
    with pytest.raises(UnavailableError, match=r"'brain-mask' has no weights: .*model\.safetens"):
        builtin.build(config)(head, Context())


def test_a_missing_bundle_is_told(head):
    config = builtin.Config(model="brain-mast")
    assert builtin.missing(config).startswith("no model 'brain-mast'; shipped: ")
    with pytest.raises(UnavailableError, match="no model 'brain-mast'") as info:
        builtin.build(config)(head, Context())
    assert info.value.hint == "did you mean 'brain-mask'?"


def test_nothing_is_missing_from_the_package():
    assert builtin.missing(builtin.Config()) == ""


def test_a_model_that_fills_is_refused(head):
    with pytest.raises(ConfigError, match="'t1-fill' is of the wrong kind"):
        builtin.build(builtin.Config(model="t1-fill"))(head, Context())


@pytest.mark.realdata
@pytest.mark.skipif(not DATA.is_dir(), reason="the real scans are not here")
def test_a_real_head_loses_what_is_not_brain():
    folder = DATA / "templates" / "vbg"
    found = builtin.build(builtin.Config())(read_volume(folder / "VBG_T1w.nii.gz"), Context())
    truth = read_volume(folder / "VBG_desc-brain_mask.nii.gz").data > 0.5
    assert dice(found.data, truth) > 0.9
