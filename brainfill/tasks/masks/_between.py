"""From the brain of a patient to another: the registration, with lesions left out, and what it says about both."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brainfill.core.errors import DataError
from brainfill.tasks.masks._anatomy import Stripped, stripped

if TYPE_CHECKING:
    from brainfill.core.context import Context
    from brainfill.core.grid import BoolArray, FloatArray, Grid
    from brainfill.core.volume import Mask
    from brainfill.lesions.anatomy import Anatomy
    from brainfill.lesions.carried import Warp
    from brainfill.preprocess.registration import Effort
    from brainfill.preprocess.transforms import Transform
    from brainfill.tasks.masks._base import Patient

# Around lesions masks are a voxel off and tissue is not what it was: left out of the registration, and, less wide, so
# that the cortex beside a lesion stays to be seen, of the tissues.
_MARGIN_MM, _HALO_MM = 2.0, 1.0
# With a SyN registration the ventricles of one brain lie nearer to those of another than with an affine one.
_REACH_MM = 3.0
_WHITE = 3
# Of whole brains and of white matter: people laid on each other had 0.98 and 0.62 to 0.72.
_LEAST_BRAIN, _LEAST_WHITE = 0.85, 0.45


@dataclass(frozen=True, eq=False)
class Between:
    """A patient laid on another brain.

    Args:
        lesion: the patient's lesions.
        brain: the patient's brain, on the grid of the lesions.
        forward: take images from the grid of the lesions to the other brain.
        warp: the same as positions, both ways.
        facts: for the record.
    """

    lesion: Mask
    brain: Anatomy
    forward: list[Transform]
    warp: Warp
    facts: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A patient ready to be registered.

    Args:
        patient: whose lesions they are.
        own: brain and tissues, lesions taken for white matter.
        ignored: lesions with a margin, on the grid of the T1.
        there: transforms of images from the grid of the lesions to the T1; none if they are one.
        back: the other way.
    """

    patient: Patient
    own: Stripped
    ignored: Mask
    there: list[Transform]
    back: list[Transform]


def prepared(patient: Patient, ctx: Context) -> Prepared:
    """Find brain and tissues of a patient, and lay the image the lesions were drawn on on the T1.

    Raises:
        DataError: no brain, no three tissues, or FLAIR and T1 do not fit.
    """
    grid = patient.scan.grid
    there, back = _to_t1(patient, ctx)
    wide, narrow = (
        _with_margin(patient.lesion, mm, grid, there, ctx) for mm in (_MARGIN_MM, _HALO_MM)
    )
    own = stripped(dataclasses.replace(patient.scan, lesion=narrow), ctx)
    return Prepared(patient, own, wide, there, back)


def between(
    ready: Prepared,
    target: Stripped,
    ventricles: Mask,
    effort: Effort,
    ctx: Context,
    *,
    masked: bool,
) -> Between:
    """Lay a patient on another brain by SyN.

    Args:
        ready: the patient.
        target: the other brain.
        ventricles: those of the other brain.
        effort: how long to iterate.
        ctx: progress.
        masked: whether lesions are left out of the comparison.

    Raises:
        DataError: the two brains do not lie on each other afterwards.
    """
    from brainfill.lesions.carried import Warp
    from brainfill.preprocess.positions import positions
    from brainfill.preprocess.registration import register

    own, lesion = ready.own, ready.patient.lesion
    ctx.progress("registering the patient", 0, 1)
    found = register(
        target.image,
        target.brain.data,
        own.image,
        ready.ignored if masked else None,
        "syn",
        effort,
        ctx,
    )
    facts = _checked(own, target, found.forward, ready.patient.scan.subject, ctx)
    brain = _anatomy(own, ventricles, found.backward, lesion.grid, ready.back, ctx)
    to_target, to_lesions = [*ready.back, found.backward], [found.forward, *ready.there]
    grid = target.image.grid
    warp = Warp(
        lesion.grid,
        positions(lesion.grid, grid, to_target, ctx),
        grid,
        positions(grid, lesion.grid, to_lesions, ctx),
    )
    ctx.progress("registering the patient", 1, 1)
    facts |= {"LesionMasked": masked, "PatientBrain": dict(own.facts)}
    return Between(lesion, brain, to_lesions, warp, facts)


