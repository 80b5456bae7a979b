"""Ventricles among all fluid: those of the template, and those of a phantom near where they are expected."""

import numpy as np
import pytest
from scipy import ndimage

from brainfill.core.errors import DataError
from brainfill.core.volume import LabelMap, Mask
from brainfill.preprocess.ventricles import mni_ventricles, ventricles


def test_those_of_the_template_are_one_piece_on_both_sides_in_the_middle():
    found = mni_ventricles()
    assert 15 < found.volume_ml() < 25  # lateral ventricles of adults
    assert ndimage.label(found.data)[1] == 1
    xyz = found.grid.to_world(np.argwhere(found.data).astype(float))
    np.testing.assert_allclose(np.abs(xyz.mean(axis=0)), (0, 20, 15), atol=6)
    assert np.abs(xyz[:, 0]).max() < 40
    mirrored = found.data[::-1]
    assert 2 * (found.data & mirrored).sum() / (2 * found.data.sum()) > 0.9


def test_fluid_near_the_expected_place_and_hanging_on_it(tissue_phantom, tissue_grid):
    """Found although only its middle was expected; fluid around the brain stays out."""
    tissues, wet = tissue_phantom(tissue_grid)
    middle = ndimage.distance_transform_edt(wet.data, sampling=tissue_grid.spacing()) > 1.6
    found = ventricles(tissues, Mask(middle, tissue_grid))
    np.testing.assert_array_equal(found.data, wet.data)


def test_no_further_than_the_reach(tissue_phantom, tissue_grids):
    grid = tissue_grids["RAS"]
    tissues, _ = tissue_phantom(grid)
    start = np.zeros(grid.shape, bool)
    start[tuple(np.rint(grid.to_index(np.array([[2.0, -1, 1]]))[0]).astype(int))] = True
    found = ventricles(tissues, Mask(start, grid), reach_mm=3.0)
    far = ndimage.distance_transform_edt(~start, sampling=grid.spacing())
    np.testing.assert_array_equal(found.data, (tissues.data == 1) & (far <= 3))


def test_fluid_apart_from_the_expected_place_is_none(tissue_phantom, tissue_grids):
    grid = tissue_grids["RAS"]
    tissues, wet = tissue_phantom(grid)
    cleft = tissues.data.copy()
    i, j, k = np.rint(grid.to_index(np.array([[10.0, -1, 1]]))[0]).astype(int)
    cleft[i : i + 2, j, k] = 1  # 3 mm beside the ventricle
    found = ventricles(LabelMap(cleft, grid), wet)
    np.testing.assert_array_equal(found.data, wet.data)


def test_no_fluid_is_an_error(tissue_phantom, tissue_grids):
    grid = tissue_grids["RAS"]
    tissues, wet = tissue_phantom(grid)
    dry = LabelMap(np.where(tissues.data == 1, 2, tissues.data), grid)
    with pytest.raises(DataError, match="no ventricles were found"):
        ventricles(dry, wet)
