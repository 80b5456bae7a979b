"""The comparison in a few figures: whole cortex, mean over regions, near lesions; and against a noise floor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainfill.core.grid import FloatArray
from brainfill.thickness.agreement import (
    bland_altman,
    bootstrap_interval,
    change,
    icc_3_1,
    mean_known,
    signed_pct,
    wilcoxon_p,
)
from brainfill.thickness.compare import MEASURED, Cohort, finite, near_and_far
from brainfill.thickness.tables import HEMISPHERES


def summary(c: Cohort, near_mm: float, resamples: int, seed: int) -> dict[str, Any]:
    """The figures of a comparison for its record; None where one is not defined.

    The global mean is the mean over hemispheres of the mean over people of |x - y| / (x + y); the ROI average the mean
    over regions of the mean over people (METHODS 20.2, TABLES 1.3).

    Args:
        c: the measurements.
        near_mm: regions no farther from a lesion count as near.
        resamples: of the bootstrap.
        seed: of the bootstrap.
    """
    percent, whole = c.change_pct(), 100 * change(c.whole_before, c.whole_after)
    near, far = near_and_far(c, percent, near_mm)

    def interval(statistic: Callable[[NDArray[np.intp]], FloatArray]) -> list[float | None]:
        ends = bootstrap_interval(statistic, len(c.people), resamples, seed)
        return [finite(end) for end in ends]

    def averaged(values: FloatArray) -> dict[str, Any]:
        return {
            "Regions": int(np.isfinite(values).any(axis=0).sum()),
            "ChangePct": finite(roi_average(values)),
            "IntervalPct": interval(lambda people: roi_average(values[people])),
        }

    found = {
        "People": len(c.people),
        "Regions": len(c.regions),
        "Measured": int((c.status == MEASURED).sum()),
        "Skipped": skipped(c),
        "GlobalMean": {
            "ChangePct": finite(roi_average(whole)),
            "IntervalPct": interval(lambda people: roi_average(whole[people])),
            **_hemispheres(whole),
            "From": c.whole_from,
        },
        "ROIAverage": {
            **averaged(percent),
            "SymmetricPct": finite(2 * roi_average(percent)),
            "SignedPct": finite(roi_average(signed_pct(c.before, c.after))),
            "BiasMM": finite(roi_average(c.after - c.before)),
            "AbsoluteMM": finite(roi_average(np.abs(c.after - c.before))),
        },
        "OverPeople": _spread(mean_known(percent, 1)),
        "Agreement": _agreement(c),
    }
    if np.isfinite(c.distance_mm).any():
        found["NearLesion"] = {"WithinMM": near_mm, **averaged(near)}
        found["FarFromLesion"] = {"BeyondMM": near_mm, **averaged(far)}
    return found


def roi_average(values: FloatArray) -> FloatArray:
    """The mean over regions of the mean over people of values (P, R), without those that are NaN."""
    return mean_known(mean_known(values, 0))


def skipped(c: Cohort) -> dict[str, Any]:
    """How many pairs of measurements were skipped, and why."""
    reasons = Counter(str(s) for s in c.status.ravel() if s != MEASURED)
    return {"Count": sum(reasons.values()), "Reasons": dict(reasons)}


def verdict(found: Mapping[str, Any], floor: Mapping[str, Any]) -> dict[str, Any]:
    """Whether filling changes thickness by more than it varies anyway.

    Filling is not needed if the global mean, the ROI average and, where lesions are known, the average of the regions
    near them all change by less than the floor: the nearest regions by less than its ROI average.

    Args:
        found: `summary` of the comparison.
        floor: `summary` of pairs without a difference, such as rescans.

    Returns:
        `AboveFloor`, the names of what changed by more; `FillingNeeded`, None if nothing could be compared; `Sentence`.
    """
    against = {"GlobalMean": "GlobalMean", "ROIAverage": "ROIAverage", "NearLesion": "ROIAverage"}
    compared = {
        name: (found[name]["ChangePct"], floor[limit]["ChangePct"])
        for name, limit in against.items()
        if name in found
    }
    known = {n: (a, b) for n, (a, b) in compared.items() if a is not None and b is not None}
    above = [name for name, (a, b) in known.items() if a >= b]
    figures = ", ".join(f"{_WORDS[n]} {a:.2f} % (floor {b:.2f} %)" for n, (a, b) in known.items())
    if not known:
        needed, sentence = None, "the noise floor has no figure to compare with"
    elif above:
        names = " and ".join(_WORDS[name] for name in above)
        needed, sentence = True, f"filling changes the {names} by more than the floor: {figures}"
    else:
        needed, sentence = False, f"filling not needed for this tool: {figures}"
    return {"AboveFloor": above, "FillingNeeded": needed, "Sentence": sentence}


_WORDS = {
    "GlobalMean": "global mean",
    "ROIAverage": "ROI average",
    "NearLesion": "average near lesions",
}


def _hemispheres(whole: FloatArray) -> dict[str, Any]:
    if whole.shape[1] != len(HEMISPHERES):
        return {}
    means = mean_known(whole, 0)
    return {f"{side.title()}Pct": finite(means[i]) for i, side in enumerate(HEMISPHERES)}


def _spread(per_person: FloatArray) -> dict[str, float | None]:
    """Median and quartiles over people of their mean over regions."""
    known = per_person[np.isfinite(per_person)]
    quartiles = np.percentile(known, [25, 50, 75])
    names = ("FirstQuartilePct", "MedianPct", "ThirdQuartilePct")
    return {name: finite(value) for name, value in zip(names, quartiles, strict=True)}


def _agreement(c: Cohort) -> dict[str, Any]:
    """ICC, limits and test over people of their mean over regions; of one person over the regions, without a test."""
    if len(c.people) > 1:
        over, x, y = "people", mean_known(c.before, 1), mean_known(c.after, 1)
        p = finite(wilcoxon_p(x, y))
    else:  # regions of one person are not independent, so there is nothing to test
        over, x, y, p = "regions", c.before[0], c.after[0], None
    limits = bland_altman(x, y)
    return {
        "Over": over,
        "ICC31": finite(icc_3_1(np.stack([x, y], axis=1))),
        "BiasMM": finite(limits.bias),
        "LimitsMM": [finite(limits.low), finite(limits.high)],
        "WilcoxonP": p,
    }
