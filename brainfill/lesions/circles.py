"""Discs on slices of a scan, in millimetres (METHODS 3.1), and unions of lesions (METHODS 3.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from brainfill.core.errors import DataError
from brainfill.core.grid import BoolArray, Grid
from brainfill.core.volume import Mask
from brainfill.lesions.shapes import CENTRE_SD, Disc, draw_discs, paint_discs

Plane = Literal["axial", "coronal", "sagittal"]
AXES: Mapping[Plane, int] = {"sagittal": 0, "coronal": 1, "axial": 2}


def draw_circles(
    shown: Mask,
    plane: Plane,
    depth_mm: float,
    tries: int,
    rng: np.random.Generator,
    *,
    same_centre: bool,
) -> tuple[BoolArray, list[dict[str, Any]]]:
    """A disc on each of a run of slices (METHODS 3.1).

    The pixels of the source were 1 mm wide: centres have a standard deviation of 30 mm around the middle of the image,
    radii are uniform between 3 and 50 mm. All is drawn again while no disc meets `shown`.

    Args:
        shown: brain or tissue, RAS; only slices that show some are drawn on.
        plane: of the slices; on an oblique grid, the planes of voxels nearest to it.
        depth_mm: thickness of the run [mm]; 0 for all slices.
        tries: draws before giving up.
        rng: source of all draws.
        same_centre: whether the discs share their centre.

    Returns:
        bool (X, Y, Z), and each disc with centre and radius [mm].

    Raises:
        DataError: no disc met `shown`.
    """
    axis = AXES[plane]
    there = np.moveaxis(shown.data, axis, 0)
    spacing = shown.grid.spacing()
    across = [s for i, s in enumerate(spacing) if i != axis]
    middle = (np.array(there.shape[1:]) - 1) / 2 * across
    for _ in range(tries):
        slices = _run(np.flatnonzero(there.any(axis=(1, 2))), depth_mm / spacing[axis], rng)
        sd = np.full(2, CENTRE_SD)
        discs = draw_discs(slices, middle, sd, 1.0, rng, same_centre=same_centre)
        hole = paint_discs(there.shape, discs, across)
        if (hole & there).any():
            facts = [_facts(disc, axis, across, shown.grid) for disc in discs]
            return np.moveaxis(hole, 0, axis), facts
    msg = f"no disc met the brain or tissue in {tries} draws"
    raise DataError(msg, "is the brain near the middle of the image? crop it, or draw ellipsoids")


def _run(slices: np.ndarray, length: float, rng: np.random.Generator) -> np.ndarray:
    """Neighbouring members of a list of slices, as many as `length` says; all for 0."""
    n = max(1, round(length)) if length else len(slices)
    if n >= len(slices):
        return slices
    first = int(rng.integers(len(slices) - n + 1))
    return slices[first : first + n]


def _facts(disc: Disc, axis: int, across: Sequence[float], grid: Grid) -> dict[str, Any]:
    index = np.insert(np.array(disc.centre) / across, axis, disc.slice)
    centre = np.round(grid.to_world(index[None])[0], 3).tolist()
    return {"centre_mm": centre, "radius_mm": round(disc.radius, 3)}
