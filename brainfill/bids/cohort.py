"""Thickness of all people before and after filling: a row for each scan, and the comparison over people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from brainfill.bids.children import Children
from brainfill.bids.commands import COMPARED
from brainfill.bids.config import COMPARE, THICKNESS, UNFILLED, BidsConfig
from brainfill.bids.find import Case
from brainfill.bids.job import Job
from brainfill.bids.records import Record, read_record
from brainfill.bids.stage import folders, publish, staged
from brainfill.io.sidecar import write_sidecar
from brainfill.io.tables import write_table

TABLE, PAGE, PAIRS = "group_thickness.tsv", "group_thickness.html", "group_thickness_pairs.tsv"
COLUMNS = {
    "scan": "What the names of the scan's outputs begin with",
    "participant_id": "Person",
    "before_mm": "Mean thickness of the cortex in the scan as it was, over both hemispheres [mm]",
    "after_mm": "The same in the filled scan [mm]",
    "global_change_pct": "Change of the whole cortex, |x - y| / (x + y), mean of both hemispheres [%]",
    "roi_change_pct": "Change of regions, mean over them [%]",
    "near_lesion_change_pct": "Change of the regions near lesions, mean over them [%]",
    "far_from_lesion_change_pct": "Change of the other regions, mean over them [%]",
}
_LEAST_PEOPLE = 2
_KEY = "group"  # of logs and unfinished files


def thickness_rows(cases: Sequence[Case], out: Path) -> list[dict[str, Any]]:
    """One row for each scan whose thickness was compared."""
    found = []
    for case in cases:
        record = read_record(out / "logs" / f"{case.key}.json")
        compared = all(step in record.steps for step in (UNFILLED, THICKNESS, COMPARE))
        if compared and record.steps[COMPARE].outputs:
            found.append(_row(case, record))
    return found


def compare_people(
    cases: Sequence[Case], out: Path, config: BidsConfig, warn: Callable[[str], None]
) -> dict[str, Any]:
    """Write the rows, and where there are two people or more, compare over them.

    Args:
        cases: all scans; of a person with several, the first that was compared stands for the person.
        out: the output dataset.
        config: threads, seed, and whether a page is wanted.
        warn: told who is left out.

    Returns:
        the record of the comparison; empty without one.

    Raises:
        BrainfillError: the people cannot be compared, as when they were measured in two ways.
    """
    rows = thickness_rows(cases, out)
    for name in (TABLE, Path(TABLE).with_suffix(".json").name, PAIRS, *map(_name, COMPARED)):
        (out / name).unlink(missing_ok=True)
    if not rows:
        return {}
    write_table(rows, out / TABLE)
    about = {name: {"Description": text} for name, text in COLUMNS.items()}
    write_sidecar(about, (out / TABLE).with_suffix(".json"))
    people = list({row["participant_id"]: row["scan"] for row in reversed(rows)}.values())
    if len(people) < _LEAST_PEOPLE:
        return {}
    if len(people) < len(rows):
        n = len(rows) - len(people)
        warn(
            f"{n} of {len(rows)} scans {'is' if n == 1 else 'are'} left out of the comparison over people, "
            "which takes one of each person"
        )
    chosen = [case for case in cases if case.key in people]
    write_table([_pair(case, out, config) for case in chosen], out / PAIRS)
    return _compared(out, config)


def _row(case: Case, record: Record) -> dict[str, Any]:
    found = record.steps[COMPARE].facts

    def mean(step: str) -> float | None:
        known: float | None = record.steps[step].facts.get("Global", {}).get("mean_mm")
        return known

    def change(name: str) -> float | None:
        known: float | None = found.get(name, {}).get("ChangePct")
        return known

    return {
        "scan": case.key,
        "participant_id": f"sub-{case.name.entities['sub']}",
        "before_mm": mean(UNFILLED),
        "after_mm": mean(THICKNESS),
        "global_change_pct": change("GlobalMean"),
        "roi_change_pct": change("ROIAverage"),
        "near_lesion_change_pct": change("NearLesion"),
        "far_from_lesion_change_pct": change("FarFromLesion"),
    }


def _pair(case: Case, out: Path, config: BidsConfig) -> dict[str, str | None]:
    """A row of the list that `brainfill compare --pairs` reads; its paths are relative to the dataset."""
    job = Job(case, config, out, out)
    labels = job.done("desc-filled_dseg.nii.gz")
    lesion = job.done("label-lesion_mask.nii.gz")
    near = (lesion, labels) if labels.exists() else (None, None)  # surfaces have no voxels
    tables = [job.done(f"desc-{when}_thickness.tsv") for when in ("unfilled", "filled")]
    paths = [path and path.relative_to(out).as_posix() for path in (*tables, *near)]
    names = ("before", "after", "lesion", "labels")
    return {"subject": case.key, **dict(zip(names, paths, strict=True))}


def _compared(out: Path, config: BidsConfig) -> dict[str, Any]:
    places = folders(out, config.work_dir)
    log = places.logs / f"{_KEY}_{datetime.now().astimezone():%Y%m%dT%H%M%S}.log"
    children = Children(config.threads)
    with staged(places.work, _KEY) as stage:
        words = ["brainfill", "compare", "--pairs", str(out / PAIRS), "-o", str(stage)]
        words += ["--seed", str(config.random_seed), *(["--report"] if config.report else [])]
        try:
            facts = children.call([*words, "--json"], log)
        finally:
            children.stop()
        for name in COMPARED:
            if (stage / name).exists():
                (stage / name).rename(stage / _name(name))
        publish(stage, lambda name: out / name, out, ())
    return facts


def _name(name: str) -> str:
    """What an output of the comparison is called in the dataset."""
    return PAGE if name == "comparison.html" else f"group_thickness_{name}"
