"""Atropos with the template's maps as priors, on a phantom of them; tissues that cannot be those of a T1w image."""

import dataclasses

import numpy as np
import pytest

from brainfill.core.errors import ConfigError, DataError
from brainfill.core.grid import Grid
from brainfill.core.volume import Mask, Scan, Volume
from brainfill.metrics.overlap import dice
from brainfill.preprocess.registration import Registration
from brainfill.preprocess.steps.resample import resample_to
from brainfill.preprocess.template import tissue_maps
from brainfill.preprocess.tissues import atropos
from brainfill.preprocess.tissues._base import Tissues, check_tissues
from brainfill.preprocess.transforms import linear_transform

THERE = Registration(linear_transform(np.eye(4)), linear_transform(np.eye(4)))


def column(values):
    return np.array(values, np.float32).reshape(-1, 1, 1)


def scan_of(values, lesion=None):
    grid = Grid((len(values), 1, 1), np.eye(4))
    brain = Mask(np.ones(grid.shape, bool), grid)
    where = None if lesion is None else Mask(column(lesion) > 0, grid)
    return Scan("sub-01", {"T1w": Volume(column(values), grid)}, where, brain)


def tissues_of(scan, labels):
    return Tissues(scan.grid, *(column(np.array(labels) == k) for k in (1, 2, 3)))


def test_tissues_that_get_brighter_pass():
    scan = scan_of([10, 20, 30])
    check_tissues(scan, tissues_of(scan, [1, 2, 3]))


@pytest.mark.parametrize("values", [[30, 20, 10], [10, 30, 20], [20, 20, 30]])
def test_another_contrast_is_refused(values):
    scan = scan_of(values)
    with pytest.raises(DataError, match="'sub-01' is not T1-weighted") as caught:
        check_tissues(scan, tissues_of(scan, [1, 2, 3]))
    assert f"{values[0]}, {values[1]} and {values[2]}" in str(caught.value)


def test_a_tissue_that_is_hardly_there_is_refused():
    scan = scan_of([10] + [20] * 59 + [30] * 40)
    with pytest.raises(DataError, match=r"smallest of three has 1\.0% of the brain"):
        check_tissues(scan, tissues_of(scan, [1] + [2] * 59 + [3] * 40))


def test_lesions_do_not_decide_about_the_contrast():
    values, labels, lesion = [10, 20, 30, 1], [1, 2, 3, 3], [0, 0, 0, 1]
    check_tissues(scan_of(values, lesion), tissues_of(scan_of(values), labels))
    with pytest.raises(DataError, match="not T1-weighted"):
        check_tissues(scan_of(values), tissues_of(scan_of(values), labels))


@pytest.fixture(scope="module")
def coarse():
    """Grey and white matter of a block of the template, 3 mm, the first axis to the left."""
    affine = np.array([[-3.0, 0, 0, 34], [0, 3, 0, -40], [0, 0, 3, 0], [0, 0, 0, 1]])
    grid = Grid((24, 22, 14), affine)
    return [Volume(resample_to(m.data, m.grid, grid, 1), grid) for m in tissue_maps()]


@pytest.fixture
def maps(coarse, monkeypatch):
    """The grid of the block and its likeliest tissues; the segmenter sees no more of the template."""
    monkeypatch.setattr(atropos, "tissue_maps", lambda: coarse)
    grey, white = (m.data for m in coarse)
    shares = np.stack([np.clip(1 - grey - white, 0, 1), grey, white])
    return coarse[0].grid, shares.argmax(axis=0) + 1


@pytest.fixture
def head(maps):
    """A scan whose tissues are the template's likeliest."""
    grid, labels = maps
    noise = np.random.default_rng(0).normal(0, 4, grid.shape)
    image = Volume(np.array([0, 30, 70, 100])[labels] + noise, grid)
    return Scan("sub-01", {"T1w": image}, brain=Mask(np.ones(grid.shape, bool), grid))


def test_tissues_of_the_template_are_found(maps, head, ctx):
    grid, truth = maps
    found = atropos.build(atropos.Config())(head, THERE, ctx)
    assert found.grid is grid
    labels = found.labels().data
    assert min(dice(labels == k, truth == k) for k in (1, 2, 3)) > 0.9
    check_tissues(head, found)


def test_lesions_are_what_the_template_has_there(maps, head, ctx):
    grid, truth = maps
    lesion = np.zeros(grid.shape, bool)
    lesion[10:14, 8:12, 8:11] = (truth == 3)[10:14, 8:12, 8:11]
    image = head.images["T1w"]
    dark = dataclasses.replace(head, images={"T1w": image.like(np.where(lesion, 70, image.data))})
    taken = atropos.build(atropos.Config())(dark, THERE, ctx)
    known = dataclasses.replace(dark, lesion=Mask(lesion, grid))
    told = atropos.build(atropos.Config())(known, THERE, ctx)
    assert lesion.sum() > 10
    assert taken.white[lesion].mean() < 0.3
    assert told.white[lesion].mean() > 0.5


def test_a_scan_without_a_brain_is_refused(head, ctx):
    with pytest.raises(DataError, match="it has no brain mask"):
        atropos.build(atropos.Config())(dataclasses.replace(head, brain=None), THERE, ctx)


@pytest.mark.parametrize("bad", [{"prior_weight": 1.5}, {"iterations": 0}, {"clip_pct": -1.0}])
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(ConfigError):
        atropos.Config(**bad)
