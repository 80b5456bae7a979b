"""Visits and contrasts of one person, stored in different ways, help to fill each other."""

from dataclasses import replace

import numpy as np
import pytest

from brainfill.core.errors import ConfigError, DataError
from brainfill.core.volume import Mask, Scan, Volume
from brainfill.tasks import fill, fill_contrast, fill_visits
from brainfill.tasks._companions import beside_t1
from brainfill.tasks.fill import FillConfig

PATCH = FillConfig(method="patch", dilate=0)
TURNED = np.array([[1, -0.05, 0, 4], [0.05, 1, 0, -3], [0, 0, 1, 5.0], [0, 0, 0, 1]])


def lesion_on(grid):
    places = grid.to_world(np.argwhere(np.ones(grid.shape, bool)).astype(float))
    inside = np.linalg.norm(places - (-18, 20, 15), axis=1) < 21
    return Mask(inside.reshape(grid.shape), grid)


def visit(image, lesion=None, name="visit"):
    """A scan with a lesion of no brightness at all, or with none."""
    if lesion is None:
        return Scan(name, {"T1w": image}, Mask(np.zeros(image.grid.shape, bool), image.grid))
    damaged = image.like(np.where(lesion.data, np.float32(40), image.data))
    return Scan(name, {"T1w": damaged}, lesion)


def error(result, truth, lesion):
    apart = (result.volumes["filled"].data - truth.data)[lesion.data]
    return float(np.sqrt(np.mean(apart**2)))


def grained(image, seed, sd=4.0):
    noise = np.random.default_rng(seed).normal(0, sd, image.data.shape)
    return image.like((image.data + noise * (image.data > 0)).astype(np.float32))


@pytest.mark.parametrize("stored", ["RAS", "LAS", "oblique"])
def test_another_visit_tells_what_is_there(brain, brain_grids, ctx, stored):
    first = grained(brain(brain_grids["RAS"]), 0)
    second = grained(brain(brain_grids[stored], TURNED), 1)
    # Another day, another gain of the receiver.
    second = second.like((1.3 * second.data).astype(np.float32))
    lesion = lesion_on(first.grid)
    alone = fill.run(visit(first, lesion), PATCH, ctx)
    one, other = fill_visits.run([visit(first, lesion), visit(second)], PATCH, ctx)
    assert error(one, first, lesion) < 0.8 * error(alone, first, lesion)
    outside = ~one.volumes["hole"].data
    np.testing.assert_array_equal(
        one.volumes["filled"].data[outside], visit(first, lesion).images["T1w"].data[outside]
    )
    np.testing.assert_array_equal(other.volumes["filled"].data, second.data)
    assert (other.facts["LesionCount"], one.facts["Companions"]) == (0, ["visit 2 ('visit')"])
    matrix = np.array(other.facts["ToFirstVisit"])
    places = np.array([[0, 0, 0, 1], [30, 0, 0, 1], [0, 30, 20, 1.0]]).T
    # A rotation by 0.05 is what the phantom was moved by, but for a stretch of a thousandth.
    assert np.abs(matrix @ places - TURNED @ places).max() < 1.5


def test_the_lesion_of_another_visit_is_not_believed(brain, brain_grids, ctx):
    image = brain(brain_grids["RAS"])
    first, second = grained(image, 0), grained(image, 1)
    lesion = lesion_on(image.grid)
    results = []
    for painted in (40, 2000):
        dirty = second.like(np.where(lesion.data, np.float32(painted), second.data))
        scans = [visit(first, lesion), Scan("second", {"T1w": dirty}, lesion)]
        results.append(fill_visits.run(scans, PATCH, ctx)[0].volumes["filled"].data)
    np.testing.assert_array_equal(*results)


