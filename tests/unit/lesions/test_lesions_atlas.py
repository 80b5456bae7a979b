"""The shipped map and shapes of lesions: what they hold, and that packing and reading agree."""

from importlib import resources

import numpy as np
import pytest
from scipy import ndimage

from brainfill.core.grid import Grid
from brainfill.core.volume import Mask
from brainfill.lesions import atlas


def test_the_map_is_symmetric_and_highest_beside_the_ventricles():
    data, grid = atlas.lesion_map()
    np.testing.assert_array_equal(data, data[::-1])
    assert grid.axcodes() == "RAS"
    np.testing.assert_allclose(
        grid.to_world(np.array([[0, 0, 0], [data.shape[0] - 1, 0, 0]])).sum(0)[0], 0
    )
    assert 0.1 < data.max() < 0.5
    # Patients of this cohort had 0.3 to 52 ml; the sum of the map is their mean.
    assert 5 < data.sum() * grid.voxel_ml() < 35
    peak = grid.to_world(np.argwhere(data == data.max()).astype(float))
    assert np.abs(np.abs(peak) - (27, 30, 20)).max() < 30
    at = grid.to_index(np.array([[25.0, -20, 25], [0, -40, -40], [60, 0, 0]])).round().astype(int)
    beside, cerebellum, rim = (data[tuple(i)] for i in at)
    assert beside > 0.08
    assert max(cerebellum, rim) < 0.02


def test_shapes_are_single_lesions_of_up_to_a_millilitre():
    shapes = atlas.lesion_shapes()
    assert len(shapes) > 2000
    volumes = np.array([piece.mask.volume_ml() for piece in shapes])
    assert 0.008 <= volumes.min() < volumes.max() <= 1.0
    assert 0.01 < np.median(volumes) < 0.1
    for piece in shapes[::97]:
        assert ndimage.label(piece.mask.data, np.ones((3, 3, 3)))[1] == 1
        np.testing.assert_allclose(piece.mask.grid.corners().sum(axis=0), 0)


def test_what_is_packed_is_read_back(monkeypatch):
    rng = np.random.default_rng(0)
    lesions = [
        Mask(rng.random(s) < 0.5, Grid(s, np.eye(4))) for s in ((3, 4, 5), (1, 1, 2), (7, 2, 3))
    ]
    probability = rng.random((6, 4, 5)).astype(np.float32)
    affine = np.diag([2.0, 2, 2, 1])
    affine[:3, 3] = (-5, -4, -3)
    grid = Grid(probability.shape, affine)
    stored = {
        "map.npz": atlas.packed_map(probability, grid),
        "shapes.npz": atlas.packed_shapes(lesions),
    }
    monkeypatch.setattr(atlas, "_stored", stored.__getitem__)
    for piece, lesion in zip(atlas.lesion_shapes(), lesions, strict=True):
        np.testing.assert_array_equal(piece.mask.data, lesion.data)
    data, read = atlas.lesion_map()
    both = (probability + probability[::-1]) / 2
    np.testing.assert_allclose(data, both, atol=both.max() / 200)
    assert read.same_place(grid)


@pytest.mark.parametrize("name", ["map.npz", "shapes.npz"])
def test_the_files_are_small(name):
    path = resources.files("brainfill.lesions").joinpath(f"ms/{name}")
    assert len(path.read_bytes()) < 60_000
