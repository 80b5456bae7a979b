"""Three tissues told apart by brightness, on a phantom whose tissues are known."""

import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import pytest

from brainfill.core.errors import DataError
from brainfill.core.volume import Mask, Volume
from brainfill.preprocess.tissues.kmeans import tissues

BRIGHT = np.array([0, 30, 70, 100])


@pytest.fixture
def case(tissue_phantom, tissue_grids):
    """Image, brain, and the tissues it shows."""

    def make(name="RAS"):
        truth, _ = tissue_phantom(tissue_grids[name])
        noise = np.random.default_rng(0).normal(0, 5, truth.data.shape)
        image = np.where(truth.data > 0, BRIGHT[truth.data] + noise, 0)
        return Volume(image, truth.grid), Mask(truth.data > 0, truth.grid), truth.data

    return make


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


@pytest.mark.parametrize("name", ["RAS", "LAS", "anisotropic"])
def test_tissues_are_found_in_order_of_brightness(case, name, ctx):
    image, brain, truth = case(name)
    found = tissues(image, brain, ctx)
    assert found.grid is image.grid
    assert not found.data[~brain.data].any()
    for label in (1, 2, 3):
        assert dice(found.data == label, truth == label) > 0.95
    assert found.names[3] == "white matter"


def test_a_few_bright_voxels_change_nothing(case, ctx):
    """Vessels ten times as bright as white matter, or negative ringing, do not move the classes."""
    image, brain, truth = case()
    spoilt = image.data.copy()
    somewhere = np.argwhere(brain.data)[::200]
    spoilt[tuple(somewhere[::2].T)] = 1000
    spoilt[tuple(somewhere[1::2].T)] = -300
    found = tissues(image.like(spoilt), brain, ctx)
    assert dice(found.data == 3, truth == 3) > 0.95


def test_lesions_are_not_looked_at_and_are_white_matter(case, ctx):
    image, brain, truth = case()
    lesion = np.zeros(truth.shape, bool)
    lesion[14:20, 20:26, 20:26] = truth[14:20, 20:26, 20:26] == 3
    dark = image.like(np.where(lesion, 70, image.data))
    plain = tissues(dark, brain, ctx)
    found = tissues(dark, brain, ctx, Mask(lesion, image.grid))
    assert (plain.data[lesion] == 2).mean() > 0.9
    assert (found.data[lesion] == 3).all()
    assert dice(found.data == 2, truth == 2) > 0.95


def test_a_brain_without_tissues_is_refused(case, ctx):
    image, brain, _ = case()
    flat = image.like(np.where(brain.data, 5.0, 0))
    with pytest.raises(DataError, match="shows one value only"):
        tissues(flat, brain, ctx)
    with pytest.raises(DataError, match="the brain is empty"):
        tissues(image, Mask(np.zeros_like(brain.data), image.grid), ctx)


def test_classes_without_noise_are_refused(case, ctx):
    _, brain, truth = case()
    with pytest.raises(DataError, match="Atropos gives up"):
        tissues(Volume(BRIGHT[truth], brain.grid), brain, ctx)


def test_nothing_is_left_among_temporary_files(case, ctx, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    image, brain, _ = case()
    tissues(image, brain, dataclasses.replace(ctx))
    assert not list(Path(tmp_path).iterdir())
    assert tempfile.tempdir == str(tmp_path)
