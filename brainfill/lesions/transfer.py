"""Lesions carried to another brain one by one, each to where it lies as it did among ventricles and cortex."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from brainfill.core.grid import BoolArray, Box, FloatArray
from brainfill.lesions.anatomy import Anatomy
from brainfill.lesions.bending import bent
from brainfill.lesions.carried import Carried, Warp
from brainfill.lesions.placing import Placed, turned, with_margin
from brainfill.lesions.rules import Rules
from brainfill.lesions.search import Search, best_place

How = Literal["rigid", "bent", "rejected", "naive"]


@dataclass(frozen=True, eq=False)
class Moved:
    """A lesion after the search.

    Args:
        carried: the lesion on its way.
        how: laid as it is, bent, rejected, or carried over without a search.
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


def as_carried(
    lesions: Sequence[Carried], numbers: NDArray[np.integer[Any]]
) -> tuple[BoolArray, list[Moved]]:
    """Lesions as a registration leaves them, without any search.

    Args:
        lesions: on their way.
        numbers: (X, Y, Z) in the other brain, 1 for the first of the lesions and so on.
    """
    boxes = ndimage.find_objects(numbers, max_label=len(lesions))
    moved = []
    for number, (one, found) in enumerate(zip(lesions, boxes, strict=True), start=1):
        if found is None:
            moved.append(Moved(one, "rejected", None, None, 0, "lost"))
            continue
        (a, d), (b, e), (c, f) = ((s.start, s.stop) for s in found)
        placed = Placed(numbers[found] == number, Box((a, b, c), (d, e, f)))
        moved.append(Moved(one, "naive", placed, None, 0, ""))
    return numbers > 0, moved


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
    volume_ml, voxel_ml = one.piece.mask.volume_ml(), brain.grid.voxel_ml()
    low, high = rules.volume_ratio
    if not low <= max(1, round(volume_ml / voxel_ml)) * voxel_ml / volume_ml <= high:
        return Moved(one, "rejected", None, None, 0, "voxels too large for its volume")
    reason = "no room in tissue"
    for number, rotation in enumerate(_turns(one.rotation, search, rng), start=1):
        shape = turned(one.piece.mask, rotation, brain.grid)
        if shape is None:
            reason = "voxels too large for its shape"
            continue
        best = best_place(shape, one, brain, near, rules, search)
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
