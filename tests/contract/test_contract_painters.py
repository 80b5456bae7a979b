"""What every painter promises, found by its file in brainfill.painters."""

import dataclasses
import json

import numpy as np
import pytest

from brainfill.core.config import from_dict, to_dict
from brainfill.core.context import Context
from brainfill.core.registry import describe, load, names
from brainfill.core.volume import Mask, Scan, Volume
from brainfill.tasks.synthesize import SynthesizeConfig, run

PAINTERS = names("brainfill.painters")


@pytest.fixture(params=PAINTERS)
def method(request):
    """Each painter in turn."""
    return request.param


@pytest.fixture
def paint(method, painter_models):
    """The painter with a tiny model; gives the values of the lesion by contrast."""
    module = load("brainfill.painters", method)
    painter = module.build(module.Config(model=painter_models[method]))

    def values(images, lesion, extent=None, **surroundings):
        painting = painter(images, lesion, extent or lesion, Context(**surroundings))
        json.dumps([painting.facts, painting.lesion_facts])
        return {name: painting.values[name][lesion.data] for name in images}

    return values


def settings_of(method):
    return load("brainfill.painters", method).Config


def test_there_are_painters_and_each_describes_itself():
    assert {"coarse", "conditional", "guided"} <= set(PAINTERS)
    assert all(line.endswith(".") for line in describe("brainfill.painters").values())


def test_every_option_has_help_and_all_survive_json(method):
    config = settings_of(method)()
    assert all(f.metadata.get("help") for f in dataclasses.fields(config))
    assert from_dict(type(config), json.loads(json.dumps(to_dict(config)))) == config
    assert hasattr(config, "model")


def test_values_are_those_of_a_lesion_wherever_it_is_stored(paint, grids, phantom_scan):
    sums = {}
    for name in ("RAS", "LAS", "LPS", "PSR"):
        scan = phantom_scan(grids[name])
        world = np.round(scan.grid.to_world(np.argwhere(scan.lesion.data).astype(float)), 3)
        order = np.lexsort(world.T)
        sums[name] = {n: v[order] for n, v in paint(scan.images, scan.lesion).items()}
    for name in ("LAS", "LPS", "PSR"):
        for contrast, values in sums[name].items():
            np.testing.assert_allclose(values, sums["RAS"][contrast], rtol=1e-4)


def test_the_seed_decides(paint, grids, phantom_scan):
    scan = phantom_scan(grids["oblique"])
    one, same, other = (paint(scan.images, scan.lesion, seed=s) for s in (1, 1, 2))
    for contrast, values in one.items():
        np.testing.assert_array_equal(values, same[contrast])
        assert (values != other[contrast]).mean() > 0.9


def test_what_lies_in_the_lesion_is_never_read(paint, grids, phantom_scan):
    scan = phantom_scan(grids["anisotropic"])
    inside = scan.lesion.data
    poisoned = {n: v.like(np.where(inside, -5e5, v.data)) for n, v in scan.images.items()}
    clean, other = (paint(images, scan.lesion) for images in (scan.images, poisoned))
    for contrast, values in clean.items():
        np.testing.assert_array_equal(values, other[contrast])


def test_each_contrast_may_come_alone(paint, grids, phantom_scan):
    scan = phantom_scan(grids["RAS"])
    both = paint(scan.images, scan.lesion)
    for contrast in ("T1w", "FLAIR"):
        alone = paint({contrast: scan.images[contrast]}, scan.lesion)
        assert list(alone) == [contrast]
        assert (alone[contrast] != both[contrast]).any()  # the other one is seen


def test_a_larger_extent_leaves_nothing_unpainted(paint, grids, phantom_scan):
    scan = phantom_scan(grids["RAS"])
    wide = scan.lesion.data.copy()
    wide[20:22, 14:16, 12:14] = True  # a lesion of the other visit alone
    values = paint(scan.images, scan.lesion, Mask(wide, scan.grid))
    assert (values["T1w"] != scan.images["T1w"].data[scan.lesion.data]).all()


def test_images_scaled_below_zero_get_the_same_lesion(paint, grids, phantom_scan):
    scan = phantom_scan(grids["RAS"])
    plain = paint(scan.images, scan.lesion)
    shifted = {n: v.like(v.data / 500 - 1.2) for n, v in scan.images.items()}
    for contrast, values in paint(shifted, scan.lesion).items():
        np.testing.assert_allclose((values + 1.2) * 500, plain[contrast], rtol=1e-3, atol=0.1)


@pytest.mark.parametrize("grid", ["RAS", "LPS", "oblique", "odd"])
def test_the_task_changes_nothing_outside_the_lesion(
    method, painter_models, grids, phantom_scan, grid
):
    scan = phantom_scan(grids[grid])
    scan = Scan("sub-01", scan.images, scan.lesion)
    config = SynthesizeConfig(method=method, model=painter_models[method], grow=1.5)
    done = run(scan, config, Context())
    assert [v.name for v in done.visits] == ["", "followup"]
    for visit in done.visits:
        for contrast, image in visit.images.items():
            changed = image.data != scan.images[contrast].data
            assert not changed[~visit.lesion.data].any()
            assert changed[visit.lesion.data].mean() > 0.9
    assert done.facts["Model"]["name"] in painter_models[method]


def test_visits_of_one_seed_look_alike_where_both_have_lesion(
    paint, method, painter_models, grids, phantom_scan
):
    """The grain of two visits is the same draw: they correlate, and those of two seeds do not."""
    scan = phantom_scan(grids["RAS"])
    flat = {n: Volume(np.where(v.data > 0, 700, 0), v.grid) for n, v in scan.images.items()}
    inner = scan.lesion.data.copy()
    inner[:, :, :13] = False
    small = Mask(inner, scan.grid)
    first = paint(flat, small, scan.lesion, seed=1)["T1w"]
    later, other = (
        paint(flat, scan.lesion, seed=s)["T1w"][inner[scan.lesion.data]] for s in (1, 2)
    )
    alike, by_chance = (np.corrcoef(first, values)[0, 1] for values in (later, other))
    assert alike > 0.6
    assert by_chance < 0.4