def test_draws_of_two_visits_show_the_same_tissue(brain, brain_grids, ctx):
    image = brain(brain_grids["RAS"])
    lesion = lesion_on(image.grid)
    scans = [visit(grained(image, seed, 20.0), lesion, f"visit-{seed}") for seed in (0, 1)]
    config = FillConfig(method="diffusion", dilate=0, samples=1)
    one, other = fill_visits.run(scans, config, ctx)
    inside = lesion.data
    alone = fill.run(scans[1], config, ctx).volumes["filled"].data[inside]
    drawn, again = (r.volumes["filled"].data[inside] for r in (one, other))
    # What is common to all is the anatomy; the rest is what was drawn.
    common = image.data[inside]
    apart = np.corrcoef(drawn - common, alone - common)[0, 1]
    together = np.corrcoef(drawn - common, again - common)[0, 1]
    assert together > apart + 0.1


def test_visits_without_lesions_or_of_two_people(brain, brain_grids, ctx):
    image = brain(brain_grids["RAS"])
    with pytest.raises(DataError, match="none of the 2 visits has lesions"):
        fill_visits.run([visit(image), visit(image)], PATCH, ctx)
    shuffled = np.random.default_rng(0).permutation(image.data[image.data > 0])
    stranger = image.data.copy()
    stranger[image.data > 0] = shuffled
    scans = [visit(image, lesion_on(image.grid)), visit(image.like(stranger))]
    with pytest.raises(DataError, match=r"visit 2 .* does not show the same head .* expected at"):
        fill_visits.run(scans, PATCH, ctx)


@pytest.mark.parametrize("method", ["harmonic", "localmean", "histogram"])
def test_methods_that_look_at_one_image_say_so(brain, brain_grids, ctx, method):
    image = brain(brain_grids["RAS"])
    scans = [visit(image, lesion_on(image.grid)), visit(image)]
    with pytest.raises(ConfigError, match=f"--visits means nothing to the method '{method}'"):
        fill_visits.run(scans, replace(PATCH, method=method), ctx)
    with pytest.raises(ConfigError, match="--flair means nothing to --space mni"):
        fill.check_companions(replace(PATCH, space="mni"), "--flair")


@pytest.mark.parametrize("stored", ["RAS", "LAS", "oblique"])
def test_a_contrast_is_filled_on_its_own_grid(brain, brain_grids, ctx, stored):
    t1, there = grained(brain(brain_grids["RAS"]), 0), brain_grids[stored]
    # Not inverse throughout, as no FLAIR is.
    seen = brain(there)
    data = np.where(seen.data > 0, 900 - 0.6 * seen.data, 0).astype(np.float32)
    truth = grained(Volume(data, there), 1)
    lesion, own = lesion_on(t1.grid), lesion_on(there)
    flair = truth.like(np.where(own.data, np.float32(1500), truth.data))
    contrast = beside_t1(t1, lesion, flair, "FLAIR", ctx)
    assert (contrast.to_own is None) == (stored == "RAS")
    scan = visit(t1, lesion)
    config = replace(PATCH, dilate=6)
    result = fill.run(scan, config, ctx, [contrast.companion])
    hole, filled = result.volumes["hole"], result.volumes["filled"]
    also = fill_contrast.run(contrast, filled, hole, config, ctx)
    inside, after = also.volumes["hole"].data, also.volumes["filled"].data
    assert inside[own.data].all()
    np.testing.assert_array_equal(after[~inside], flair.data[~inside])
    with_t1 = error(also, truth, own)
    t1_known = fill_contrast.run(contrast, t1, hole, config, ctx)
    assert error(t1_known, truth, own) < 0.5 * with_t1 < 60


def test_a_contrast_that_misses_the_lesion(brain, brain_grids, ctx):
    t1 = brain(brain_grids["RAS"])
    contrast = beside_t1(t1, lesion_on(t1.grid), t1, "FLAIR", ctx)
    part = t1.grid.crop(t1.grid.box_around(lesion_on(t1.grid).data, 0))
    elsewhere = part.affine.copy()
    elsewhere[0, 3] += 100
    away = Volume(np.ones(part.shape, np.float32), type(part)(part.shape, elsewhere))
    with pytest.raises(DataError, match="FLAIR shows no part of the hole"):
        fill_contrast.run(replace(contrast, image=away), t1, lesion_on(t1.grid), PATCH, ctx)
