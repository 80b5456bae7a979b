"""Did thickness change? Regions, people and the whole cortex, before and after (METHODS 20.2, METRICS 4.1)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from brainfill.core.errors import DataError
from brainfill.core.grid import FloatArray
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
from brainfill.thickness.tables import HEMISPHERES, Region, ThicknessTable

MEASURED = "measured"


@dataclass(frozen=True, eq=False)
class Pair:
    """One person before and after.

    Args:
        subject: name.
        before: thickness of the scan as it was.
        after: thickness of the filled scan.
        distance_mm: of each region to the nearest lesion, or None if that is not known.
    """

    subject: str
    before: ThicknessTable
    after: ThicknessTable
    distance_mm: Mapping[Region, float] | None = None


@dataclass(frozen=True, eq=False)
class Cohort:
    """Measurements of P people in R regions, as arrays.

    Args:
        people: names (P).
        regions: those of any person, in the order of the tables (R).
        before: mean thickness [mm] (P, R); NaN where the pair is skipped.
        after: likewise.
        status: (P, R), "measured", or why the pair is skipped.
        volume_ml: mean volume of the region before and after (P, R); NaN where unknown.
        distance_mm: of the region to the nearest lesion (P, R); NaN where unknown.
        whole_before: thickness of the whole cortex [mm] (P, H); H is left and right, or 1.
        whole_after: likewise.
        whole_from: where these come from, for the record.
    """

    people: tuple[str, ...]
    regions: tuple[Region, ...]
    before: FloatArray
    after: FloatArray
    status: np.ndarray[Any, Any]
    volume_ml: FloatArray
    distance_mm: FloatArray
    whole_before: FloatArray
    whole_after: FloatArray
    whole_from: str

    def change_pct(self) -> FloatArray:
        """100 |x - y| / (x + y) of every person and region (P, R)."""
        return 100 * change(self.before, self.after)


def cohort(pairs: Sequence[Pair]) -> Cohort:
    """The measurements of some people, side by side.

    Raises:
        DataError: no pair, a person twice, two pipelines, or no region measured both before and after.
    """
    if not pairs:
        msg = "there is no pair of thickness results to compare"
        raise DataError(msg, "give at least one row of before and after")
    repeated = [name for name, n in Counter(p.subject for p in pairs).items() if n > 1]
    if repeated:
        msg = f"person '{repeated[0]}' is there {Counter(p.subject for p in pairs)[repeated[0]]} times"
        raise DataError(msg, "one row per person: intervals and tests take people as independent")
    one_pipeline([table for pair in pairs for table in (pair.before, pair.after)])
    regions = tuple(
        dict.fromkeys(r for p in pairs for table in (p.before, p.after) for r in table.regions)
    )
    cells = [[_cell(pair, region) for region in regions] for pair in pairs]
    status = np.array([[c[0] for c in row] for row in cells], dtype=object)
    if not (status == MEASURED).any():
        a, b = pairs[0].before.source, pairs[0].after.source
        msg = f"no region has a thickness both in '{a}' and in '{b}'"
        raise DataError(msg, "check that both tables name regions alike")
    before, after, volume_ml, distance_mm = (
        np.array([[c[i] for c in row] for row in cells], dtype=np.float64) for i in range(1, 5)
    )
    whole_before, whole_after, whole_from = _whole(pairs)
    return Cohort(
        tuple(p.subject for p in pairs),
        regions,
        before,
        after,
        status,
        volume_ml,
        distance_mm,
        whole_before,
        whole_after,
        whole_from,
    )


def one_pipeline(tables: Sequence[ThicknessTable]) -> None:
    """Refuse results of different pipelines: their absolute thickness differs (Kharabian Masouleh 2020).

    Raises:
        DataError: names two of them.
    """
    first = tables[0]
    for other in tables:
        if other.pipeline != first.pipeline:
            msg = (
                f"'{first.source}' and '{other.source}' were measured by two pipelines: found {first.pipeline} and "
                f"{other.pipeline}, expected one"
            )
            raise DataError(
                msg, "measure both with the same tool, version and settings: brainfill thickness"
            )


def regions_table(
    c: Cohort, near_mm: float, resamples: int, seed: int
) -> list[dict[str, str | float | int | None]]:
    """One row per region over all people; None where a figure is not defined.

    Args:
        c: the measurements.
        near_mm: regions no farther from a lesion count as near.
        resamples: of the bootstrap.
        seed: of the bootstrap.
    """
    percent = c.change_pct()
    low, high = bootstrap_interval(
        lambda people: mean_known(percent[people]), len(c.people), resamples, seed
    )
    difference = c.after - c.before
    p = np.array([wilcoxon_p(c.before[:, r], c.after[:, r]) for r in range(len(c.regions))])
    adjusted = holm(p)
    near = c.distance_mm <= near_mm
    rows = []
    for r, region in enumerate(c.regions):
        x, y = c.before[:, r], c.after[:, r]
        limits = bland_altman(x, y)
        figures = {
            "before_mm": mean_known(x),
            "after_mm": mean_known(y),
            "change_pct": mean_known(percent[:, r]),
            "change_low_pct": low[r],
            "change_high_pct": high[r],
            "symmetric_pct": 2 * mean_known(percent[:, r]),
            "signed_pct": mean_known(signed_pct(x, y)),
            "bias_mm": mean_known(difference[:, r]),
            "abs_mm": mean_known(np.abs(difference[:, r])),
            "limit_low_mm": limits.low,
            "limit_high_mm": limits.high,
            "icc_3_1": icc_3_1(np.stack([x, y], axis=1)),
            "wilcoxon_p": p[r],
            "holm_p": adjusted[r],
        }
        measured = int((c.status[:, r] == MEASURED).sum())
        rows.append(
            {
                "region": region.region,
                "hemisphere": region.hemisphere or None,
                "people": measured,
                "skipped": len(c.people) - measured,
                "near_lesion": int(near[:, r].sum()) if np.isfinite(c.distance_mm).any() else None,
                **{name: finite(value) for name, value in figures.items()},
            }
        )
    return rows


def measurements_table(c: Cohort) -> list[dict[str, str | float | None]]:
    """One row per person and region, with those that were skipped and why."""
    percent, signed = c.change_pct(), signed_pct(c.before, c.after)
    return [
        {
            "subject": subject,
            "region": region.region,
            "hemisphere": region.hemisphere or None,
            "status": c.status[i, r],
            "before_mm": finite(c.before[i, r]),
            "after_mm": finite(c.after[i, r]),
            "change_pct": finite(percent[i, r]),
            "signed_pct": finite(signed[i, r]),
            "distance_to_lesion_mm": finite(c.distance_mm[i, r]),
        }
        for i, subject in enumerate(c.people)
        for r, region in enumerate(c.regions)
    ]


def people_table(c: Cohort, near_mm: float) -> list[dict[str, str | float | int | None]]:
    """One row per person: the whole cortex and means over regions."""
    percent = c.change_pct()
    near, far = near_and_far(c, percent, near_mm)
    weights = np.where(np.isfinite(percent), c.volume_ml, np.nan)
    complete = np.isfinite(weights).sum(axis=1) == np.isfinite(percent).sum(axis=1)
    weighted = mean_known(percent * weights, 1) / mean_known(weights, 1)
    figures = {
        "global_before_mm": mean_known(c.whole_before, 1),
        "global_after_mm": mean_known(c.whole_after, 1),
        "global_change_pct": mean_known(100 * change(c.whole_before, c.whole_after), 1),
        "roi_change_pct": mean_known(percent, 1),
        "roi_change_by_volume_pct": np.where(complete, weighted, np.nan),
        "near_lesion_change_pct": mean_known(near, 1),
        "far_from_lesion_change_pct": mean_known(far, 1),
    }
    return [
        {
            "subject": subject,
            **{name: finite(values[i]) for name, values in figures.items()},
            "regions": int((c.status[i] == MEASURED).sum()),
            "skipped": int((c.status[i] != MEASURED).sum()),
        }
        for i, subject in enumerate(c.people)
    ]


def near_and_far(c: Cohort, values: FloatArray, near_mm: float) -> tuple[FloatArray, FloatArray]:
    """Values (P, R) of the regions near a lesion and of the others; NaN elsewhere and where no lesion is known."""
    near, far = c.distance_mm <= near_mm, c.distance_mm > near_mm
    return np.where(near, values, np.nan), np.where(far, values, np.nan)


def finite(value: Any) -> float | None:  # noqa: ANN401 - any number
    """A number, or None for NaN."""
    return float(value) if math.isfinite(value) else None


def _cell(pair: Pair, region: Region) -> tuple[str, float, float, float, float]:
    """Status, thickness before and after [mm], volume [ml] and distance to a lesion [mm] of one region."""
    tables = {"before": pair.before, "after": pair.after}
    found = {when: table.regions.get(region) for when, table in tables.items()}
    missing = [when for when, m in found.items() if m is None]
    empty = [when for when, m in found.items() if m is not None and not math.isfinite(m.mean_mm)]
    distance = (pair.distance_mm or {}).get(region, math.nan)
    if missing or empty:
        why = (
            f"missing {' and '.join(missing)}" if missing else f"no thickness {' and '.join(empty)}"
        )
        return why, math.nan, math.nan, math.nan, distance
    x, y = (m for m in found.values() if m is not None)
    return MEASURED, x.mean_mm, y.mean_mm, (x.volume_ml + y.volume_ml) / 2, distance


def _whole(pairs: Sequence[Pair]) -> tuple[FloatArray, FloatArray, str]:
    """Thickness of the whole cortex (P, H), from the best source that all results have."""
    tables = [[p.before for p in pairs], [p.after for p in pairs]]
    every = [t for side in tables for t in side]
    if all(h in t.global_mm for t in every for h in HEMISPHERES):
        taken = [[[t.global_mm[h] for h in HEMISPHERES] for t in side] for side in tables]
        where = "hemispheres of the records"
    elif np.isfinite([_over_regions(t) for t in every]).all():
        taken = [[_over_regions(t) for t in side] for side in tables]
        where = "regions of each hemisphere, weighted by their voxels"
    elif all("mean" in t.global_mm for t in every):
        taken = [[[t.global_mm["mean"]] for t in side] for side in tables]
        where = "means of the records"
    else:
        unknown = np.full((len(pairs), len(HEMISPHERES)), np.nan)
        return unknown, unknown, "nowhere"
    return np.array(taken[0]), np.array(taken[1]), where


def _over_regions(table: ThicknessTable) -> list[float]:
    """Mean thickness of each hemisphere over its voxels; NaN where that is not known."""
    means = []
    for side in HEMISPHERES:
        found = [m for r, m in table.regions.items() if r.hemisphere == side]
        known = [m for m in found if math.isfinite(m.mean_mm)]
        voxels = sum(m.voxels for m in known)
        # NaN if any size is unknown, for then no weight is right.
        means.append(sum(m.mean_mm * m.voxels for m in known) / voxels if voxels else math.nan)
    return means
