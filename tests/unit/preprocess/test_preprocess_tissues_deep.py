"""Tissues by a network: planted in brightness, found on any grid; models that cannot be used."""

import numpy as np
import pytest
import torch
from handmade_networks import bundle_of, save_tiny

from brainfill.core.errors import ConfigError, DataError, UnavailableError
from brainfill.core.volume import Mask, Scan, Volume
from brainfill.metrics.overlap import dice
from brainfill.preprocess.registration import Registration
from brainfill.preprocess.tissues import deep
from brainfill.preprocess.transforms import linear_transform

LEVELS = torch.tensor([0.3, 0.7, 1.0])[:, None, None, None]
THERE = Registration(linear_transform(np.eye(4)), linear_transform(np.eye(4)))


def by_brightness(x):
    """Logits of fluid, grey and white matter, each sure of its own brightness."""
    return 60 * (0.15 - (x - LEVELS).abs())


@pytest.fixture
def network(monkeypatch):
    """Puts the network by brightness in place of the shipped one."""
    bundle = bundle_of(by_brightness, deep.CLASSES, 1.5, (16, 16, 16))
    monkeypatch.setattr(deep, "find", str)
    monkeypatch.setattr(deep, "load_bundle", lambda folder, needs: bundle)


@pytest.fixture
def scan(tissue_phantom):
    """A scan of the phantom on a grid, and its tissues."""

    def make(grid):
        truth, _ = tissue_phantom(grid)
        image = Volume(np.array([0, 300, 700, 1000])[truth.data], grid)
        return Scan("sub-01", {"T1w": image}, brain=Mask(truth.data > 0, grid)), truth.data

    return make


def test_planted_tissues_are_found_on_any_grid(network, scan, tissue_grid, ctx):
    given, truth = scan(tissue_grid)
    found = deep.build(deep.Config())(given, THERE, ctx)
    assert found.grid is given.grid
    shares = np.stack([found.csf, found.grey, found.white])
    assert shares.dtype == np.float32
    assert 0 <= shares.min() <= shares.sum(axis=0).max() <= 1 + 1e-5
    assert not shares[:, truth == 0].any()
    labels = found.labels()
    assert labels.names[2] == "grey matter"
    # Thick slices show less of a thin shell.
    least = 0.9 if max(tissue_grid.spacing()) < 2 else 0.75
    assert min(dice(labels.data == k, truth == k) for k in (2, 3)) > least


def test_a_scan_without_a_brain_is_refused(network, scan, tissue_grids, ctx):
    given, _ = scan(tissue_grids["RAS"])
    with pytest.raises(DataError, match="'sub-01' apart: it has no brain mask"):
        deep.build(deep.Config())(Scan("sub-01", given.images), THERE, ctx)


def test_a_model_of_other_classes_is_refused(scan, tissue_grids, ctx, tmp_path):
    given, _ = scan(tissue_grids["RAS"])
    model = str(save_tiny(tmp_path / "tiny"))
    assert deep.missing(deep.Config(model=model)) == ""
    with pytest.raises(ConfigError, match="has the classes background, brain, expected background"):
        deep.build(deep.Config(model=model))(given, THERE, ctx)


def test_a_model_that_is_not_there_is_named_with_what_works_without(scan, tissue_grids, ctx):
    given, _ = scan(tissue_grids["RAS"])
    with pytest.raises(UnavailableError, match="no model 'none'") as caught:
        deep.build(deep.Config(model="none"))(given, THERE, ctx)
    assert "--segmenter atropos" in caught.value.hint
    assert "no model 'none'" in deep.missing(deep.Config(model="none"))


def test_the_state_is_that_of_the_weights(tmp_path):
    folders = [str(save_tiny(tmp_path / name)) for name in "ab"]
    states = [deep.state(deep.Config(model=folder)) for folder in folders]
    assert len(states[0]["Weights"]) == 64
    assert states[0] != states[1]
