"""The ring match recovers a line, within bounds, from the ring alone."""

import numpy as np
import pytest

from brainfill.fillers._ring import ring_match

HOLE = np.zeros((16, 16, 16), bool)
HOLE[6:10, 6:10, 6:10] = True
IMAGE = np.random.default_rng(0).uniform(100, 200, HOLE.shape)


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (0.95, 12.0), (1.08, -7.0)])
def test_a_line_is_recovered(scale, offset):
    estimate = (IMAGE - offset) / scale
    assert ring_match(estimate, IMAGE, HOLE) == pytest.approx((scale, offset))


def test_the_scale_stays_within_a_tenth_and_the_means_agree():
    estimate = IMAGE / 2
    scale, offset = ring_match(estimate, IMAGE, HOLE)
    ring = np.zeros_like(HOLE)
    # Three steps over faces from a cube: its neighbours at a city-block distance of up to 3.
    away = np.abs(np.indices(HOLE.shape) - 7.5).T - 1.5
    ring = (np.clip(away, 0, None).sum(axis=-1) <= 3).T & ~HOLE
    assert scale == pytest.approx(1.1)
    assert (scale * estimate + offset)[ring].mean() == pytest.approx(IMAGE[ring].mean())


def test_far_voxels_and_background_and_the_hole_do_not_count():
    changed = IMAGE.copy()
    changed[HOLE] = 1e6
    changed[:2] = 1e6
    changed[5, 5, 5] = 0
    assert ring_match(IMAGE, changed, HOLE) == pytest.approx((1.0, 0.0))


def test_without_a_ring_nothing_is_changed():
    assert ring_match(IMAGE, np.zeros_like(IMAGE), HOLE) == (1.0, 0.0)


def test_a_flat_estimate_is_shifted_only():
    estimate = np.full_like(IMAGE, 50)
    scale, offset = ring_match(estimate, IMAGE, HOLE)
    assert scale == 1
    assert 100 < 50 + offset < 200
