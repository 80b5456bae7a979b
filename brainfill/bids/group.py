"""The table of a cohort: one row per scan, from the records of the people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from brainfill import __version__
from brainfill.bids.cohort import PAGE as THICKNESS_PAGE
from brainfill.bids.cohort import TABLE as THICKNESS_TABLE
from brainfill.bids.cohort import compare_people, thickness_rows
from brainfill.bids.config import FILL, LESION, SMOOTH, BidsConfig
from brainfill.bids.dataset import DESCRIPTION, Dataset
from brainfill.bids.find import Case
from brainfill.bids.records import Record, read_record
from brainfill.core.atomic import replacing
from brainfill.core.documents import read_json
from brainfill.core.errors import BrainfillError, InputMissingError
from brainfill.io.sidecar import write_sidecar
from brainfill.io.tables import write_table

if TYPE_CHECKING:
    from brainfill.report.group import Person

TABLE, PAGE = "group_T1w.tsv", "group_T1w.html"
COLUMNS = {
    "participant_id": "Person",
    "session_id": "Session, n/a where there are none",
    "scan": "What the names of the scan's outputs begin with",
    "status": "done, skipped (no lesion), failed, or none: not yet run",
    "lesion_volume_ml": "Volume of the lesion masks that were found, joined [mL]",
    "lesion_count": "Lesions, as pieces that do not touch",
    "filled_voxels": "Voxels that filling may have changed",
    "stripe_index": "Largest of the three axes after filling; 1 is no stripe",
    "border_step_pct": "Step of intensity between fill and surroundings, mean over lesions [% of the tissue around]",
    "smoothed": "Whether the fill was smoothed",
    "seconds": "Time all recorded steps took [s]",
    "warnings": "How many there were; the sidecars have their text",
    "message": "Why a scan failed or was skipped",
}


def group_rows(
    cases: Sequence[Case], out: Path, warn: Callable[[str], None]
) -> list[dict[str, Any]]:
    """One row for each scan, run or not; records of another form say nothing.

    Args:
        cases: the scans.
        out: the output dataset.
        warn: told about records of another form.

    Raises:
        InputMissingError: none of them was run.
    """
    records = [read_record(out / "logs" / f"{case.key}.json", warn) for case in cases]
    if not any(r.about for r in records):
        msg = f"no scan was run into '{out}' yet: it has no record of any"
        raise InputMissingError(msg, f"first: brainfill bids BIDS_DIR '{out}' participant")
    return [_row(case, record) for case, record in zip(cases, records, strict=True)]


def write_group(
    cases: Sequence[Case],
    rows: Sequence[Mapping[str, Any]],
    data: Dataset,
    config: BidsConfig,
    warn: Callable[[str], None],
) -> list[Path]:
    """Write the tables, what their columns mean, the comparison of thickness, and the page.

    Args:
        cases: the scans.
        rows: one for each, by `group_rows`.
        data: the folders.
        config: how thickness is compared.
        warn: receives one sentence per warning.

    Returns:
        tables and pages, as far as there is something to tell.

    Raises:
        BrainfillError: a file cannot be written, or people cannot be compared; all the rest is there then.
    """
    table, page = data.out / TABLE, data.out / PAGE
    write_table(rows, table)
    about = {name: {"Description": text} for name, text in COLUMNS.items()}
    write_sidecar(about, table.with_suffix(".json"))
    refused = None
    try:
        compared = compare_people(cases, data.out, config, warn)
    except BrainfillError as error:
        compared, refused = {}, error
    with replacing(page) as temporary:
        temporary.write_text(_page(cases, rows, data, compared), encoding="utf-8")
    if refused:
        raise refused
    more = [data.out / name for name in (THICKNESS_TABLE, THICKNESS_PAGE)]
    return [table, page, *(p for p in more if p.exists())]


def _page(
    cases: Sequence[Case],
    rows: Sequence[Mapping[str, Any]],
    data: Dataset,
    compared: Mapping[str, Any],
) -> str:
    from brainfill.report.group import group_page
    from brainfill.report.thickness import cohort_section

    changes = {row["scan"]: row for row in thickness_rows(cases, data.out)}
    people = [
        _person(c, {**row, **changes.get(c.key, {})}, data)
        for c, row in zip(cases, rows, strict=True)
    ]
    about_raw = data.raw / DESCRIPTION
    title = str(read_json(about_raw).get("Name", "Group")) if about_raw.is_file() else "Group"
    facts = {"BIDS dataset": data.raw.resolve().name, "brainfill": __version__}
    address = THICKNESS_PAGE if (data.out / THICKNESS_PAGE).exists() else ""
    sections = [cohort_section(compared, address)] if compared else []
    return group_page(people, title, facts, sections)


def _person(case: Case, row: Mapping[str, Any], data: Dataset) -> Person:
    """A row as the page shows it."""
    from brainfill.report.group import Person

    record = read_record(data.out / "logs" / f"{case.key}.json")
    own = f"{case.key}.html"
    picture = data.out / case.folder.parts[0] / "figures" / f"{case.key}_label-lesion_T1w.png"
    ok = row["status"] == "done"
    return Person(
        name=case.key.replace("_", " "),
        status="failed" if not ok and row["status"] != "skipped" else _filled_or_not(row),
        page=own if (data.out / own).exists() else "",
        thumbnail=picture.read_bytes() if picture.is_file() else b"",
        lesions=row["lesion_count"],
        lesion_ml=row["lesion_volume_ml"],
        stripe_index=row["stripe_index"],
        step_pct=row["border_step_pct"],
        change_pct=row.get("global_change_pct"),
        near_change_pct=row.get("near_lesion_change_pct"),
        seconds=row["seconds"],
        warnings=[w for s in record.steps.values() for w in s.facts.get("Warnings", [])],
        error="" if ok else (row["message"] or "not run yet"),
        masks=[path.removeprefix("bids:") for path in record.about.get("Masks", [])],
    )


def _filled_or_not(row: Mapping[str, Any]) -> Literal["done", "unchanged"]:
    return "done" if row["lesion_volume_ml"] else "unchanged"


def _row(case: Case, record: Record) -> dict[str, Any]:
    entities = case.name.entities
    facts: dict[str, Any] = {}
    for step in (LESION, FILL):
        facts |= record.steps[step].facts if step in record.steps else {}
    smooth = record.steps.get(SMOOTH)
    return {
        "participant_id": f"sub-{entities['sub']}",
        "session_id": f"ses-{entities['ses']}" if "ses" in entities else None,
        "scan": case.key,
        "status": record.about.get("Status", "none"),
        "lesion_volume_ml": facts.get("LesionVolumeML"),
        "lesion_count": facts.get("LesionCount"),
        "filled_voxels": facts.get("FilledVoxels"),
        "stripe_index": facts.get("LargestStripeIndex"),
        "border_step_pct": facts.get("BorderStepPct"),
        "smoothed": smooth.facts.get("Smoothed", False) if smooth else None,
        "seconds": sum(s.seconds for s in record.steps.values()) if record.steps else None,
        "warnings": sum(len(s.facts.get("Warnings", [])) for s in record.steps.values()),
        "message": record.about.get("Message") or None,
    }
