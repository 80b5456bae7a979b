"""What preprocessing has to show: the brain that was found, what the correction changed, how the registration fits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from brainfill.core.volume import Mask, Scan, Volume
from brainfill.pictures import PLANES, grey_range
from brainfill.preprocess.foreground import foreground
from brainfill.preprocess.template import Template
from brainfill.report.film import (
    SIDES,
    View,
    film,
    inner_point,
    planes_at,
    strips_through,
    view_of,
)
from brainfill.report.markup import number, pairs
from brainfill.report.parts import Part, Section
from brainfill.report.sliders import slider

if TYPE_CHECKING:
    from brainfill.tasks._base import Result

_SLICES = 5
_NATIVE = "desc-preproc_T1w.nii.gz"
_BRAIN = "desc-brain_mask.nii.gz"
_STEPS = {
    "reorient": "reoriented",
    "resample": "resampled",
    "skullstrip": "stripped of everything but the brain{stripper}",
    "n4": "corrected for the bias field by N4 [n4]",
    "register": "registered to {template} by {kind}{lesion}",
    "clip": "clipped in intensity",
    "crop": "cropped",
    "pad": "padded",
    "match": "resampled to the grid of another image",
}
_STRIPPERS = {
    "hd-bet": " by HD-BET [hd-bet]",
    "synthstrip": " by SynthStrip [synthstrip]",
    "bet": " by BET [bet]",
    "builtin": " by the network that comes with brainfill",
}
_KINDS = {
    "rigid": "a rigid transform",
    "affine": "an affine transform",
    "syn": "symmetric diffeomorphic normalisation [syn]",
}


def preprocess_part(
    scan: Scan, result: Result, facts: Mapping[str, Any], template: Template | None
) -> Part:
    """The part of a page that shows preprocessing.

    Args:
        scan: as it was read.
        result: of the task.
        facts: the record as written.
        template: what was registered to, if anything was.
    """
    image, volumes = scan.images["T1w"], result.volumes
    nothing = Mask(np.zeros(image.grid.shape, bool), image.grid)
    lesion = scan.lesion if scan.lesion is not None else nothing
    head = foreground(image)
    view = view_of(image, head, grey_range(image, lesion)).coarse()
    brain = volumes.get(f"space-orig_{_BRAIN}") or volumes.get(_BRAIN)
    sections = []
    if brain is not None:
        sections.append(_brain(view, image, brain, lesion))
    if _NATIVE in volumes:
        sections.append(_changes(view, image, head, volumes[_NATIVE]))
    if template is not None:
        sections.append(_registration(volumes, facts, template))
    return Part("preprocess", _summary(facts, brain), sections, _methods(facts), facts)


def _brain(view: View, image: Volume, brain: Mask, lesion: Mask) -> Section:
    rows = []
    for plane in PLANES:
        panes = [view.pane(plane, at_mm) for at_mm in strips_through(brain, plane, _SLICES)]
        drawn = [
            pane.svg(
                [pane.picture(image), pane.rim(brain), pane.rim(lesion, "second")],
                f"{plane} slice {n} of {len(panes)} with the brain outlined",
                letters=n == 1,
            )
            for n, pane in enumerate(panes, start=1)
        ]
        rows.append(film(drawn, "five"))
    also = " Lesions are outlined in blue." if lesion.data.any() else ""
    text = f"The brain mask outlined on the scan as it was read, {brain.volume_ml():.0f} ml.{also} {SIDES}"
    return Section(
        "brain", "Brain", f"<figure>{''.join(rows)}<figcaption>{text}</figcaption></figure>"
    )


def _changes(view: View, image: Volume, head: Any, after: Volume) -> Section:  # noqa: ANN401 - flags
    """The scan and what became of it, each in its own range of intensities."""
    nothing = Mask(np.zeros(after.grid.shape, bool), after.grid)
    there = grey_range(after, nothing)
    middle = inner_point(Mask(head, image.grid))
    panes = [
        (pane, pane.picture(image), type(pane)(pane.plane, pane.pixels, there).picture(after))
        for pane in planes_at(view, middle)
    ]
    text = f"The scan as it was read, and after all steps on its own grid. {SIDES}"
    return Section(
        "steps",
        "Corrections",
        slider("steps-cuts", panes, ("before", "after"), "the scan", text),
    )


def _registration(
    volumes: Mapping[str, Any], facts: Mapping[str, Any], template: Template
) -> Section:
    """The scan in the space of the template, with the outline of the template's brain."""
    moved: Volume = volumes[f"space-{template.name}_{_NATIVE}"]
    nothing = Mask(np.zeros(template.image.grid.shape, bool), template.image.grid)
    shown = grey_range(template.image, nothing)
    view = view_of(template.image, template.brain.data, shown).coarse()
    own = grey_range(moved, Mask(np.zeros(moved.grid.shape, bool), moved.grid))
    panes = [
        (
            pane,
            type(pane)(pane.plane, pane.pixels, own).picture(moved) + pane.rim(template.brain),
            pane.picture(template.image) + pane.rim(template.brain),
        )
        for pane in planes_at(view, inner_point(template.brain))
    ]
    record = next(r for r in facts["Steps"] if r["Step"] == "register")
    text = (
        f"The scan in the space of {template.name}, with the outline of that template's brain, and the template. "
        f"Folds and ventricles should stay in place when the slider moves. {SIDES}"
    )
    figures = {
        "correlation with the template": record.get("Correlation"),
        "overlap of both brains (Dice)": record.get("BrainOverlapDice"),
        "lesions left out of the fit": "yes" if record.get("LesionMasked") else "no",
    }
    drawn = slider("registration-cuts", panes, ("scan", "template"), "the scan", text)
    return Section("registration", "Registration", drawn + pairs(figures))


def _summary(facts: Mapping[str, Any], brain: Mask | None) -> dict[str, str]:
    steps = {r["Step"]: r for r in facts["Steps"]}
    found = {"steps": " · ".join(steps)}
    if brain is not None:
        found["brain"] = f"{brain.volume_ml():.0f} ml"
    if "register" in steps:
        found["template"] = str(steps["register"]["Template"])
        found["fit (correlation)"] = number(round(steps["register"]["Correlation"], 2))
    return found


def _methods(facts: Mapping[str, Any]) -> str:
    said = []
    for record in facts["Steps"]:
        words = _STEPS.get(record["Step"], record["Step"])
        said.append(
            words.format(
                stripper=_STRIPPERS.get(str(record.get("SkullStripBackend")), ""),
                template=f"{record.get('Template')} [icbm]"
                if str(record.get("Template", "")).startswith("MNI152")
                else record.get("Template"),
                kind=_KINDS.get(str(record.get("TransformKind")), "a transform"),
                lesion=", with the lesions left out of the comparison [brett]"
                if record.get("LesionMasked")
                else "",
            )
        )
    version = facts["GeneratedBy"]["Version"]
    return f"With brainfill {version} [brainfill], the T1-weighted image was {'; '.join(said)}."
