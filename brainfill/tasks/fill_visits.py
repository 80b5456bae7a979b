"""Fill the lesions of several visits of one person, each with what the others show there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from brainfill.core.errors import DataError
from brainfill.tasks import fill
from brainfill.tasks._base import Result
from brainfill.tasks._companions import (
    LEAST_OF_VISIT,
    agreement,
    check_agreement,
    covered,
    moved_grid,
)

if TYPE_CHECKING:
    from brainfill.core.companion import Companion
    from brainfill.core.context import Context
    from brainfill.core.grid import FloatArray
    from brainfill.core.volume import Mask, Scan, Volume
    from brainfill.tasks.fill import FillConfig

# Scans on one grid that agree as well without registration were registered before, and are not moved again.
_AS_WELL = 0.01
_TOUCHED = 0.01


def run(scans: Sequence[Scan], config: FillConfig, ctx: Context) -> list[Result]:
    """Fill every visit with the others as companions.

    Best guesses stand side by side: each is made from what the scans show. Where fills are drawn, a visit also sees what
    was drawn for those before it, so that one place gets the same tissue in all.

    Args:
        scans: T1w and lesions of each visit; one without lesions is not filled, and helps the others.
        config: what to do, with each.
        ctx: device, seed, progress, warnings.

    Returns:
        for each visit the result of `brainfill.tasks.fill.run`, and in its facts "ToFirstVisit": rows of the matrix (4, 4)
        from its world positions to those of the first visit [mm].

    Raises:
        ConfigError: the method has no use for other visits.
        DataError: no visit has lesions, or as `brainfill.tasks.fill.run`; visits show different heads.
    """
    from brainfill.core.volume import Mask

    fill.check_companions(config, "--visits")
    images, lesions = zip(*map(fill.parts_of, scans), strict=True)
    found = [
        fill.find_hole(scan, config, ctx) if lesion.data.any() else None
        for scan, lesion in zip(scans, lesions, strict=True)
    ]
    holes = [
        lesion if one is None else one.mask for lesion, one in zip(lesions, found, strict=True)
    ]
    if not any(hole.data.any() for hole in holes):
        msg = f"none of the {len(scans)} visits has lesions: all masks are empty"
        raise DataError(msg, "check that they are the right files")
    names = [f"visit {i} ('{scan.subject}')" for i, scan in enumerate(scans, start=1)]
    to_first = _registered(images, holes, names, ctx)
    drawn: list[tuple[Volume, Mask]] = []
    results = []
    for i, scan in enumerate(scans):
        shown = list(zip(images, holes, strict=True))
        if config.samples:
            shown[: len(drawn)] = drawn
        others = [
            _companion(names[j], *shown[j], images[i], to_first[i], to_first[j])
            for j in range(len(scans))
            if j != i
        ]
        mine = found[i]
        result = _as_it_is(scan) if mine is None else fill.run(scan, config, ctx, others, mine)
        results.append(
            replace(result, facts={**result.facts, "ToFirstVisit": to_first[i].tolist()})
        )
        nothing = Mask(holes[i].data & False, images[i].grid)
        drawn.append((result.volumes["filled"], nothing))
    return results


def _registered(
    images: Sequence[Volume], holes: Sequence[Mask], names: Sequence[str], ctx: Context
) -> list[FloatArray]:
    """For each visit the matrix (4, 4) that takes its world positions to those of the first.

    Raises:
        DataError: two visits do not show the same head.
    """
    import numpy as np

    from brainfill.core.background import from_background
    from brainfill.preprocess.registration import register
    from brainfill.preprocess.transforms import matrix_of

    still = from_background(images[0], holes[0].data)[0]
    found: list[FloatArray] = [np.eye(4)]

    def agreed(matrix: FloatArray, image: Volume, hole: Mask) -> float:
        other = _companion("", image, hole, images[0], found[0], matrix)
        return agreement(images[0], other.image, other.known.data & ~holes[0].data)

    for image, hole, name in list(zip(images, holes, names, strict=True))[1:]:
        ctx.progress(f"registering {name} to {names[0]}", 0, 1)
        counted = from_background(image, hole.data)[0]
        laid = register(still, None, counted, hole, "rigid", "balanced", ctx)
        matrix = np.linalg.inv(matrix_of(laid.forward, ctx))
        share = agreed(matrix, image, hole)
        if image.grid.meant_as(images[0].grid):
            as_it_is = agreed(np.eye(4), image, hole)
            if as_it_is > share - _AS_WELL:
                matrix, share = np.eye(4), as_it_is
        check_agreement(share, LEAST_OF_VISIT, name)
        found.append(matrix)
        ctx.progress(f"registering {name} to {names[0]}", 1, 1)
    return found


def _companion(
    name: str, image: Volume, hole: Mask, target: Volume, to_first: FloatArray, mine: FloatArray
) -> Companion:
    """A visit on the grid of another, unknown in its own hole.

    Args:
        name: for messages.
        image: of the visit.
        hole: of the visit.
        target: image of the other.
        to_first: (4, 4), positions of the other to those of the first visit [mm].
        mine: the same of the visit.
    """
    import numpy as np

    from brainfill.core.companion import Companion
    from brainfill.core.volume import Mask, Volume
    from brainfill.preprocess.crops import bridged
    from brainfill.preprocess.steps.resample import resample_to

    matrix = np.linalg.inv(to_first) @ mine
    source, grid = moved_grid(image.grid, matrix), target.grid
    # Splines must not carry what is in the hole to voxels around it.
    moved = resample_to(bridged(image.data, hole.data), source, grid, order=3)
    share = resample_to(hole.data.astype(np.float32), source, grid, order=1)
    known = covered(image.grid, grid, np.linalg.inv(matrix)) & (share < _TOUCHED)
    return Companion(name, Volume(moved, grid), Mask(known, grid))


def _as_it_is(scan: Scan) -> Result:
    """The result for a visit without lesions."""
    import numpy as np

    from brainfill.core.volume import LabelMap

    image, lesion = fill.parts_of(scan)
    labels = LabelMap(np.zeros(image.grid.shape, np.int32), image.grid)
    facts: dict[str, Any] = {
        "Method": "none",
        "LesionCount": 0,
        "LesionVoxels": 0,
        "LesionVolumeML": 0.0,
        "FilledVoxels": 0,
    }
    return Result({"filled": image, "hole": lesion, "labels": labels}, {"lesions": []}, facts)
