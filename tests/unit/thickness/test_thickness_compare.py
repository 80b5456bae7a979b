"""Comparing results: averages worked out by hand, and what is skipped."""

import math

import numpy as np
import pytest
from thickness_results import CUNEUS, LEFT, RIGHT, result

from brainfill.core.errors import DataError
from brainfill.thickness.compare import (
    Pair,
    cohort,
    measurements_table,
    one_pipeline,
    people_table,
    regions_table,
)
from brainfill.thickness.summary import summary, verdict

FLOOR = {"GlobalMean": {"ChangePct": 1.0}, "ROIAverage": {"ChangePct": 0.5}}


def pair(subject, before, after, distance_mm=None, record=None):
    return Pair(subject, result(before, record), result(after, record), distance_mm)


@pytest.fixture
def two():
    """Two people; of the second, one region has no thickness after and another is missing before.

    100 |x - y| / (x + y): a: 20 and 0; b: 100 / 3 in the left insula alone.
    """
    return cohort(
        [
            pair("a", {LEFT: 2, RIGHT: 3}, {LEFT: 3, RIGHT: 3}),
            pair("b", {LEFT: 1, RIGHT: 3}, {LEFT: 2, RIGHT: 0, CUNEUS: 2}),
        ]
    )


def test_what_is_skipped_is_counted_and_never_0(two):
    assert two.regions == (LEFT, RIGHT, CUNEUS)
    assert two.status.tolist() == [
        ["measured", "measured", "missing before and after"],
        ["measured", "no thickness after", "missing before"],
    ]
    np.testing.assert_allclose(two.change_pct(), [[20, 0, math.nan], [100 / 3, math.nan, math.nan]])
    found = summary(two, 5, 100, 0)
    assert (found["Measured"], found["Skipped"]["Count"]) == (3, 3)
    assert found["Skipped"]["Reasons"] == {
        "missing before and after": 1,
        "no thickness after": 1,
        "missing before": 1,
    }


def test_roi_average_by_hand(two):
    # Mean over regions of the mean over people: ((20 + 33.33) / 2 + 0) / 2.
    found = summary(two, 5, 100, 0)["ROIAverage"]
    assert found["ChangePct"] == pytest.approx(((20 + 100 / 3) / 2 + 0) / 2)
    assert found["SymmetricPct"] == pytest.approx(2 * found["ChangePct"])
    assert found["Regions"] == 2
    assert found["BiasMM"] == pytest.approx(((1 + 1) / 2 + 0) / 2)
    assert found["SignedPct"] == pytest.approx(((40 + 200 / 3) / 2 + 0) / 2)


def test_global_mean_by_hand():
    # Per hemisphere the mean over people, then the mean of both (METHODS 20.2), not of the joined cortex.
    def of(left, right):
        return {"Global": {"left_mm": left, "right_mm": right, "mean_mm": 9}}

    pairs = [
        Pair("a", result({LEFT: 2}, of(2, 2)), result({LEFT: 2}, of(3, 2))),
        Pair("b", result({LEFT: 2}, of(1, 2)), result({LEFT: 2}, of(2, 2))),
    ]
    found = summary(cohort(pairs), 5, 100, 0)["GlobalMean"]
    assert found["LeftPct"] == pytest.approx((20 + 100 / 3) / 2)
    assert found["RightPct"] == 0
    assert found["ChangePct"] == pytest.approx((20 + 100 / 3) / 4)
    assert found["From"] == "hemispheres of the records"


def test_global_mean_from_regions_is_weighted_by_voxels():
    before, after = result({LEFT: 2, CUNEUS: 3, RIGHT: 2}), result({LEFT: 2, CUNEUS: 3, RIGHT: 3})
    found = cohort([Pair("a", before, after)])
    np.testing.assert_allclose(found.whole_before, [[2.5, 2]])
    np.testing.assert_allclose(found.whole_after, [[2.5, 3]])
    assert found.whole_from.startswith("regions of each hemisphere")


def test_global_mean_of_records_without_hemispheres():
    left_only = result({LEFT: 2}, {"Global": {"mean_mm": 2}})
    after = result({LEFT: 2}, {"Global": {"mean_mm": 3}})
    found = summary(cohort([Pair("a", left_only, after)]), 5, 100, 0)["GlobalMean"]
    assert found["ChangePct"] == pytest.approx(20)
    assert "LeftPct" not in found
    nowhere = summary(cohort([pair("a", {LEFT: 2}, {LEFT: 3})]), 5, 100, 0)["GlobalMean"]
    assert (nowhere["ChangePct"], nowhere["From"]) == (None, "nowhere")


def test_two_pipelines_are_refused():
    mixed = Pair("a", result({LEFT: 2}), result({LEFT: 2}, {"Backend": "other"}, "after.tsv"))
    with pytest.raises(DataError, match=r"'r.tsv' and 'after.tsv' were measured by two pipelines"):
        cohort([mixed])
    one = pair("a", {LEFT: 2}, {LEFT: 2})
    newer = pair("b", {LEFT: 2}, {LEFT: 2}, record={"BackendVersion": "2"})
    with pytest.raises(DataError, match="two pipelines"):
        cohort([one, newer])
    one_pipeline([result({LEFT: 2}), result({LEFT: 3})])