def _to_t1(patient: Patient, ctx: Context) -> tuple[list[Transform], list[Transform]]:
    """Transforms of images from the grid of the lesions to the T1, and back; none if they are one."""
    from brainfill.preprocess.coregister import align

    if patient.flair is None:
        return [], []
    _, found = align(patient.scan.images["T1w"], patient.flair, "FLAIR", ctx)
    return ([], []) if found is None else ([found.forward], [found.backward])


def _with_margin(
    lesion: Mask, margin_mm: float, grid: Grid, there: list[Transform], ctx: Context
) -> Mask:
    """The lesions and what is around them, on the grid of the T1."""
    import numpy as np
    from scipy import ndimage

    from brainfill.core.volume import Mask
    from brainfill.preprocess.transforms import carry

    far = ndimage.distance_transform_edt(~lesion.data, sampling=lesion.grid.spacing())
    wide = np.asarray(far <= margin_mm)
    if there:
        wide = carry(wide, lesion.grid, grid, there, "linear", ctx) > 0.5
    return Mask(wide, grid)


def _checked(
    own: Stripped, target: Stripped, forward: Transform, subject: str, ctx: Context
) -> dict[str, Any]:
    """How well brain and white matter of the patient fall on those of the other brain.

    Raises:
        DataError: too badly.
    """
    from brainfill.core.figures import figure
    from brainfill.preprocess.transforms import carry, linear_transform

    def overlaps(transform: Transform) -> tuple[float, float]:
        moved = carry(
            own.tissues.data, own.image.grid, target.image.grid, [transform], "nearest", ctx
        )
        found, wanted = moved.round(), target.tissues.data
        return _dice(found > 0, wanted > 0), _dice(found == _WHITE, wanted == _WHITE)

    brains, white = overlaps(forward)
    _, before = overlaps(linear_transform(_shift(target.brain, own.brain)))
    for what, value, least in (
        ("brain", brains, _LEAST_BRAIN),
        ("white matter", white, _LEAST_WHITE),
    ):
        if value < least:
            msg = (
                f"registration of the patient '{subject}' failed: overlap (Dice) of {what} with the other brain's is "
                f"{value:.2f}, expected at least {least:g}"
            )
            raise DataError(
                msg, "look at both images; are they T1-weighted brains or heads, upright?"
            )
    return {
        "BrainOverlapDice": figure(brains),
        "WhiteMatterDice": {"centred": figure(before), "registered": figure(white)},
    }


def _dice(a: BoolArray, b: BoolArray) -> float:
    return 2 * int((a & b).sum()) / max(1, int(a.sum() + b.sum()))


def _shift(fixed: Mask, moving: Mask) -> FloatArray:
    """Matrix (4, 4) that takes the middle of one brain to that of another."""
    import numpy as np

    here, there = (
        m.grid.to_world(np.argwhere(m.data).mean(axis=0)[None])[0] for m in (fixed, moving)
    )
    matrix = np.eye(4)
    matrix[:3, 3] = there - here
    return matrix


def _anatomy(
    own: Stripped,
    ventricles: Mask,
    backward: Transform,
    drawn_on: Grid,
    back: list[Transform],
    ctx: Context,
) -> Anatomy:
    """The patient's anatomy on the grid of the lesions; ventricles are looked for where the other brain's fall."""
    from brainfill.core.volume import LabelMap, Mask
    from brainfill.lesions.anatomy import anatomy
    from brainfill.preprocess.transforms import carry
    from brainfill.preprocess.ventricles import ventricles as in_fluid

    grid = own.image.grid
    expected = carry(ventricles.data, ventricles.grid, grid, [backward], "linear", ctx) > 0.5
    tissues, wet = own.tissues, in_fluid(own.tissues, Mask(expected, grid), _REACH_MM)
    if back:
        labels, flags = (
            carry(d, grid, drawn_on, back, "nearest", ctx) for d in (tissues.data, wet.data)
        )
        tissues, wet = LabelMap(labels.round(), drawn_on), Mask(flags > 0.5, drawn_on)
    return anatomy(tissues, wet)
