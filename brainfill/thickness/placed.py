"""A scan made ready for measuring and laid on the template, and regions for a map measured elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from brainfill.core.context import Context
from brainfill.core.errors import DataError
from brainfill.core.grid import Box, Grid
from brainfill.core.volume import LabelMap, Mask, Scan, Volume
from brainfill.preprocess.crops import working_grid
from brainfill.preprocess.registration import Kind, Registration
from brainfill.preprocess.steps import n4, register, skullstrip
from brainfill.preprocess.steps.resample import resample_to
from brainfill.preprocess.tissues._base import brain_of
from brainfill.thickness._base import NEUROMORPHOMETRICS, Thickness
from brainfill.thickness.parcels import MODEL, left_half, numbered, parcels
from brainfill.thickness.regions import DEEP, figures, load_names

_MARGIN_MM = 10.0
_SPACING_MM = 1.0


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


def place(scan: Scan, stripper: str, spacing_mm: float, kind: Kind, ctx: Context) -> Placed:
    """Strip, crop, correct and register a scan; lesions are left out of both fits.

    Args:
        scan: with a T1w image and perhaps a lesion mask; a brain mask it may have is not used.
        stripper: who finds the brain, as the step skullstrip takes it.
        spacing_mm: voxel size of the working grid.
        kind: of the registration.
        ctx: threads, progress, warnings.

    Raises:
        DataError: no brain, or one that does not fit the template: another contrast, or half a head.
        UnavailableError: who should find the brain cannot run.
    """
    ctx = replace(ctx, work=None)  # the work folder is for what called programs leave
    strip = skullstrip.build(skullstrip.Config(backend=stripper))
    stripped, undo = strip(scan, ctx)
    brain = stripped.brain
    if brain is None:  # the step's own promise
        msg = f"the skull stripper gave no brain of '{scan.subject}'"
        raise DataError(msg)
    ready = _cropped(stripped, brain, spacing_mm)
    lit, _ = n4.build(n4.Config())(ready, ctx)
    placed: Any  # its own undo
    _, placed = register.build(register.Config(kind=kind, effort="fast"))(lit, ctx)
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


def map_by_region(thickness: Volume, scan: Scan, stripper: str, ctx: Context) -> Thickness:
    """A thickness map on the grid of its scan, with figures by region.

    Args:
        thickness: [mm], 0 where none was measured.
        scan: that it was measured on, same grid.
        stripper: who finds the brain that regions are told apart in.
        ctx: threads, progress, warnings.

    Raises:
        DataError: as `place`, or the map shows no cortex.
        UnavailableError: the model that tells regions apart is missing.
    """
    placed = place(scan, stripper, _SPACING_MM, "affine", ctx)
    brain = placed.brain
    found = parcels(placed.scan.images["T1w"], brain_of(placed.scan), MODEL, ctx)
    # Cortex that the brain mask misses gets the class of the nearest voxel that the network saw.
    seen = Mask(brain.data | (thickness.data > 0), scan.grid)
    classes = found.classes(seen)
    inner = Mask((classes.data == DEEP) & (thickness.data <= 0), scan.grid)
    labels = numbered(classes, left_half(inner, placed.registration, ctx))
    cortex = LabelMap(
        np.where(thickness.data > 0, labels.data, 0).astype(np.int32), scan.grid, labels.names
    )
    rows, sides = figures(thickness.data, cortex, load_names())
    if not sides:
        msg = f"the thickness map of '{scan.subject}' shows no cortex"
        raise DataError(msg, "look at the map: does it lie where the T1 does?")
    return Thickness(rows, NEUROMORPHOMETRICS, sides, thickness, cortex, placed.facts)
