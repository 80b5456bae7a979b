"""The surroundings of each lesion, cut out one at a time, for fillers that work without a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainfill.core.background import background as background_of
from brainfill.core.context import Context
from brainfill.core.errors import GeometryError
from brainfill.core.grid import BoolArray, Box, FloatArray, Grid, Index3
from brainfill.core.touching import touching
from brainfill.core.volume import Mask, Volume

_ENOUGH_TISSUE_VOX = 30
EXACT = 1e-6  # distances of whole voxels come out a little longer or shorter, as headers hold sides in single precision
_NAMED = 5


@dataclass(frozen=True, eq=False)
class Site:
    """One lesion and the block of voxels around it.

    Args:
        name: number, size and place of the lesion, for messages.
        image: float32 (X, Y, Z); 0 where `known` is false, so that no lesion can leak into a fill.
        hole: the voxels of this lesion.
        known: finite voxels outside every lesion.
        tissue: known voxels that are not background.
        grid: of the block.
        box: of the block, in the image.
    """

    name: str
    image: FloatArray
    hole: BoolArray
    known: BoolArray
    tissue: BoolArray
    grid: Grid
    box: Box

    def voxels(self) -> NDArray[np.intp]:
        """Indices (N, 3) of the hole, ordered by place in the world, whatever the array's order."""
        return _ordered(np.argwhere(self.hole), self.grid)

    def rng(self, seed: int) -> np.random.Generator:
        """Random numbers that depend on the seed and on where the lesion is, on nothing else."""
        first = self.grid.to_world(self.voxels()[:1].astype(np.float64))[0]
        return np.random.default_rng([seed, *(np.rint(first * 1000).astype(int) + 2**31).tolist()])


def fill_sites(
    image: Volume,
    hole: Mask,
    ctx: Context,
    reach_mm: float,
    fill: Callable[[Site], FloatArray],
    background: float | None = None,
    run: Callable[..., Iterable[Any]] = map,
) -> FloatArray:
    """Fill every lesion from its own surroundings.

    Args:
        image: never read inside the hole.
        hole: any number of lesions; voxels that touch belong to one.
        ctx: told how far the work is and about lesions without tissue around them.
        reach_mm: how far around a lesion tissue is looked for; farther only where there is none.
        fill: float32 values with the shape of the site, of which those in its hole are used.
        background: the value that is no tissue; None takes `flat_value`.
        run: like `map`; that of a pool of threads fills several lesions at a time.

    Returns:
        float32 (X, Y, Z), the image with its hole filled.

    Raises:
        GeometryError: image and hole are not on one grid.
    """
    if not hole.grid.meant_as(image.grid):
        msg = f"image and hole are on different grids: {image.grid.shape} and {hole.grid.shape}"
        raise GeometryError(msg)
    values: FloatArray = image.data.copy()
    labels, boxes = touching(hole.data)
    count = len(boxes)
    nothing = flat_value(image, hole) if background is None else background

    def filled(item: tuple[int, Box]) -> tuple[str, str]:
        site, trouble = _cut(image, labels, *item, reach_mm, nothing)
        values[site.box.slices][site.hole] = fill(site)[site.hole] if site.tissue.any() else 0
        return site.name, trouble

    short: dict[str, list[str]] = {}
    ctx.progress("filling", 0, count)
    for number, (name, trouble) in enumerate(run(filled, enumerate(boxes, start=1)), start=1):
        if trouble:
            short.setdefault(trouble, []).append(name)
        ctx.progress("filling", number, count)
    for trouble, names in short.items():
        warn_of(names, trouble, ctx)
    return values


def flat_value(image: Volume, hole: Mask) -> float:
    """The value of the image that is no tissue: that of `core.background`, NaN where it has none."""
    flat = background_of(image.data, hole.data).flat
    return float("nan") if flat is None else flat


def warn_of(names: list[str], trouble: str, ctx: Context) -> None:
    """One sentence for all lesions that share a trouble, the first few by name."""
    listed = ", ".join(names[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    ctx.warn(f"{trouble}: {listed}{more}")


def _cut(
    image: Volume,
    labels: NDArray[Any],
    number: int,
    tight: Box,
    reach_mm: float,
    background: float,
) -> tuple[Site, str]:
    """The site of one lesion, and what is wrong with it, if anything."""
    name = _name(number, labels[tight.slices] == number, image.grid.crop(tight))
    reach = reach_mm
    while True:
        box = tight.grow(_margin(reach, image.grid)).within(image.grid.shape)
        here, marks = image.data[box.slices], labels[box.slices]
        known = (marks == 0) & np.isfinite(here)
        tissue = known & (here != background)
        if box.shape == image.grid.shape or int(tissue.sum()) >= _ENOUGH_TISSUE_VOX:
            break
        reach *= 2
    trouble = f"looked up to {reach:g} mm away for tissue" if reach > reach_mm else ""
    if not tissue.any():
        trouble = f"no tissue in the image, filled with {'background' if known.any() else '0'}"
        tissue = known
    values = np.where(known, here, np.float32(0))
    site = Site(name, values, marks == number, known, tissue, image.grid.crop(box), box)
    return site, trouble


def _name(number: int, mine: BoolArray, grid: Grid) -> str:
    x, y, z = grid.to_world(np.argwhere(mine).mean(axis=0)[None])[0]
    return f"lesion {number} ({int(mine.sum())} voxels at {x:.1f}, {y:.1f}, {z:.1f} mm)"


def _margin(reach_mm: float, grid: Grid) -> Index3:
    x, y, z = (max(2, int(np.ceil(reach_mm / s - EXACT))) for s in grid.spacing())
    return x, y, z


def _ordered(voxels: NDArray[np.intp], grid: Grid) -> NDArray[np.intp]:
    world = np.round(grid.to_world(voxels.astype(np.float64)), 3)
    return np.asarray(voxels[np.lexsort(world.T[::-1])])
