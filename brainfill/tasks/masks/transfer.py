"""The lesions of a patient, carried to another brain one by one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from brainfill.core.config import option
from brainfill.core.errors import DataError
from brainfill.tasks.masks._anatomy import AnatomyConfig, anatomy_in_mni, stripped, to_template
from brainfill.tasks.masks._base import Drawn, Patient
from brainfill.tasks.masks._between import between

if TYPE_CHECKING:
    from brainfill.core.context import Context
    from brainfill.core.volume import Scan


@dataclass(frozen=True, kw_only=True)
class Config(AnatomyConfig):
    """How to register, and how to look for a place."""

    from_patient: ClassVar[bool] = True
    naive: bool = option(
        False, "lesions in the registration, nearest neighbours, no checks: as it is often done"
    )
    effort: Literal["fast", "balanced", "best"] = option("balanced", "how long to register")
    reach_mm: float = option(
        10.0,
        "how far from where the registration takes it a lesion may be laid",
        unit="mm",
        low=0,
        high=100,
    )
    tries: int = option(8, "turns of a lesion that are tried before it is bent", low=1, high=1000)


def run(scan: Scan, patient: Patient, config: Config, ctx: Context) -> Drawn:
    """Lesions at places like those they have in the patient, under the rules of tissue (METHODS 21.3).

    Args:
        scan: the other brain, RAS; perhaps with tissue labels 1 (fluid), 2 (grey matter) and 3 (white matter).
        patient: whose lesions are carried.
        config: how.
        ctx: progress, warnings.

    Raises:
        DataError: no brain, a registration that failed, or no lesion found a place.
    """
    import numpy as np

    from brainfill.core.volume import Mask
    from brainfill.lesions.carried import carried
    from brainfill.lesions.components import label_lesions
    from brainfill.lesions.pool import pieces
    from brainfill.lesions.rules import Rules
    from brainfill.lesions.search import Search
    from brainfill.lesions.transfer import as_carried, transfer
    from brainfill.lesions.transfer_table import rows
    from brainfill.preprocess.transforms import carry

    ctx = config.surroundings(ctx)
    target = stripped(scan, ctx)
    brain = anatomy_in_mni(target, to_template(target, ctx), ctx)
    wet = Mask(brain.ventricles, scan.grid)
    found = between(_turned(patient, ctx), target, wet, config.effort, ctx, masked=not config.naive)
    lesions = [carried(p, found.brain, found.warp) for p in pieces("patient", found.lesion)]
    ctx.progress("placing lesions", 0, 1)
    rules = Rules()
    if config.naive:
        numbers = carry(
            label_lesions(found.lesion).data,
            found.lesion.grid,
            scan.grid,
            found.forward,
            "nearest",
            ctx,
        )
        flags, moved = as_carried(lesions, np.rint(numbers).astype(np.int32))
    else:
        search = Search(reach_mm=config.reach_mm, tries=config.tries)
        rng = np.random.default_rng(config.seed)
        flags, moved = transfer(lesions, brain, found.warp, rules, search, rng)
    ctx.progress("placing lesions", 1, 1)
    table = rows(moved, flags, brain, rules)
    broken = Counter(row["reason"] for row in table if row["reason"])
    _tell(broken, len(table), scan.subject, config, ctx)
    facts = {
        **target.facts,
        **found.facts,
        "PatientLesions": len(lesions),
        "PatientVolumeML": found.lesion.volume_ml(),
        "LesionsThatKeepTheRules": len(table) - sum(broken.values()),
        "RulesBroken": dict(broken),
        "Outcomes": dict(Counter(one.how for one in moved)),
    }
    turns = [np.round(one.rotation, 5).tolist() for one in lesions]
    shapes = [
        {"component": row["component"], "outcome": row["outcome"], "rotation": turn}
        for row, turn in zip(table, turns, strict=True)
    ]
    return Drawn(Mask(flags, scan.grid), shapes, table=table, facts=facts)


def _turned(patient: Patient, ctx: Context) -> Patient:
    """The patient in RAS, so that nothing depends on how the images are stored."""
    from brainfill.preprocess.steps import reorient

    scan, _ = reorient.build(reorient.Config("RAS"))(patient.scan, ctx)
    return Patient(scan, reorient.reoriented_mask(patient.lesion, "RAS"), patient.flair)


def _tell(broken: Counter[str], count: int, subject: str, config: Config, ctx: Context) -> None:
    """Warn of lesions that break the rules, or were left out for it.

    Raises:
        DataError: all were left out.
    """
    if not broken:
        return
    why = ", ".join(f"{reason} ({n})" for reason, n in broken.most_common())
    many = f"{sum(broken.values())} of {count} lesions"
    if config.naive:
        ctx.warn(f"{many} break the rules for lesions, as the table says: {why}")
    elif sum(broken.values()) < count:
        ctx.warn(f"{many} were left out, as the table says: {why}")
    else:
        msg = f"none of the {count} lesions found a place in '{subject}': {why}"
        raise DataError(msg, "allow for more with --reach-mm; are both images T1-weighted brains?")
