"""What a fill has to show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from brainfill.core.context import Context
from brainfill.core.grid import BoolArray
from brainfill.core.volume import Mask, Scan, Volume
from brainfill.pictures import grey_range
from brainfill.preprocess.foreground import foreground
from brainfill.report import viewer
from brainfill.report.fill_methods import methods
from brainfill.report.fill_others import contrasts
from brainfill.report.fill_pictures import (
    before_after,
    closer,
    difference,
    scan_images,
    slices,
    uncertainty,
)
from brainfill.report.film import inner_point, view_of
from brainfill.report.histogram import Sample, histogram
from brainfill.report.markup import number, table
from brainfill.report.parts import Part, Section
from brainfill.report.white import white_matter

if TYPE_CHECKING:
    from brainfill.tasks._base import Result

_RING_MM = 3.0
_LESIONS = {
    "label": "Lesion",
    "voxels": "Voxels",
    "volume_ml": "Volume [ml]",
    "x_mm": "x [mm]",
    "y_mm": "y [mm]",
    "z_mm": "z [mm]",
    "mean_before": "Mean before",
    "mean_after": "Mean after",
    "rim_mm": "Rim [mm]",
}
_AXES = {"x": "left - right", "y": "back - front", "z": "down - up"}


def fill_part(
    scan: Scan,
    result: Result,
    facts: Mapping[str, Any],
    ctx: Context,
    also: Mapping[str, tuple[Volume, Result]] | None = None,
) -> Part:
    """The part of a page that shows a fill.

    Args:
        scan: as it was filled, with its lesions; its brain mask, if any, tells where white matter is.
        result: of the task: "filled", "hole", "labels" and perhaps "sd"; the table "lesions".
        facts: the record as written beside the image.
        ctx: device of the network that finds the brain, progress.
        also: other contrasts that were filled, by name: the image, and "filled" and "hole".
    """
    image, volumes = scan.images["T1w"], result.volumes
    filled, hole = volumes["filled"], volumes["hole"]
    lesion = Mask(volumes["labels"].data > 0, image.grid)
    head = foreground(image, lesion.data)
    view = view_of(image, head | lesion.data, grey_range(image, lesion))
    at_mm = inner_point(Mask(volumes["labels"].data == 1, image.grid))
    sections = [
        _lesions(result, slices(view, image, lesion)),
        Section(
            "fill",
            "Before and after",
            before_after(view, at_mm, image, filled) + closer(view, image, result),
        ),
        Section("difference", "Difference", difference(view, at_mm, image, filled, hole)),
        *([contrasts(also, at_mm)] if also else []),
        _intensities(scan, result, head, ctx),
        _stripes(facts),
    ]
    if "sd" in volumes:
        samples = int(facts.get("Samples", 0))
        sections.append(
            Section(
                "uncertainty", "Uncertainty", uncertainty(view, at_mm, volumes["sd"], hole, samples)
            )
        )
    stored = viewer.stored(image, filled, (lesion, hole), head, view.shown)
    sections.append(viewer.section(stored, at_mm))
    return Part(
        "fill",
        _summary(facts),
        sections,
        methods(facts),
        facts,
        ["viewer.js"],
        scan_images(view, at_mm, image) + viewer.data(stored),
    )


def _summary(facts: Mapping[str, Any]) -> dict[str, str]:
    step, stripes = facts["BorderStepPct"], facts["LargestStripeIndex"]
    return {
        "lesions": str(facts["LesionCount"]),
        "lesion volume": f"{facts['LesionVolumeML']:.2f} ml",
        "voxels changed": f"{facts['VoxelsChanged']:,}".replace(",", "\N{NARROW NO-BREAK SPACE}"),
        "largest change outside the mask": number(facts["MaxAbsDifferenceOutsideMask"]),
        "step at borders": "n/a" if step is None else f"{step:.1f} %",
        "largest stripe index": "n/a" if stripes is None else f"{stripes:.2f}",
        "method": str(facts["Method"]),
    }


def _hundredths(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _lesions(result: Result, pictures: str) -> Section:
    rows = [
        {**row, "volume_ml": f"{row['volume_ml']:.3f}", **_rounded(row)}
        for row in result.tables["lesions"]
    ]
    heads = {name: head for name, head in _LESIONS.items() if not rows or name in rows[0]}
    return Section("lesions", "Lesions", pictures + table(rows, heads, "Lesions"))


def _rounded(row: Mapping[str, Any]) -> dict[str, str]:
    return {f"{axis}_mm": f"{row[f'{axis}_mm']:.1f}" for axis in "xyz"}


def _intensities(scan: Scan, result: Result, head: BoolArray, ctx: Context) -> Section:
    """How bright the fill is, beside the tissue around it and white matter."""
    image, filled = scan.images["T1w"], result.volumes["filled"]
    hole, lesion = result.volumes["hole"], result.volumes["labels"].data > 0
    ring = _ring(hole) & head
    white = white_matter(scan, ctx)
    samples = [
        Sample("fill", "fill", filled.data[lesion]),
        Sample(f"ring of {_RING_MM:g} mm around", "ring", image.data[ring]),
        Sample("lesions before", "lesion", image.data[lesion]),
    ]
    note = "White matter is not shown: no brain was found in the image."
    if white is not None:
        samples.insert(0, Sample("white matter", "white", image.data[white.data]))
        note = "White matter is the brightest of three classes of the brain, without its rim."
    drawn = histogram([s for s in samples if s.values.size])
    return Section(
        "intensities", "Intensities", f"<figure>{drawn}<figcaption>{note}</figcaption></figure>"
    )


def _ring(hole: Mask) -> BoolArray:
    near = hole.grid.box_around(hole.data, _RING_MM).slices
    ring = np.zeros(hole.grid.shape, bool)
    distance = ndimage.distance_transform_edt(~hole.data[near], sampling=hole.grid.spacing())
    ring[near] = (distance > 0) & (distance <= _RING_MM)
    return ring


def _stripes(facts: Mapping[str, Any]) -> Section:
    index = facts["StripeIndex"]
    rows = [
        {"axis": words, **{when.lower(): _hundredths(index[when][axis]) for when in index}}
        for axis, words in _AXES.items()
    ]
    heads = {"axis": "Axis", "before": "Before", "after": "After"}
    text = (
        "<p>How much neighbouring slices differ inside the filled mask, against similar tissue around it. 1 means no "
        "stripes; well above 1, slices across that axis do not fit together, and <code>brainfill smooth</code> helps.</p>"
    )
    return Section("stripes", "Stripe index", text + table(rows, heads, "Stripe index"))
