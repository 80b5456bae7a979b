"""Lesions carried to another brain one by one, each to where it lies as it did among ventricles and cortex."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from brainfill.core.grid import BoolArray, Box, FloatArray
from brainfill.lesions.anatomy import Anatomy
from brainfill.lesions.bending import bent
from brainfill.lesions.carried import Carried, Warp
from brainfill.lesions.placing import Placed, sums_under, turned, with_margin
from brainfill.lesions.rules import Rules

How = Literal["rigid", "bent", "rejected"]

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


@dataclass(frozen=True, eq=False)
class Moved:
    """A lesion after the search.

    Args:
        carried: the lesion on its way.
        how: laid as it is, bent, or rejected.
        placed: where it is now, if not rejected.
        strain: what the place costs, for one laid as it is.
        tries: turns that were tried.
        reason: why it was rejected.
    """

    carried: Carried
    how: How
    placed: Placed | None
    strain: float | None
    tries: int
    reason: str


def transfer(
    lesions: Sequence[Carried],
    brain: Anatomy,
    warp: Warp,
    rules: Rules,
    search: Search,
    rng: np.random.Generator,
) -> tuple[BoolArray, list[Moved]]:
    """Lay lesions into another brain, the largest first (METHODS 21.3).

    Each is turned as the registration turns its place, and laid where it has the distances to ventricles and grey
    matter it had, near to where the registration takes it, among all places where the rules hold. If there is none,
    further turns are tried; then it is bent as the registration bends it, and cut and grown until the rules hold.

    Args:
        lesions: on their way.
        brain: the other brain, on `warp.there`.
        warp: from one to the other.
        rules: what each lesion must obey.
        search: how a place is looked for.
        rng: source of all draws.

    Returns:
        bool (X, Y, Z) on `warp.there`, and what became of each lesion, in the order given; a voxel at least lies
        between any two of them.
    """
    mask = np.zeros(warp.there.shape, bool)
    near = mask.copy()
    moved: dict[int, Moved] = {}
    for i in sorted(range(len(lesions)), key=lambda i: -lesions[i].piece.mask.volume_ml()):
        moved[i] = _moved(lesions[i], brain, warp, near, rules, search, rng)
        if (placed := moved[i].placed) is not None:
            mask[placed.box.slices] |= placed.where
            wide = with_margin(placed, mask.shape)
            near[wide.box.slices] |= wide.where
    return mask, [moved[i] for i in range(len(lesions))]


def _moved(
    one: Carried,
    brain: Anatomy,
    warp: Warp,
    near: BoolArray,
    rules: Rules,
    search: Search,
    rng: np.random.Generator,
) -> Moved:
    if not _inside(one.wanted_mm, brain):
        return Moved(one, "rejected", None, None, 0, "outside the image")
    reason = "no room in tissue"
    for number, rotation in enumerate(_turns(one.rotation, search, rng), start=1):
        shape = turned(one.piece.mask, rotation, brain.grid)
        if shape is None:
            reason = "voxels too large for its shape"
            continue
        best = _best(shape, one, brain, near, rules, search)
        if best is None:
            continue
        placed, strain = best
        if strain <= search.most_strain:
            return Moved(one, "rigid", placed, strain, number, "")
        reason = "no room as near to ventricles and grey matter"
    placed_bent = _bent(one, brain, warp, near, search)
    how: How = "bent" if placed_bent else "rejected"
    return Moved(one, how, placed_bent, None, search.tries, "" if placed_bent else reason)


def _bent(
    one: Carried, brain: Anatomy, warp: Warp, near: BoolArray, search: Search
) -> Placed | None:
    """Bent into tissue, or, if it touched grey matter and there is no other way, into that too."""
    taken = near | brain.ventricles
    allowed = [brain.permitted, *([brain.permitted | brain.grey] if one.juxtacortical else [])]
    found = (bent(one.piece.mask, warp, where, taken, search.spread_mm) for where in allowed)
    return next((placed for placed in found if placed is not None), None)


def _inside(wanted_mm: FloatArray, brain: Anatomy) -> bool:
    index = brain.grid.to_index(wanted_mm[None])[0]
    return bool(
        np.isfinite(index).all()
        and (index > -0.5).all()
        and (index < np.array(brain.grid.shape) - 0.5).all()
    )


def _turns(first: FloatArray, search: Search, rng: np.random.Generator) -> Iterator[FloatArray]:
    yield first
    for _ in range(search.tries - 1):
        by = Rotation.from_rotvec(rng.normal(0, np.deg2rad(search.turn_deg), 3))
        yield by.as_matrix() @ first


def _best(
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
