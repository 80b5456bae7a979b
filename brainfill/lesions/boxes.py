"""Boxes around lesions, as users draw who have no time for outlines (METHODS 3.6)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from brainfill.core.grid import BoolArray, Box, Grid
from brainfill.core.volume import Mask
from brainfill.lesions.components import label_lesions


def draw_boxes(
    lesions: Mask,
    rng: np.random.Generator,
    *,
    grow_vox: int = 0,
    grow_mm: float = 0.0,
) -> tuple[BoolArray, list[dict[str, Any]]]:
    """A filled box around each lesion, each of its six sides moved outwards by a random amount.

    Args:
        lesions: RAS; components that touch by a corner count as one.
        rng: source of all draws.
        grow_vox: sides move by 0 to this many voxels, all equally likely.
        grow_mm: and by anything up to this, rounded to voxels [mm].

    Returns:
        bool (X, Y, Z) cut at the ends of the image, and each box with its corners [mm].
    """
    labels = label_lesions(lesions).data
    spacing = np.array(lesions.grid.spacing())[:, None]
    filled = np.zeros(lesions.data.shape, bool)
    facts = []
    for where in ndimage.find_objects(labels):
        tight = np.array([[s.start, s.stop] for s in where])
        by = rng.integers(0, grow_vox + 1, size=(3, 2))
        by += np.rint(rng.uniform(0, grow_mm, size=(3, 2)) / spacing).astype(int)
        (a, d), (b, e), (c, f) = (tight + by * [-1, 1]).tolist()
        box = Box((a, b, c), (d, e, f)).within(lesions.grid.shape)
        filled[box.slices] = True
        facts.append(_facts(box, by, lesions.grid))
    return filled, facts


def _facts(box: Box, by: NDArray[np.integer[Any]], grid: Grid) -> dict[str, Any]:
    ends = np.array([box.start, box.stop], np.float64) - 0.5
    sides = np.array(box.shape) * grid.spacing()
    return {
        "centre_mm": np.round(grid.to_world(ends.mean(axis=0)[None])[0], 3).tolist(),
        "sides_mm": np.round(sides, 3).tolist(),
        "grown_vox": dict(zip("LRPAIS", by.ravel().tolist(), strict=True)),
    }
