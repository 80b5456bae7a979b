"""A scan made ready for measuring, laid on the template, with the regions of the atlas on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from brainfill.core.context import Context
from brainfill.core.errors import DataError
from brainfill.core.grid import Box, Grid
from brainfill.core.volume import LabelMap, Mask, Scan, Volume
from brainfill.preprocess.crops import working_grid
from brainfill.preprocess.registration import Registration
from brainfill.preprocess.steps import n4, register, skullstrip
from brainfill.preprocess.steps.resample import resample_to
from brainfill.thickness._base import NEUROMORPHOMETRICS, Thickness
from brainfill.thickness.regions import FIRST, Atlas, atlas_on, figures, load_atlas, nearest_labels

_MARGIN_MM = 10.0
_REACH_MM = 8.0

Effort = Literal["fast", "balanced", "best"]


@dataclass(frozen=True, eq=False)
class Placed:
    """A brain on a working grid, laid on the template.

    Args:
        scan: evenly lit RAS voxels around the brain, 0 outside it; with brain and perhaps lesion.
        brain: on the grid of the scan as it came.
        registration: carries images between the working grid and the template.
        facts: who found the brain, and how well it fits the template.
    """

    scan: Scan
    brain: Mask
    registration: Registration
    facts: Mapping[str, Any]


def place(scan: Scan, stripper: str, spacing_mm: float, effort: Effort, ctx: Context) -> Placed:
    """Strip, crop, correct and register a scan; lesions are left out of both fits.

    Args:
        scan: with a T1w image and perhaps a lesion mask; a brain mask it may have is not used.
        stripper: who finds the brain, as the step skullstrip takes it.
        spacing_mm: voxel size of the working grid.
        effort: of the registration, SyN.
        ctx: threads, progress, warnings.

    Raises:
        DataError: no brain, or one that does not fit the template: another contrast, or half a head.
        UnavailableError: who should find the brain cannot run.
    """
    strip = skullstrip.build(skullstrip.Config(backend=stripper))
    stripped, undo = strip(scan, ctx)
    brain = stripped.brain
    if brain is None:  # the step's own promise
        msg = f"the skull stripper gave no brain of '{scan.subject}'"
        raise DataError(msg)
    ready = _cropped(stripped, brain, spacing_mm)
    lit, _ = n4.build(n4.Config())(ready, ctx)
    placed: Any  # its own undo
    _, placed = register.build(register.Config(kind="syn", effort=effort))(lit, ctx)
    return Placed(lit, brain, placed.registration, {**undo.facts, **placed.facts})


def _cropped(scan: Scan, brain: Mask, spacing_mm: float) -> Scan:
    """The brain in RAS voxels of the wanted size, with a margin; voxels of that size are not interpolated."""
    x, y, z = (int(np.ceil(_MARGIN_MM / s)) for s in scan.grid.spacing())
    target = working_grid(scan.grid.crop(Box.around(brain.data).grow((x, y, z))), spacing_mm)
    image = scan.images["T1w"]
    cubic = resample_to(image.data, scan.grid, target, 3)
    inside = _mask_on(target, brain)
    values = np.where(inside.data, np.clip(cubic, image.data.min(), image.data.max()), 0)
    lesion = _mask_on(target, scan.lesion) if scan.lesion else None
    return Scan(scan.subject, {"T1w": Volume(values, target)}, lesion, inside)


def _mask_on(grid: Grid, mask: Mask) -> Mask:
    return Mask(resample_to(mask.data.astype(np.float32), mask.grid, grid, 1) > 0.5, grid)


def labels_on(placed: Placed, atlas: Atlas, grid: Grid, where: Mask, ctx: Context) -> LabelMap:
    """Labels of the atlas for the voxels of a mask that lie near enough to one.

    Args:
        placed: gives the registration.
        atlas: in the space of the template.
        grid: where labels are wanted: the working grid, or that of the scan as it came.
        where: voxels that want a label.
        ctx: threads.
    """
    carried = atlas_on(grid, atlas, placed.registration, ctx)
    labels = nearest_labels(carried, where.data, _REACH_MM / min(grid.spacing()))
    return LabelMap(labels, grid, label_names(atlas))


def label_names(atlas: Atlas) -> dict[int, str]:
    """Side and name of each cortical label."""
    return {label: f"{name.hemisphere} {name.region}" for label, name in atlas.names.items()}


def map_by_region(
    thickness: Volume, scan: Scan, stripper: str, effort: Effort, ctx: Context
) -> Thickness:
    """A thickness map on the grid of its scan, with figures by region.

    Args:
        thickness: [mm], 0 where none was measured.
        scan: that it was measured on, same grid.
        stripper: who finds the brain that the template is laid on.
        effort: of that registration.
        ctx: threads, progress, warnings.

    Raises:
        DataError: as `place`, or the map shows no cortex.
    """
    placed = place(scan, stripper, 1.0, effort, ctx)
    atlas = load_atlas()
    measured = Mask(thickness.data > 0, scan.grid)
    labels = labels_on(placed, atlas, scan.grid, measured, ctx)
    cortex = LabelMap(np.where(labels.data >= FIRST, labels.data, 0), scan.grid, labels.names)
    rows, sides = figures(thickness.data, cortex, atlas.names)
    if not sides:
        msg = f"the thickness map of '{scan.subject}' shows no cortex"
        raise DataError(msg, "look at the map: does it lie where the T1 does?")
    return Thickness(rows, NEUROMORPHOMETRICS, sides, thickness, cortex, placed.facts)
