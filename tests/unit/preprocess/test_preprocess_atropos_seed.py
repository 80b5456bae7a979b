"""Atropos draws no seed of its own: tissues are the same every time."""

import numpy as np
import pytest

from brainfill.core.context import Context
from brainfill.core.volume import Mask, Volume
from brainfill.preprocess.tissues.kmeans import tissues


@pytest.mark.slow
def test_three_runs_agree(tissue_grids, tissue_phantom):
    grid = tissue_grids["RAS"]
    labels, _ = tissue_phantom(grid)
    noise = np.random.default_rng(0).normal(0, 18, grid.shape)
    image = Volume(np.choose(labels.data, [0, 30, 65, 100]) + noise * (labels.data > 0), grid)
    brain = Mask(labels.data > 0, grid)
    first, *others = (tissues(image, brain, Context()).data for _ in range(3))
    for other in others:
        np.testing.assert_array_equal(other, first)
