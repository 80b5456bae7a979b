"""The place in a brain where a lesion lies most as it did in another one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from brainfill.core.grid import BoolArray, Box, FloatArray
from brainfill.lesions.anatomy import Anatomy
from brainfill.lesions.carried import Carried
from brainfill.lesions.placing import Placed, sums_under
from brainfill.lesions.rules import Rules

# How far off a place may be for a strain of 1.
_SHIFT_MM = 5.0
_GAP_MM, _GAP_SHARE = 1.0, 0.25


@dataclass(frozen=True, kw_only=True)
class Search:
    """How a place is looked for.

    Args:
        reach_mm: how far from where the registration takes it a lesion may be laid [mm].
        most_strain: what a place may cost at most; see `_strain`.
        tries: turns of a lesion that are tried before it is bent.
        turn_deg: standard deviation of the turns beyond the first [degrees].
        spread_mm: how far a bent lesion may grow beyond its warped surface [mm].
    """

    reach_mm: float = 10.0
    most_strain: float = 6.0
    tries: int = 8
    turn_deg: float = 15.0
    spread_mm: float = 3.0


def best_place(
    shape: BoolArray,
    one: Carried,
    brain: Anatomy,
    near: BoolArray,
    rules: Rules,
    search: Search,
) -> tuple[Placed, float] | None:
    """The place of least strain among those where the rules hold."""
    box = _window(shape, one.wanted_mm, brain, search.reach_mm)
    if any(n < s for n, s in zip(box.shape, shape.shape, strict=True)):
        return None
    grey, permitted = brain.grey[box.slices], brain.permitted[box.slices]
    taken = near[box.slices] | brain.ventricles[box.slices]
    if one.juxtacortical:
        permitted = permitted | grey
    else:
        taken = taken | grey
    n = int(shape.sum())
    fits = (sums_under(shape, 1.0 * permitted) >= rules.permitted * n) & (
        sums_under(shape, 1.0 * taken) == 0
    )
    if one.juxtacortical:  # no more of it in grey matter than its border had
        fits &= sums_under(shape, 1.0 * grey) <= one.grey_contact * n
    if not fits.any():
        return None
    strain = np.where(fits, _strain(shape, one, brain, box, search), np.inf)
    start = np.unravel_index(int(strain.argmin()), strain.shape)
    a, b, c = (int(v) + s for v, s in zip(start, box.start, strict=True))
    x, y, z = shape.shape
    return Placed(shape, Box((a, b, c), (a + x, b + y, c + z))), float(strain[start])


def _window(shape: BoolArray, wanted_mm: FloatArray, brain: Anatomy, reach_mm: float) -> Box:
    """All voxels a shape may cover while its middle stays within reach."""
    spacing = np.array(brain.grid.spacing())
    index = brain.grid.to_index(wanted_mm[None])[0]
    far = reach_mm / spacing + np.array(shape.shape) / 2
    (a, b, c), (d, e, f) = np.floor(index - far), np.ceil(index + far) + 1
    return Box((int(a), int(b), int(c)), (int(d), int(e), int(f))).within(brain.grid.shape)


def _strain(shape: BoolArray, one: Carried, brain: Anatomy, box: Box, search: Search) -> FloatArray:
    """What each place costs: squares of how much position and both distances are off.

    Off by 1 is 5 mm of position, and 1 mm and a quarter of a distance. Infinite beyond reach.
    """
    room = tuple(n - s + 1 for n, s in zip(box.shape, shape.shape, strict=True))
    middle = np.argwhere(shape).mean(axis=0) + box.start
    ijk = np.indices(room).reshape(3, -1).T + middle
    shift = np.linalg.norm(brain.grid.to_world(ijk) - one.wanted_mm, axis=1).reshape(room)
    strain = np.where(shift <= search.reach_mm, (shift / _SHIFT_MM) ** 2, np.inf)
    border = np.argwhere(shape & ~ndimage.binary_erosion(shape))
    for distances, before in (
        (brain.ventricle_mm, one.ventricle_mm),
        (brain.grey_mm, one.grey_mm),
    ):
        if np.isfinite(before):
            found = _lowest(distances[box.slices], border, room)
            strain += ((found - before) / (_GAP_MM + _GAP_SHARE * before)) ** 2
    return np.asarray(strain)


def _lowest(values: FloatArray, offsets: NDArray[np.integer], room: tuple[int, ...]) -> FloatArray:
    """The lowest of the values at some offsets, for each place where they may begin."""
    lowest = np.full(room, np.inf)
    for i, j, k in offsets.tolist():
        part = values[i : i + room[0], j : j + room[1], k : k + room[2]]
        np.minimum(lowest, part, out=lowest)
    return lowest
