"""Where lesions may be in a phantom whose tissues are known."""

import numpy as np
import pytest

from brainfill.core.grid import Grid
from brainfill.core.volume import LabelMap, Mask
from brainfill.lesions.anatomy import anatomy

GRID = Grid((20, 12, 10), np.diag([1.0, 1, 2, 1]))


def block():
    """White matter, grey at one end, a ventricle with a grey rim at the other."""
    labels = np.full(GRID.shape, 3)
    labels[15:] = 2
    labels[:3] = 1
    labels[3] = 2
    wet = np.zeros(GRID.shape, bool)
    wet[:3] = True
    return labels, wet


def test_grey_of_the_rim_is_permitted_and_distances_are_millimetres():
    labels, wet = block()
    found = anatomy(LabelMap(labels, GRID), Mask(wet, GRID))
    expected = np.zeros(GRID.shape, bool)
    expected[3:15] = True
    np.testing.assert_array_equal(found.permitted, expected)
    assert found.grey[15:].all()
    assert not found.grey[:15].any()
    np.testing.assert_allclose(found.ventricle_mm[:, 5, 5], [0, 0, 0, *range(1, 18)])
    np.testing.assert_allclose(found.grey_mm[10:16, 5, 5], [5, 4, 3, 2, 1, 0])


def test_specks_of_grey_are_white_matter_and_larger_pieces_are_not():
    labels, wet = block()
    labels[8, 5, 5] = 2  # 2 mm3
    labels[8:12, 8:12, 2:6] = 2  # 128 mm3
    found = anatomy(LabelMap(labels, GRID), Mask(wet, GRID))
    assert found.permitted[8, 5, 5]
    assert found.grey[8:12, 8:12, 2:6].all()


def test_without_ventricles_or_grey_distances_are_infinite():
    labels = np.full(GRID.shape, 3)
    found = anatomy(LabelMap(labels, GRID), Mask(np.zeros(GRID.shape, bool), GRID))
    assert found.permitted.all()
    assert np.isinf(found.ventricle_mm).all()
    assert np.isinf(found.grey_mm).all()


def test_fluid_and_what_is_outside_are_neither(tissue_phantom, tissue_grid):
    tissues, wet = tissue_phantom(tissue_grid)
    found = anatomy(tissues, wet)
    assert not found.permitted[np.isin(tissues.data, (0, 1))].any()
    assert not (found.permitted & found.grey).any()
    assert found.permitted[tissues.data == 3].all()
    far = found.ventricle_mm[tissues.data == 2].min()
    # The ball of white matter ends at y = -22, the ventricle at y = -9.
    assert far == pytest.approx(13, abs=1 + max(tissue_grid.spacing()))
