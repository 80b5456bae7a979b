"""Figures have four significant digits, whatever their size."""

import math

import numpy as np
import pytest

from brainfill.core.figures import figure, figures


@pytest.mark.parametrize(
    ("value", "given"),
    [(85.34477, 85.34), (1.2249515142, 1.225), (-0.00012345, -0.0001234), (0, 0)],
)
def test_four_digits(value, given):
    assert figure(value) == pytest.approx(given, rel=1e-3)
    assert len(f"{abs(figure(value)):.10g}".replace(".", "").lstrip("0")) <= 4


def test_what_is_no_number_stays():
    assert math.isnan(figure(math.nan))
    assert figure(-math.inf) == -math.inf


@pytest.mark.parametrize("scale", [1e-3, 1, 1e4])
def test_an_image_has_one_step(scale):
    values = np.array([0, 0.0123, 12.3456, -29.169], np.float32) * np.float32(scale)
    found = figures(values)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found / scale, [0, 0.01, 12.35, -29.17], rtol=1e-5)
    np.testing.assert_array_equal(figures(values + np.float32(1e-5 * scale)), found)


def test_an_image_without_values():
    np.testing.assert_array_equal(figures(np.zeros(3, np.float32)), 0)
