"""What a model starts from: a first fill on the scan's own grid.

Models work at 1 mm. Were their fills carried to the grid of a scan of another voxel size, they would lose the
scan's grain and its partial volumes; so patches fill that grid first, and only what the model changes is carried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from brainfill.core.companion import Companion
from brainfill.core.context import Context, Progress, ignore
from brainfill.core.grid import BoolArray, FloatArray
from brainfill.core.volume import Mask, Volume
from brainfill.interpolation.nonlocal_patches import PatchConfig, patch_fill_with_doubts
from brainfill.interpolation.sites import flat_value
from brainfill.preprocess.crops import bridged


@dataclass(frozen=True, eq=False)
class Start:
    """A first fill of all hole voxels, which are listed in C order.

    Args:
        image: float32 (X, Y, Z), the scan with its hole filled.
        doubts: float32 (C, n), what speaks against it; see patch_fill_with_doubts. C is 0 where nothing is known.
        drawn: float32 (N, n), what each sample starts from: a fill with the grain of tissue, or the first fill.
    """

    image: FloatArray
    doubts: FloatArray
    drawn: FloatArray


def patched_start(
    image: Volume,
    hole: Mask,
    views: Sequence[PatchConfig],
    seeds: Sequence[int],
    ctx: Context,
    companions: Sequence[Companion] = (),
) -> Start:
    """Fills by patches.

    Args:
        image: never read inside the hole.
        hole: any number of lesions.
        views: settings whose fills are averaged, errors of one making up for those of another.
        seeds: one for each sample to draw; none for the best guess alone.
        ctx: told how far the work is and about lesions without tissue around them.
        companions: other images of the person, on the grid of `image`.
    """
    runs = len(views) + len(seeds)
    background = flat_value(image, hole)
    found = []
    for number, view in enumerate(views):
        part = _part(ctx, number, runs)
        found.append(_patched(image, hole, view, background, part, companions))
    mean = np.mean(found, axis=0)
    drawn = mean[:1]
    if seeds:
        parts = [replace(_part(ctx, len(views) + i, runs), seed=s) for i, s in enumerate(seeds)]
        drawn = np.concatenate(
            [
                _patched(image, hole, views[0], background, part, companions, drawn=True)[:1]
                for part in parts
            ]
        )
    return Start(_placed(image, hole.data, mean[0]), mean[1:], drawn)


def bridged_start(image: Volume, hole: Mask, samples: int) -> Start:
    """The nearest known value for each hole voxel: for models that make a first fill of their own.

    Args:
        image: never read inside the hole.
        hole: any number of lesions.
        samples: how many start from it.
    """
    start = bridged(image.data, hole.data)
    values = start[hole.data]
    nothing = np.zeros((0, values.size), np.float32)
    return Start(start, nothing, np.tile(values, (samples, 1)))


def _patched(
    image: Volume,
    hole: Mask,
    view: PatchConfig,
    background: float,
    ctx: Context,
    companions: Sequence[Companion],
    *,
    drawn: bool = False,
) -> FloatArray:
    """Fill and doubts (1 + C, n) of the hole voxels."""
    filled, doubts = patch_fill_with_doubts(
        image, hole, view, ctx, background, drawn=drawn, companions=companions
    )
    return np.concatenate([filled[hole.data][None], doubts[:, hole.data]])


def _placed(image: Volume, hole: BoolArray, values: FloatArray) -> FloatArray:
    filled: FloatArray = image.data.copy()
    filled[hole] = values
    return filled


def _part(ctx: Context, number: int, runs: int) -> Context:
    """The surroundings of one of several runs over the same lesions; only the first warns of them."""
    progress = partial(_renamed, ctx.progress, f"first fill, {number + 1} of {runs}")
    return replace(ctx, progress=progress, warn=ignore if number else ctx.warn)


def _renamed(progress: Progress, name: str, stage: str, done: int, total: int) -> None:  # noqa: ARG001
    progress(name, done, total)
