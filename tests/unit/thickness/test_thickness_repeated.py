"""The same scan gives the same table every time, with tissues told apart by Atropos too."""

import numpy as np
import pytest

from brainfill.core.context import Context
from brainfill.core.volume import LabelMap, Mask, Scan, Volume
from brainfill.lesions.anatomy import GREY, WHITE
from brainfill.preprocess.registration import Registration
from brainfill.preprocess.tissues import atropos
from brainfill.preprocess.transforms import linear_transform
from brainfill.thickness.backends import direct as backend
from brainfill.thickness.placed import Placed
from brainfill.thickness.regions import DEEP, FIRST

THERE = Registration(linear_transform(np.eye(4)), linear_transform(np.eye(4)))


@pytest.fixture
def scan(tissue_grids, tissue_phantom, monkeypatch):
    """A noisy phantom that is where the template is; stripping, registration and regions are planted."""
    grid = tissue_grids["RAS"]
    labels, _ = tissue_phantom(grid)
    noise = np.random.default_rng(0).normal(0, 18, grid.shape) * (labels.data > 0)
    image = Volume(np.choose(labels.data, [0, 30, 65, 100]) + noise, grid)
    regions = LabelMap(np.where(labels.data == GREY, FIRST + 4, DEEP), grid)

    class Planted:
        def classes(self, brain):
            return regions

    monkeypatch.setattr(
        backend, "place", lambda scan, *_: Placed(scan, scan.brain, THERE, {"SkullStripper": ""})
    )
    monkeypatch.setattr(backend, "parcels", lambda *_: Planted())
    monkeypatch.setattr(
        atropos,
        "tissue_maps",
        lambda: [Volume((labels.data == t).astype(np.float32), grid) for t in (GREY, WHITE)],
    )
    return Scan("sub-01", {"T1w": image}, brain=Mask(labels.data > 0, grid))


@pytest.mark.slow
@pytest.mark.parametrize("segmenter", ["kmeans", "atropos"])
def test_three_measurements_agree(scan, segmenter):
    config = backend.Config(segmenter=segmenter, least_cortex_ml=0.1)
    first, *others = (backend.build(config)(scan, Context()) for _ in range(3))
    assert sum(row.mean_mm is not None for row in first.regions) == 2
    for other in others:
        assert other.regions == first.regions
        assert other.mean_mm == first.mean_mm
        assert other.facts == first.facts
        np.testing.assert_array_equal(other.map.data, first.map.data)


@pytest.mark.slow
def test_deterministic_measurements_agree_whatever_the_threads(scan):
    measure = backend.build(backend.Config(segmenter="kmeans", least_cortex_ml=0.1))
    one, other = (measure(scan, Context(threads=n, deterministic=True)) for n in (1, 8))
    assert sum(row.mean_mm is not None for row in one.regions) == 2
    assert (other.regions, other.facts) == (one.regions, one.facts)
    np.testing.assert_array_equal(other.map.data, one.map.data)
