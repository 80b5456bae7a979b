"""Other contrasts of one person, brought to the grid of the T1."""

from __future__ import annotations

import numpy as np

from brainfill.core.background import from_background
from brainfill.core.context import Context
from brainfill.core.errors import DataError
from brainfill.core.volume import Volume
from brainfill.preprocess.foreground import foreground
from brainfill.preprocess.match import same_grid
from brainfill.preprocess.registration import Registration, register
from brainfill.preprocess.transforms import carry

# Two contrasts of one head overlap by 0.9 and more; half is what two heads side by side have.
_LEAST_OVERLAP = 0.6


def align(t1: Volume, other: Volume, name: str, ctx: Context) -> tuple[Volume, Registration | None]:
    """Another contrast on the grid of the T1.

    One on this very grid is taken to be aligned already; any other is registered rigidly by mutual information.

    Args:
        t1: image that stays.
        other: image of the same person.
        name: of the contrast, for messages.
        ctx: seed, threads, progress.

    Returns:
        the image on the grid of the T1 (B-spline), and its transforms if it was registered.

    Raises:
        DataError: the two do not lie on each other afterwards.
    """
    if same_grid(other.grid, t1.grid, f"the {name}", ctx.warn):
        return Volume(other.data, t1.grid), None
    ctx.progress(f"registering {name} to T1w", 0, 1)
    still, (counted, level) = from_background(t1)[0], from_background(other)
    found = register(still, None, counted, None, "rigid", "balanced", ctx, same_contrast=False)
    data = carry(counted.data, other.grid, t1.grid, [found.forward], "bspline", ctx)
    moved = Volume(data + np.float32(level), t1.grid)
    shown = carry(foreground(other), other.grid, t1.grid, [found.forward], "linear", ctx) > 0.5
    inside = foreground(t1)
    overlap = 2 * int((shown & inside).sum()) / max(1, int(np.sum(shown) + np.sum(inside)))
    if overlap < _LEAST_OVERLAP:
        msg = (
            f"registration of {name} to T1w failed: overlap (Dice) of what they show is "
            f"{overlap:.2f}, expected at least {_LEAST_OVERLAP:g}"
        )
        raise DataError(msg, f"look at both in a viewer, or bring {name} to the grid of the T1")
    ctx.progress(f"registering {name} to T1w", 1, 1)
    return moved, found