def test_people_and_regions_that_cannot_be_compared():
    with pytest.raises(DataError, match="no pair"):
        cohort([])
    with pytest.raises(DataError, match="person 'a' is there 2 times"):
        cohort([pair("a", {LEFT: 2}, {LEFT: 2})] * 2)
    with pytest.raises(DataError, match="no region has a thickness both"):
        cohort([pair("a", {LEFT: 2}, {RIGHT: 2})])


def many(n=12, shift=0.02):
    rng = np.random.default_rng(0)
    pairs = []
    for i in range(n):
        before = {region: round(rng.normal(2.5, 0.2), 4) for region in (LEFT, RIGHT, CUNEUS)}
        after = {r: round(mm + rng.normal(shift, 0.01), 4) for r, mm in before.items()}
        distance = {LEFT: 2.0, RIGHT: 30.0, CUNEUS: math.nan}
        pairs.append(pair(f"p{i}", before, after, distance))
    return cohort(pairs)


def test_regions_of_a_cohort_against_scipy():
    from scipy import stats

    everyone = many()
    found = regions_table(everyone, 5, 500, 0)
    for r, row in enumerate(found):
        x, y = everyone.before[:, r], everyone.after[:, r]
        assert row["wilcoxon_p"] == pytest.approx(stats.wilcoxon(x, y).pvalue)
        assert row["holm_p"] >= row["wilcoxon_p"]
        assert row["change_low_pct"] < row["change_pct"] < row["change_high_pct"]
        assert row["bias_mm"] == pytest.approx((y - x).mean())
        assert row["abs_mm"] == pytest.approx(np.abs(y - x).mean())
        assert (row["people"], row["skipped"]) == (12, 0)
    assert [row["near_lesion"] for row in found] == [12, 0, 0]
    assert found == regions_table(everyone, 5, 500, 0)
    assert found != regions_table(everyone, 5, 500, 1)


def test_identical_results_do_not_differ():
    same = cohort([pair(n, {LEFT: 2, RIGHT: 3}, {LEFT: 2, RIGHT: 3}) for n in "abcd"])
    for row in regions_table(same, 5, 100, 0):
        assert (row["change_pct"], row["change_low_pct"], row["change_high_pct"]) == (0, 0, 0)
        assert (row["wilcoxon_p"], row["holm_p"], row["bias_mm"]) == (1, 1, 0)
    assert summary(same, 5, 100, 0)["ROIAverage"]["IntervalPct"] == [0, 0]


def test_near_and_far_are_told_apart():
    everyone = many()
    percent = everyone.change_pct()
    found = summary(everyone, 5, 200, 0)
    assert found["NearLesion"]["ChangePct"] == pytest.approx(percent[:, 0].mean())
    assert found["FarFromLesion"]["ChangePct"] == pytest.approx(percent[:, 1].mean())
    assert summary(everyone, 40, 200, 0)["NearLesion"]["Regions"] == 2
    assert summary(everyone, 40, 200, 0)["FarFromLesion"]["ChangePct"] is None
    assert "NearLesion" not in summary(cohort([pair("a", {LEFT: 2}, {LEFT: 2})]), 5, 100, 0)


def test_people_table_by_hand(two):
    a, b = people_table(two, 5)
    assert a["roi_change_pct"] == pytest.approx(10)
    assert a["roi_change_by_volume_pct"] == pytest.approx(10)
    assert (a["regions"], a["skipped"]) == (2, 1)
    assert b["roi_change_pct"] == pytest.approx(100 / 3)
    assert (b["regions"], b["skipped"], b["near_lesion_change_pct"]) == (1, 2, None)


def test_measurements_hold_every_pair(two):
    found = measurements_table(two)
    assert len(found) == 6
    assert [row["status"] for row in found].count("measured") == 3
    assert all((row["change_pct"] is None) == (row["status"] != "measured") for row in found)


def test_agreement_of_a_cohort_is_over_people_and_of_one_person_over_regions():
    everyone = summary(many(), 5, 100, 0)["Agreement"]
    assert everyone["Over"] == "people"
    assert 0.9 < everyone["ICC31"] <= 1
    assert everyone["WilcoxonP"] == pytest.approx(2 / 2**12)
    alone = summary(many(1), 5, 100, 0)
    assert alone["Agreement"]["Over"] == "regions"
    assert alone["Agreement"]["WilcoxonP"] is None
    assert alone["ROIAverage"]["IntervalPct"] == [None, None]


@pytest.mark.parametrize(
    ("whole", "regions", "near", "needed", "above"),
    [
        (0.9, 0.4, 0.4, False, []),
        (0.9, 0.4, None, False, []),
        (1.0, 0.4, 0.4, True, ["GlobalMean"]),
        (0.9, 0.6, 0.4, True, ["ROIAverage"]),
        (0.9, 0.4, 0.6, True, ["NearLesion"]),
        (None, 0.4, None, False, []),
    ],
)
def test_verdict(whole, regions, near, needed, above):
    found = {"GlobalMean": {"ChangePct": whole}, "ROIAverage": {"ChangePct": regions}}
    found |= {} if near is None else {"NearLesion": {"ChangePct": near}}
    said = verdict(found, FLOOR)
    assert said["FillingNeeded"] is needed
    assert said["AboveFloor"] == above
    assert ("filling not needed for this tool" in said["Sentence"]) is not needed


def test_verdict_without_any_figure():
    found = {"GlobalMean": {"ChangePct": None}, "ROIAverage": {"ChangePct": None}}
    assert verdict(found, FLOOR)["FillingNeeded"] is None
