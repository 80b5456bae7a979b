"""The table of a cohort: one row per scan, from the records of the people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from brainfill.bids import plan
from brainfill.bids.find import Case
from brainfill.bids.records import Record, read_record
from brainfill.core.errors import InputMissingError
from brainfill.io.sidecar import write_sidecar
from brainfill.io.tables import write_table

TABLE = "group_T1w.tsv"
COLUMNS = {
    "participant_id": "Person",
    "session_id": "Session, n/a where there are none",
    "scan": "What the names of the scan's outputs begin with",
    "status": "done, skipped (no lesion), failed, or none: not yet run",
    "lesion_volume_ml": "Volume of the lesion masks that were found, joined [mL]",
    "lesion_count": "Lesions, as pieces that do not touch",
    "filled_voxels": "Voxels that filling may have changed",
    "stripe_index": "Largest of the three axes after filling; 1 is no stripe",
    "border_step_pct": "Step of intensity between fill and surroundings, mean over lesions [% of the brightest]",
    "smoothed": "Whether the fill was smoothed",
    "seconds": "Time all recorded steps took [s]",
    "warnings": "How many there were; the sidecars have their text",
    "message": "Why a scan failed or was skipped",
}


def group_rows(cases: Sequence[Case], out: Path) -> list[dict[str, Any]]:
    """One row for each scan, run or not.

    Raises:
        InputMissingError: none of them was run.
    """
    records = [read_record(out / "logs" / f"{case.key}.json") for case in cases]
    if not any(r.about for r in records):
        msg = f"no scan was run into '{out}' yet: it has no record of any"
        raise InputMissingError(msg, f"first: brainfill bids BIDS_DIR '{out}' participant")
    return [_row(case, record) for case, record in zip(cases, records, strict=True)]


def write_group(rows: Sequence[dict[str, Any]], out: Path) -> list[Path]:
    """Write the table and what its columns mean.

    Raises:
        ConfigError: a file cannot be written.
    """
    path = out / TABLE
    write_table(rows, path)
    about = {name: {"Description": text} for name, text in COLUMNS.items()}
    write_sidecar(about, path.with_suffix(".json"))
    return [path, path.with_suffix(".json")]


def _row(case: Case, record: Record) -> dict[str, Any]:
    entities = case.name.entities
    facts: dict[str, Any] = {}
    for step in (plan.LESION, plan.FILL):
        facts |= record.steps[step].facts if step in record.steps else {}
    smooth = record.steps.get(plan.SMOOTH)
    index = [v for v in (facts.get("StripeIndex") or {}).values() if v is not None]
    return {
        "participant_id": f"sub-{entities['sub']}",
        "session_id": f"ses-{entities['ses']}" if "ses" in entities else None,
        "scan": case.key,
        "status": record.about.get("Status", "none"),
        "lesion_volume_ml": facts.get("LesionVolumeML"),
        "lesion_count": facts.get("LesionCount"),
        "filled_voxels": facts.get("FilledVoxels"),
        "stripe_index": max(index) if index else None,
        "border_step_pct": facts.get("BorderStepPct"),
        "smoothed": smooth.facts.get("Smoothed", False) if smooth else None,
        "seconds": sum(s.seconds for s in record.steps.values()) if record.steps else None,
        "warnings": sum(len(s.facts.get("Warnings", [])) for s in record.steps.values()),
        "message": record.about.get("Message") or None,
    }
