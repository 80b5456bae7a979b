"""Say whether cortical thickness changed: tables, figures of agreement, a verdict against a noise floor."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brainfill.core.config import MOST_SEED, check_ranges, option
from brainfill.tasks._base import Result, Table

if TYPE_CHECKING:
    from brainfill.core.context import Context
    from brainfill.core.volume import LabelMap, Mask
    from brainfill.thickness.compare import Cohort, Pair
    from brainfill.thickness.tables import Region

TABLES = ("regions", "subjects", "measurements")
FIGURES = ("region-map.svg", "bland-altman.svg", "box-plots.svg")


@dataclass(frozen=True, kw_only=True)
class CompareConfig:
    """How results are compared.

    Raises:
        ConfigError: a number out of range.
    """

    near_mm: float = option(
        5.0, "regions within this distance of a lesion are near it", unit="mm", low=0.0, high=100.0
    )
    resamples: int = option(2000, "resamples of people for the intervals", low=100, high=1_000_000)
    seed: int = option(0, "start of the draws of people", low=0, high=MOST_SEED)

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True, eq=False)
class Picture:
    """What the region map is drawn on.

    Args:
        labels: regions of one person, or of a template.
        numbers: of the regions in that map.
        lesion: outlined, if there is one; on the grid of `labels`.
    """

    labels: LabelMap
    numbers: Mapping[Region, int]
    lesion: Mask | None = None


def run(
    pairs: Sequence[Pair],
    config: CompareConfig,
    ctx: Context,
    floor: Sequence[Pair] = (),
    picture: Picture | None = None,
) -> Result:
    """Compare thickness before and after.

    Args:
        pairs: one per person.
        config: what counts as near, and how intervals are drawn.
        ctx: progress and warnings.
        floor: pairs between which nothing should have changed, such as rescans of healthy people.
        picture: what the region map is drawn on; no map without it.

    Returns:
        tables "regions", "subjects" and "measurements"; SVG files; facts with the averages and the verdict.

    Raises:
        DataError: two pipelines, a person twice, or nothing that could be compared.
    """
    from brainfill.thickness.compare import (
        cohort,
        measurements_table,
        one_pipeline,
        people_table,
        regions_table,
    )
    from brainfill.thickness.summary import summary, verdict

    ctx.progress("comparing", 0, 1)
    everyone = cohort(pairs)
    settings = (config.near_mm, config.resamples, config.seed)
    facts: dict[str, Any] = {"Pipeline": json.loads(pairs[0].before.pipeline)}
    facts |= summary(everyone, *settings)
    regions: Table = regions_table(everyone, *settings)
    still = None
    if floor:
        one_pipeline([pairs[0].before, *(p.before for p in floor)])
        still = cohort(floor)
        facts["NoiseFloor"] = summary(still, *settings)
        facts["Verdict"] = verdict(facts, facts["NoiseFloor"])
        regions = _with_floor(regions, regions_table(still, *settings))
    tables = {
        "regions": regions,
        "subjects": people_table(everyone, config.near_mm),
        "measurements": measurements_table(everyone),
    }
    _warn(pairs, everyone, facts["Skipped"], ctx)
    ctx.progress("comparing", 1, 1)
    return Result(
        tables=tables, facts=facts, files=_figures(everyone, still, regions, config, ctx, picture)
    )


def _with_floor(rows: Table, floor: Table) -> Table:
    """The rows of regions with their change in the noise floor, and whether theirs is above it."""
    known = {(r["region"], r["hemisphere"]): r["change_pct"] for r in floor}

    def extra(row: Mapping[str, Any]) -> dict[str, Any]:
        limit, found = known.get((row["region"], row["hemisphere"])), row["change_pct"]
        above = None if limit is None or found is None else str(found >= limit).lower()
        return {"floor_pct": limit, "above_floor": above}

    return [{**row, **extra(row)} for row in rows]


def _warn(
    pairs: Sequence[Pair], everyone: Cohort, skipped: Mapping[str, Any], ctx: Context
) -> None:
    if skipped["Count"]:
        why = ", ".join(f"{n} {reason}" for reason, n in skipped["Reasons"].items())
        ctx.warn(f"{skipped['Count']} of {everyone.status.size} measurements were skipped: {why}")
    writers = {table.made_by for pair in pairs for table in (pair.before, pair.after)}
    if len(writers) > 1:
        ctx.warn(
            f"the results were written by {len(writers)} programs: {', '.join(sorted(writers))}"
        )


def _figures(
    everyone: Cohort,
    still: Cohort | None,
    regions: Table,
    config: CompareConfig,
    ctx: Context,
    picture: Picture | None,
) -> dict[str, bytes]:
    from brainfill.thickness.figures import bland_altman_figure, box_figure, svg
    from brainfill.thickness.maps import region_map

    ctx.progress("drawing", 0, 1)
    files = {
        "bland-altman.svg": svg(bland_altman_figure(everyone, config.near_mm)),
        "box-plots.svg": svg(box_figure(everyone, config.near_mm, still)),
    }
    if picture is None:
        ctx.warn("no region map was drawn, because no label map was given")
    else:
        percent = {
            region: math.nan if row["change_pct"] is None else row["change_pct"]
            for region, row in zip(everyone.regions, regions, strict=True)
        }
        n = len(everyone.people)
        title = everyone.people[0] if n == 1 else f"mean over {n} people"
        files["region-map.svg"] = svg(
            region_map(picture.labels, picture.numbers, percent, picture.lesion, title)
        )
    ctx.progress("drawing", 1, 1)
    return files
