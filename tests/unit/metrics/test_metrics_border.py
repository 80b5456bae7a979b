"""The step at the borders of fills, worked out by hand."""

import math

import numpy as np
import pytest

from brainfill.metrics.border import border_step_pct

SHAPE = (20, 20, 20)


def cube(a, b):
    where = np.zeros(SHAPE, bool)
    where[a:b, a:b, a:b] = True
    return where


EVERYWHERE = np.ones(SHAPE, bool)


def test_a_fill_five_percent_too_bright():
    hole = cube(8, 12)
    image = np.where(hole, 105.0, 100.0)
    assert border_step_pct(image, hole, hole, EVERYWHERE) == pytest.approx(5)


def test_a_fill_too_dark_counts_the_same():
    hole = cube(8, 12)
    assert border_step_pct(np.where(hole, 95.0, 100.0), hole, hole, EVERYWHERE) == pytest.approx(5)


def test_bright_and_dark_fills_do_not_cancel():
    holes = [cube(3, 6), cube(12, 15)]
    image = np.full(SHAPE, 100.0)
    image[holes[0]], image[holes[1]] = 110, 90
    hole = holes[0] | holes[1]
    assert border_step_pct(image, hole, hole, EVERYWHERE) == pytest.approx(10)


def test_the_lesion_counts_not_the_ring_that_was_blended():
    lesion, hole = cube(8, 12), cube(7, 13)
    image = np.where(lesion, 120.0, np.where(hole, 110.0, 100.0))
    assert border_step_pct(image, lesion, hole, EVERYWHERE) == pytest.approx(20)


def test_background_and_a_ventricle_beside_make_no_step():
    hole = cube(8, 12)
    image = np.full(SHAPE, 100.0)
    image[12:] = 5
    shown = EVERYWHERE.copy()
    shown[:, :8] = False
    assert border_step_pct(image, hole, hole, shown) == 0


def test_a_lesion_at_the_end_of_the_image():
    hole = cube(0, 4)
    assert border_step_pct(np.where(hole, 104.0, 100.0), hole, hole, EVERYWHERE) == pytest.approx(4)


def test_without_lesion_or_tissue_it_is_not_defined():
    nothing = np.zeros(SHAPE, bool)
    assert math.isnan(border_step_pct(np.ones(SHAPE), nothing, nothing, EVERYWHERE))
    assert math.isnan(border_step_pct(np.ones(SHAPE), cube(8, 12), cube(8, 12), nothing))
