"""Every step and whole chains, there and back, on scans stored in every way: values, masks and places.

Three contrasts of the phantom hold the world coordinates of their voxels. Wherever a step takes them, they still say
where in the scan they came from.
"""

from typing import NamedTuple

import numpy as np
import pytest
from mask_edges import edge_distance
from scipy import ndimage

from brainfill.core import registry
from brainfill.core.config import from_dict
from brainfill.core.context import Context
from brainfill.core.grid import Grid
from brainfill.core.volume import Mask, Scan, Volume
from brainfill.preprocess._base import chain
from brainfill.preprocess.transforms import matrix_of
from brainfill.tasks.preprocess import PreprocessConfig, plan

STEPS = "brainfill.preprocess.steps"
# Where the scan lies: turned by 6 degrees, a little larger, moved by some millimetres.
MOVE = np.array([[1.03, 0.1, 0, 7], [-0.1, 1.02, 0.03, -5], [0, -0.03, 0.98, 6], [0, 0, 0, 1]])
POSITION = ("X", "Y", "Z")
SHIFT = 500.0  # coordinates are no negative intensities
NEAREST_DIAGONAL = 1.5  # one voxel, across a diagonal


class Case(NamedTuple):
    """A step, and what its undo may lose.

    Args:
        step: name.
        settings: of the step.
        error: mean difference that interpolation may leave deep in the brain; its intensities are 400 to 700.
    """

    step: str
    settings: dict
    error: float = 0.0


TEMPLATE = {"template": "template.nii.gz"}
CASES = {
    "reorient": Case("reorient", {"axcodes": "PIR"}),
    "crop": Case("crop", {"around": "brain", "margin_mm": 6.0}),
    "crop to a size": Case("crop", {"size": (40, 45, 38), "centre_mm": (3.0, -4.0, 2.0)}),
    "pad": Case("pad", {"multiple": 16, "value": -3.0}),
    "skullstrip": Case("skullstrip", {"backend": "none"}),
    "n4": Case("n4", {}, 1e-3),
    "clip": Case("clip", {"low": 0.0, "high": 100.0, "over": "image", "scale": "pm1"}, 1e-3),
    "resample": Case("resample", {"spacing_mm": 4.0, "order": 3}, 2),
    "resample linear": Case("resample", {"spacing_mm": 4.0, "order": 1}, 8),
    "match": Case("match", {"like": "template.nii.gz"}, 4),
    "register": Case("register", TEMPLATE, 4),
    "register linear": Case("register", {**TEMPLATE, "interp": "linear"}, 8),
}
MOVEMENTS = [n for n in CASES if n not in ("n4", "clip", "skullstrip")]
# Presets at the voxel size of the phantoms, and what their undo may lose; l2i cuts off the brightest and darkest 2 %.
PRESETS = {
    "fill": (("register.template=template.nii.gz",), 4),
    "l2i": (
        (
            "register.template=template.nii.gz",
            "resample.spacing_mm=4",
            "crop.size=[40,45,38]",
            "crop.centre_mm=[0,0,0]",
        ),
        12,
    ),
    "uhr": (("resample.spacing_mm=4",), 2),
    "brats": (("crop.size=[50,50,50]",), 2),
}


@pytest.fixture
def near(brain, brain_grids):
    """Surroundings that read the template."""
    template = brain(brain_grids["RAS"])
    return Context(read=lambda path: template)


@pytest.fixture
def scan(brain, brain_grid):
    image = brain(brain_grid, MOVE)
    xyz = world(brain_grid)
    lesion = np.linalg.norm(xyz - (-20, 35, 0), axis=-1) < 12
    images = {n: Volume(xyz[..., i] + SHIFT, brain_grid) for i, n in enumerate(POSITION)}
    inside = Mask(image.data > 0, brain_grid)
    return Scan("sub-01", {"T1w": image, **images}, Mask(lesion, brain_grid), inside)


def world(grid: Grid):
    """World positions (X, Y, Z, 3) of the voxels [mm]."""
    return grid.to_world(np.stack(np.indices(grid.shape), -1).reshape(-1, 3)).reshape(
        *grid.shape, 3
    )


def positions(images):
    """What the three contrasts say (X, Y, Z, 3) [mm]."""
    return np.stack([images[n].data - SHIFT for n in POSITION], -1)


def step_of(case):
    module = registry.load(STEPS, case.step)
    return module.build(from_dict(module.Config, case.settings))


def deep_in(mask, voxels):
    return ndimage.binary_erosion(mask.data, iterations=voxels)


def assert_undone(scan, changed, undo, error):
    image = undo.volume(changed.images["T1w"])
    assert image.grid.same_place(scan.grid, tol_mm=1e-9)
    lost = np.abs(image.data - scan.images["T1w"].data)[deep_in(scan.brain, 2)]
    assert lost.mean() <= error
    for mask, original in ((changed.lesion, scan.lesion), (changed.brain, scan.brain)):
        again = undo.mask(mask)
        assert again.grid.same_place(scan.grid, tol_mm=1e-9)
        assert edge_distance(again.data, original.data) <= (NEAREST_DIAGONAL if error > 1 else 0)


def assert_places(images, expected, brain):
    """So deep inside, a spline no longer knows of the ends of the image."""
    off = np.linalg.norm(positions(images) - expected, axis=-1)[deep_in(brain, 6)]
    assert off.size > 500
    assert off.max() <= 0.01


def places_undone(scan, changed, undo):
    assert_places(
        {n: undo.volume(v, n) for n, v in changed.images.items()}, world(scan.grid), scan.brain
    )


def test_every_step_is_here():
    assert {case.step for case in CASES.values()} == set(registry.names(STEPS))


@pytest.mark.parametrize("name", CASES)
def test_there_and_back(name, scan, near):
    changed, undo = step_of(CASES[name])(scan, near)
    assert_undone(scan, changed, undo, CASES[name].error)
    places_undone(scan, changed, undo)


@pytest.mark.parametrize("name", MOVEMENTS)
def test_voxels_know_where_they_came_from(name, scan, near):
    changed, undo = step_of(CASES[name])(scan, near)
    expected = world(changed.grid)
    if CASES[name].step == "register":
        matrix = matrix_of(undo.registration.forward, near)
        expected = expected @ matrix[:3, :3].T + matrix[:3, 3]
    assert_places(changed.images, expected, changed.brain)


def test_a_chain_of_movements_there_and_back(scan, near):
    cases = [CASES[n] for n in ("reorient", "resample", "register", "pad", "crop to a size")]
    changed, undo = chain([step_of(case) for case in cases], scan, near)
    assert_undone(scan, changed, undo, sum(case.error for case in cases))
    places_undone(scan, changed, undo)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_there_and_back(preset, scan, near):
    settings, error = PRESETS[preset]
    steps = [
        registry.load(STEPS, name).build(config)
        for name, config in plan(PreprocessConfig(preset=preset, settings=settings))
    ]
    plain = Scan(scan.subject, {"T1w": scan.images["T1w"]}, scan.lesion, scan.brain)
    changed, undo = chain(steps, plain, near)
    assert_undone(plain, changed, undo, error)
