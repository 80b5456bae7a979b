"""Comparing a fill with the truth: the same figures however the files are turned."""

import numpy as np
import pytest

from brainfill.core.context import Context
from brainfill.core.errors import DataError, GeometryError
from brainfill.core.volume import Mask, Scan, Volume
from brainfill.preprocess.steps import reorient
from brainfill.tasks import evaluate


@pytest.fixture
def compared(phantom, phantom_lesion, grids):
    """A truth, and a prediction that is noisy inside the mask."""
    grid = grids["RAS"]
    truth, mask = phantom(grid), phantom_lesion(grid)
    noise = np.random.default_rng(1).normal(0, 40, grid.shape) * mask.data
    return Scan("x", {"prediction": truth.like(truth.data + noise), "reference": truth}, mask)


def test_all_figures_are_there(compared):
    result = evaluate.run(compared)
    assert {"ssim_brats", "ssim3d", "psnr_01", "mse", "mae", "local_sd_ratio"} <= set(result.facts)
    assert [row["metric"] for row in result.tables["metrics"]] == list(result.facts)
    assert 10 < result.facts["psnr_01"] < 40


@pytest.mark.parametrize("axcodes", ["LAS", "PSR", "IRA"])
def test_orientation_does_not_matter(compared, axcodes):
    turned, _ = reorient.build(reorient.Config(axcodes))(compared, Context())
    here, there = evaluate.run(compared).facts, evaluate.run(turned).facts
    assert there == pytest.approx(here, rel=1e-6)


def test_equal_images_have_no_finite_psnr(compared):
    truth = compared.images["reference"]
    same = Scan("x", {"prediction": truth, "reference": truth}, compared.lesion)
    facts = evaluate.run(same).facts
    assert facts["psnr_01"] is None
    assert (facts["mse"], facts["ssim3d"]) == (0, pytest.approx(1))


def test_a_voided_image_sets_the_scale(compared):
    voided = compared.images["reference"].like(compared.images["reference"].data * 2)
    scan = Scan("x", {**compared.images, "voided": voided}, compared.lesion)
    assert evaluate.run(scan).facts["psnr_01"] > evaluate.run(compared).facts["psnr_01"] + 3


def test_nothing_to_compare(compared, grids):
    empty = Mask(np.zeros(grids["RAS"].shape, bool), grids["RAS"])
    for mask in (None, empty):
        with pytest.raises(DataError, match="is empty"):
            evaluate.run(Scan("x", compared.images, mask))


def test_images_of_other_grids_are_no_scan(compared, phantom, grids):
    with pytest.raises(GeometryError, match="reference"):
        Scan("x", compared.images | {"reference": phantom(grids["LAS"])})
    assert isinstance(compared.images["prediction"], Volume)
