"""Filling in MNI space: the scan goes there, is filled, and the fill comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brainfill.core import registry
from brainfill.tasks.preprocess import STEPS, PreprocessConfig, plan

if TYPE_CHECKING:
    from brainfill.core.context import Context
    from brainfill.core.volume import Mask, Volume
    from brainfill.fillers._base import Filler, Filling


def fill_in_mni(image: Volume, hole: Mask, subject: str, fill: Filler, ctx: Context) -> Filling:
    """Fill a hole in MNI space.

    Args:
        image: the scan, T1-weighted.
        hole: voxels to fill, on its grid.
        subject: named in messages.
        fill: who fills.
        ctx: device, seed, progress, warnings.

    Returns:
        values and standard deviation on the grid and in the unit of `image`; facts of the filler and the steps.

    Raises:
        DataError: no brain, or the registration failed.
        UnavailableError: nothing that finds the brain can run.
    """
    import numpy as np
    from scipy import ndimage

    from brainfill.core.volume import Mask, Scan
    from brainfill.fillers._base import Filling
    from brainfill.preprocess._base import chain

    steps = [
        registry.load(STEPS, name).build(settings)
        for name, settings in plan(PreprocessConfig(preset="fill"))
    ]
    # Wider by a voxel here and there, so that no voxel of the fill is mixed with the lesion on the way back.
    wide = Mask(ndimage.binary_dilation(hole.data), hole.grid)
    moved, undo = chain(steps, Scan(subject, {"T1w": image}, lesion=wide), ctx)
    there = moved.images["T1w"]
    lesion = np.zeros(there.grid.shape, bool) if moved.lesion is None else moved.lesion.data
    inside = Mask(ndimage.binary_dilation(lesion), there.grid)
    filling = fill(there, inside, ctx)
    whole = there.like(np.where(inside.data, filling.values, there.data))
    sd = None if filling.sd is None else undo.volume(there.like(filling.sd)).data
    facts = {**filling.facts, **undo.facts, "FilledIn": "MNI152NLin2009aSym"}
    return Filling(undo.volume(whole).data, sd, facts)
