"""Other images of a person, brought to the grid of the image that is filled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from brainfill.core.errors import DataError
from brainfill.core.grid import Grid

if TYPE_CHECKING:
    from brainfill.core.companion import Companion
    from brainfill.core.context import Context
    from brainfill.core.grid import BoolArray, FloatArray
    from brainfill.core.volume import Mask, Volume

# Of the variance of a T1, the FLAIR of two patients explained 0.37 and 0.40, T2 0.7, another visit of two people 0.97; FLAIR
# and T1 of somebody else, laid on it rigidly, 0.10 and 0.20.
LEAST_OF_CONTRAST, LEAST_OF_VISIT = 0.15, 0.7


@dataclass(frozen=True, eq=False)
class Contrast:
    """Another contrast beside a T1.

    Args:
        image: as it was read, on its own grid.
        companion: the same on the grid of the T1.
        to_own: float64 (4, 4), world positions of the T1 to those of `image` [mm]; None if both lie on one grid.
    """

    image: Volume
    companion: Companion
    to_own: FloatArray | None


def beside_t1(t1: Volume, lesion: Mask, other: Volume, name: str, ctx: Context) -> Contrast:
    """Another contrast of the same visit, which shows the same lesions.

    Args:
        t1: image that stays.
        lesion: on its grid, not compared.
        other: on any grid.
        name: for messages, such as "FLAIR".
        ctx: seed, threads, progress, warnings.

    Raises:
        DataError: the two cannot be registered, or do not show the same head.
    """
    from brainfill.core.companion import Companion
    from brainfill.core.volume import Mask
    from brainfill.preprocess.coregister import align
    from brainfill.preprocess.transforms import matrix_of

    moved, found = align(t1, other, name, ctx)
    to_own = None if found is None else matrix_of(found.forward, ctx)
    known = covered(other.grid, t1.grid, to_own)
    check_agreement(agreement(t1, moved, known & ~lesion.data), LEAST_OF_CONTRAST, name)
    companion = Companion(name, moved, Mask(known, t1.grid), shares_hole=True)
    return Contrast(other, companion, to_own)


def moved_grid(grid: Grid, matrix: FloatArray | None) -> Grid:
    """The grid at the place that a matrix (4, 4) takes it to [mm]; where it is without one."""
    return grid if matrix is None else Grid(grid.shape, matrix @ grid.affine)


def covered(source: Grid, target: Grid, matrix: FloatArray | None) -> BoolArray:
    """The voxels of `target` (X, Y, Z) that an image on `source` has values for; `matrix` takes `target` there."""
    import numpy as np

    from brainfill.preprocess.steps.resample import resample_to

    whole = np.ones(source.shape, np.float32)
    return resample_to(whole, source, moved_grid(target, matrix), order=0) > 0


def agreement(image: Volume, other: Volume, where: BoolArray) -> float:
    """The correlation ratio of two images on one grid, where both show the head and `where` (X, Y, Z) is true."""
    from brainfill.preprocess.agreement import correlation_ratio
    from brainfill.preprocess.foreground import foreground

    both = where & foreground(image, ~where) & foreground(other, ~where)
    return correlation_ratio(image.data, other.data, both)


def check_agreement(share: float, least: float, name: str) -> None:
    """Refuse an image of another person, or one that lies elsewhere.

    Args:
        share: agreement of the image with the one that is filled.
        least: what is expected.
        name: of the image, for the message.

    Raises:
        DataError: it is less.
    """
    if share < least:
        msg = (
            f"{name} does not show the same head as the image to fill: it explains {100 * share:.0f} % of the "
            f"variance of that, expected at least {100 * least:.0f} %"
        )
        hint = "look at both in a viewer: is it another person, or not registered?"
        raise DataError(msg, hint)
