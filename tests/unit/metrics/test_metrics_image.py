"""Similarity inside the mask: closed forms, cases by hand, and plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest

from brainfill.core.errors import GeometryError
from brainfill.core.grid import BoolArray, FloatArray
from brainfill.metrics.image import (
    fill_metrics,
    mae,
    mse,
    psnr_01,
    scaled,
    ssim3d,
    ssim_brats,
)

SHAPE = (14, 15, 16)


def image(seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).uniform(200, 1000, SHAPE).astype(np.float32)


def block() -> BoolArray:
    mask = np.zeros(SHAPE, bool)
    mask[4:10, 5:9, 3:12] = True
    return mask


def test_identical_images() -> None:
    found = fill_metrics(image(), image(), block())
    assert found["mse"] == found["mae"] == 0
    assert found["psnr_01"] == math.inf
    assert found["ssim_brats"] == pytest.approx(1)
    assert found["ssim3d"] == pytest.approx(1)


def test_a_constant_shift() -> None:
    truth = np.full(SHAPE, 400, np.float32)
    truth[0] = 0
    truth[1] = 1000  # more than half a percent: the percentiles are 0 and 1000
    found = fill_metrics(truth + 100, truth, block())
    assert found["mae"] == pytest.approx(0.1, rel=1e-5)
    assert found["mse"] == pytest.approx(0.01, rel=1e-5)
    assert found["psnr_01"] == pytest.approx(20, abs=1e-4)


def test_three_voxels_by_hand() -> None:
    truth = np.zeros((5, 5, 5), np.float32)
    truth[2] = 10
    mask = np.zeros(truth.shape, bool)
    mask[2, 2, 1:4] = True
    prediction = truth.copy()
    prediction[2, 2, 1:4] = 10, 8, 4
    s = scaled(prediction, truth, mask)  # the scale is 0 to 10
    assert mse(s) == pytest.approx((0 + 0.04 + 0.36) / 3)
    assert mae(s) == pytest.approx((0 + 0.2 + 0.6) / 3)
    assert psnr_01(s) == pytest.approx(10 * math.log10(3 / 0.4))


def test_percentiles_of_the_voided_truth_set_the_scale() -> None:
    truth, mask = image(), block()
    voided = np.where(mask, 0, truth)
    low, high = np.percentile(voided, [0.5, 99.5])
    assert low == 0  # of the 216 voids
    s = scaled(truth, truth, mask)
    np.testing.assert_allclose(s.truth[mask], np.minimum(truth, high)[mask] / high, rtol=1e-5)
    assert (s.truth[~mask] == 0).all()
    wider = scaled(truth, truth, mask, voided * 2)
    np.testing.assert_allclose(wider.truth[mask], (truth / (2 * high))[mask], rtol=1e-5)


def test_a_low_percentile_above_zero_is_taken_off_and_one_below_is_not() -> None:
    truth, mask = image(), block()
    low, high = np.percentile(truth, [0.5, 99.5])
    expected = (np.clip(truth, low, high) - low) / (high - low)
    s = scaled(truth, truth, mask, truth)
    np.testing.assert_allclose(s.truth[mask], expected[mask], atol=1e-5)
    negative = scaled(truth - 600, truth - 600, mask, truth - 600)
    high -= 600
    np.testing.assert_allclose(
        negative.truth[mask], (np.clip(truth - 600, 0, high) / high)[mask], atol=1e-5
    )


def test_too_bright_costs_nothing() -> None:
    truth, mask = image(), block()
    truth[mask] = 2000  # above the percentile of the rest
    assert mse(scaled(truth + 500, truth, mask)) == 0


def test_outside_the_mask_nothing_counts() -> None:
    truth, mask = image(), block()
    prediction = np.where(mask, image(1), 0)
    other = np.where(mask, image(1), 5000)
    one, two = (fill_metrics(p, truth, mask) for p in (prediction, other))
    for name in ("mse", "mae", "psnr_01", "ssim_brats", "ssim3d"):
        assert one[name] == two[name]


def gaussian() -> FloatArray:
    taps = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    return taps / taps.sum()


def ssim_by_loops(p: FloatArray, g: FloatArray, mask: BoolArray, axes: tuple[int, ...]) -> float:
    """The definition, window by window."""
    span = max(np.ptp(p), np.ptp(g))
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    pad = [(5, 5) if a in axes else (0, 0) for a in range(3)]
    p, g = (np.pad(x.astype(np.float64), pad, mode="reflect") for x in (p, g))
    taps = [gaussian() if a in axes else np.ones(1) for a in range(3)]
    window = np.einsum("i,j,k->ijk", *taps)
    total = []
    for place in np.argwhere(mask):
        at = tuple(slice(i, i + n) for i, n in zip(place, window.shape, strict=True))
        a, b = p[at], g[at]
        ma, mb = (window * a).sum(), (window * b).sum()
        va, vb = (window * a * a).sum() - ma**2, (window * b * b).sum() - mb**2
        cov = (window * a * b).sum() - ma * mb
        total.append((2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2)))
    return float(np.mean(total))


@pytest.mark.parametrize("where", ["middle", "end"])
def test_ssim_is_the_definition(where: str) -> None:
    mask = block()
    if where == "end":
        mask = np.roll(mask, (-4, 6, 4), (0, 1, 2))
    s = scaled(image(1), image(0), mask)
    assert ssim_brats(s) == pytest.approx(
        ssim_by_loops(s.prediction, s.truth, mask, (1, 2)), abs=1e-6
    )
    assert ssim3d(s) == pytest.approx(
        ssim_by_loops(s.prediction, s.truth, mask, (0, 1, 2)), abs=1e-6
    )


def test_the_planes_of_ssim_brats_lie_across_the_first_axis() -> None:
    truth, mask = image(), block()
    shuffled = truth.copy()
    shuffled[4:10] = truth[[9, 8, 7, 6, 5, 4]]
    turned = (truth.transpose(2, 0, 1), shuffled.transpose(2, 0, 1), mask.transpose(2, 0, 1))
    straight = ssim_brats(scaled(shuffled, truth, mask))
    assert straight != pytest.approx(ssim_brats(scaled(turned[1], turned[0], turned[2])), abs=1e-3)
    assert ssim3d(scaled(shuffled, truth, mask)) == pytest.approx(
        ssim3d(scaled(turned[1], turned[0], turned[2])), abs=1e-6
    )


def test_empty_mask_is_nan() -> None:
    found = fill_metrics(image(), image(1), np.zeros(SHAPE, bool))
    assert all(math.isnan(v) for v in found.values())


def test_names() -> None:
    found = fill_metrics(image(), image(1), block())
    assert {"ssim_brats", "ssim3d", "psnr_01", "mse", "mae", "local_sd_ratio"} < set(found)
    assert {f"stripe_axis{i}" for i in range(3)} < set(found)


def test_constant_images_have_values() -> None:
    flat, mask = np.full(SHAPE, 5, np.float32), block()
    found = fill_metrics(flat, flat, mask)
    assert (found["mse"], found["ssim3d"]) == (0, pytest.approx(1))
    assert fill_metrics(np.zeros(SHAPE), np.zeros(SHAPE), mask)["ssim_brats"] == 1


def test_shapes_must_agree() -> None:
    with pytest.raises(GeometryError, match=r"prediction \(14, 15, 16\), truth \(14, 15, 15\)"):
        fill_metrics(image(), image()[..., 1:], block())
