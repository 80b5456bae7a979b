"""Figures have four significant digits, whatever their size."""

import math

import pytest

from brainfill.core.figures import figure


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
