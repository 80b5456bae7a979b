"""Agreement of two measurements: hand-worked values, published examples, other libraries."""

import math

import numpy as np
import pytest
from scipy import stats

from brainfill.thickness.agreement import (
    bland_altman,
    bootstrap_interval,
    change,
    holm,
    icc_3_1,
    mean_known,
    signed_pct,
    wilcoxon_p,
)

NAN = math.nan
# Shrout & Fleiss 1979, table 2: six targets, four judges; table 4 gives ICC(3,1) = 0.71.
SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)


def test_change_by_hand():
    # METHODS 27.10, and half of the relative difference: 0.1 mm of 2.5 mm are 2 %.
    found = change(np.array([2.0, 2, 1, 2.45]), np.array([2.0, 1, 2, 2.55]))
    np.testing.assert_allclose(found, [0, 1 / 3, 1 / 3, 0.02])


@pytest.mark.parametrize(("x", "y"), [(0, 0), (NAN, 2), (2, NAN), (NAN, NAN)])
def test_what_was_not_measured_has_no_change(x, y):
    assert math.isnan(change(np.array([x]), np.array([y]))[0])
    assert math.isnan(signed_pct(np.array([x]), np.array([y]))[0])


def test_signed_change_by_hand():
    found = signed_pct(np.array([2.0, 3, 2]), np.array([3.0, 2, 2]))
    np.testing.assert_allclose(found, [40, -40, 0])


def test_icc_of_the_published_example():
    # Their mean squares are 11.24 between targets and 1.02 of the residual.
    assert icc_3_1(SHROUT_FLEISS) == pytest.approx(0.7148, abs=5e-5)


def test_icc_knows_consistency_not_agreement():
    x = np.random.default_rng(0).normal(2.5, 0.3, 20)
    assert icc_3_1(np.stack([x, x + 5], axis=1)) == pytest.approx(1)
    assert icc_3_1(np.stack([x, x.mean() * 2 - x], axis=1)) == pytest.approx(-1)


def test_icc_of_too_little():
    assert math.isnan(icc_3_1(SHROUT_FLEISS[:2]))
    assert math.isnan(icc_3_1(np.full((5, 2), 2.5)))
    holes = SHROUT_FLEISS.copy()
    holes[0, 1] = NAN
    assert icc_3_1(holes) == pytest.approx(icc_3_1(SHROUT_FLEISS[1:]))


def test_holm_by_hand():
    # Sorted 0.005 * 4, 0.01 * 3, 0.03 * 2, 0.04 * 1, each at least the one before.
    found = holm(np.array([0.01, 0.04, NAN, 0.03, 0.005]))
    np.testing.assert_allclose(found, [0.03, 0.06, NAN, 0.06, 0.02])
    np.testing.assert_allclose(holm(np.array([0.6, 0.7])), [1, 1])
    assert holm(np.array([])).size == 0


def test_wilcoxon_by_hand():
    # All five differences positive: 2 of the 32 equally likely sums of signed ranks are as extreme.
    before, after = np.array([2.0, 2.1, 2.2, 2.3, 2.4]), np.array([2.11, 2.22, 2.33, 2.44, 2.55])
    assert wilcoxon_p(before, after) == pytest.approx(2 / 32)


@pytest.mark.parametrize("n", [6, 20, 80])
def test_wilcoxon_is_that_of_scipy(n):
    rng = np.random.default_rng(n)
    before = rng.normal(2.5, 0.2, n)
    after = before + rng.normal(0.03, 0.1, n)
    wanted = stats.wilcoxon(before, after).pvalue
    assert wilcoxon_p(before, after) == pytest.approx(wanted)
    with_holes = np.append(before, [NAN, 2.0]), np.append(after, [2.0, NAN])
    assert wilcoxon_p(*with_holes) == pytest.approx(wanted)


def test_wilcoxon_of_ties_and_of_nothing():
    same = np.full(7, 2.5)
    assert wilcoxon_p(same, same) == 1
    tied = same + np.array([0, 0, 0.5, 0.5, -0.5, 0.5, 0.5])  # pytest would make a warning an error
    assert 0.05 < wilcoxon_p(same, tied) < 1
    assert math.isnan(wilcoxon_p(same[:2], tied[:2]))


def test_bland_altman_by_hand():
    # Differences 0.1, 0.2, 0.3: mean 0.2, standard deviation 0.1.
    found = bland_altman(np.array([2.0, 2, 2, NAN]), np.array([2.1, 2.2, 2.3, 2]))
    np.testing.assert_allclose(found, [0.2, 0.1, 0.2 - 0.196, 0.2 + 0.196])
    assert all(map(math.isnan, bland_altman(np.array([2.0]), np.array([2.1]))))


def test_means_leave_out_what_is_unknown():
    values = np.array([[1.0, NAN], [3, NAN]])
    np.testing.assert_allclose(mean_known(values), [2, NAN])
    np.testing.assert_allclose(mean_known(values, 1), [1, 3])
    assert mean_known(values, None) == 2


def test_bootstrap_interval_is_that_of_the_mean():
    values = np.random.default_rng(1).normal(10, 2, 200)
    low, high = bootstrap_interval(lambda people: values[people].mean(), 200, 4000, 0)
    error = values.std() / np.sqrt(200)
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)


def test_bootstrap_is_that_of_scipy():
    values = np.random.default_rng(2).exponential(1, 30)
    wanted = stats.bootstrap(
        (values,), np.mean, n_resamples=9999, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    found = bootstrap_interval(lambda people: values[people].mean(), 30, 9999, 1)
    np.testing.assert_allclose(found, wanted, rtol=0.02)


def test_bootstrap_follows_its_seed():
    values = np.random.default_rng(3).normal(size=(12, 4))

    def interval(seed):
        return bootstrap_interval(lambda people: values[people].mean(axis=0), 12, 200, seed)

    np.testing.assert_array_equal(interval(5), interval(5))
    assert (interval(5)[0] != interval(6)[0]).any()


def test_bootstrap_of_few_people_and_of_holes():
    values = np.array([[1.0, NAN], [2, NAN], [3, 5]])
    low, high = bootstrap_interval(lambda people: mean_known(values[people]), 3, 500, 0)
    assert 1 <= low[0] < high[0] <= 3
    assert (low[1], high[1]) == (5, 5)  # of the resamples that hold the third person
    none = bootstrap_interval(lambda people: mean_known(values[people, 1:] * NAN), 3, 100, 0)
    assert np.isnan(none).all()
    few = bootstrap_interval(lambda people: mean_known(values[people]), 2, 100, 0)
    assert np.isnan(few).all()
    assert few[0].shape == (2,)
