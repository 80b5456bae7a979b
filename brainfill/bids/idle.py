"""Steps of a person that have nothing to do, and what they leave all the same."""

from __future__ import annotations

from typing import Any

from brainfill.bids.commands import filled_image
from brainfill.bids.config import COMPARE, FILL, LESION, SMOOTH, UNFILLED
from brainfill.bids.job import Job
from brainfill.bids.records import Record
from brainfill.bids.stage import copy_image
from brainfill.io.sidecar import write_sidecar

COPIED = "the lesion mask is empty: the scan was copied"


def nothing_to_do(step: str, job: Job, record: Record) -> dict[str, Any] | None:
    """What a step leaves where there is no lesion to fill, or no stripe to smooth; None if it has work to do.

    Args:
        step: its name.
        job: the person; images are copied into the stage.
        record: with the facts of the steps before.

    Returns:
        facts as the step's command would print them.
    """
    if step in (UNFILLED, COMPARE) and is_empty(record):
        return {}  # the scan and its copy are the same
    if step == FILL and is_empty(record):
        product, note = "desc-filled_T1w", COPIED
        copy_image(job.case.t1, job.new(f"{product}.nii.gz"))
        copy_image(job.done("label-lesion_mask.nii.gz"), job.new("desc-filled_mask.nii.gz"))
    elif step == SMOOTH and _stripes(record) <= job.config.smooth_if:
        product = filled_image(job.config).removesuffix(".nii.gz")
        note = f"no stripe index above {job.config.smooth_if:g}: the fill was copied"
        copy_image(job.done("desc-filled_T1w.nii.gz"), job.new(f"{product}.nii.gz"))
    else:
        return None
    facts = {"VoxelsChanged": 0, "MaxAbsDifferenceOutsideMask": 0.0, "Warnings": [note]}
    write_sidecar(facts, job.new(f"{product}.json"))
    return facts


def is_empty(record: Record) -> bool:
    """Whether the person is known to have no lesion."""
    return LESION in record.steps and record.steps[LESION].facts["LesionVoxels"] == 0


def _stripes(record: Record) -> float:
    return record.steps[FILL].facts.get("LargestStripeIndex") or 0.0
