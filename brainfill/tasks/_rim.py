"""The rim of lesions: what is seen around their masks, and the voxels there that are to be filled with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from brainfill.core.background import from_background
from brainfill.core.context import Context, ignore, silent
from brainfill.core.figures import figure
from brainfill.core.grid import BoolArray, Box, FloatArray, Grid, Index3
from brainfill.core.threads import torch_threads
from brainfill.core.volume import LabelMap, Mask, Volume
from brainfill.interpolation.nonlocal_patches import PatchConfig, patch_fill
from brainfill.lesions.components import counted_sides, dilate, dilate_each
from brainfill.lesions.rim import Rims, Surroundings, judge

REACH_MM = 3.0
# Coarser and quicker than those that fill: a voxel's error may be half as large again, and there are many voxels.
_PATCHES = PatchConfig(radius_vox=2.0, neighbours=100, candidates=4000)
_AROUND_MM = 16.0
_SHELL = 2.5  # of a lesion, from outside, in sides of a voxel: what lies deeper says nothing of its border
_SMOOTH, _NEAR_VOXELS = 1.5, 24


@dataclass(frozen=True, eq=False)
class Judged:
    """The rims of a scan's lesions.

    Args:
        hole: bool (X, Y, Z), lesions and rims.
        reach_mm: (K,), of each lesion beyond the border of its mask.
        facts: for the record.
    """

    hole: BoolArray
    reach_mm: FloatArray
    facts: dict[str, object]


def judged_rim(
    images: Mapping[str, Volume], labels: LabelMap, head: BoolArray, ctx: Context
) -> Judged:
    """Judge how far lesions reach beyond their masks, in the image that shows them best.

    Args:
        images: of one person on one grid, by contrast.
        labels: lesions numbered from 1, on their grid.
        head: bool (X, Y, Z), where rims may be; lesions belong to it.
        ctx: seed, device and threads.
    """
    ctx.progress("judging the rim", 0, 1)
    lesion = labels.data > 0
    within = dilate(Mask(lesion, labels.grid), REACH_MM, head)
    if not (within & ~lesion).any():
        nothing = np.zeros(int(labels.data.max()))
        return Judged(lesion, nothing, {"VoxelsJudged": 0, "VoxelsFilled": 0})
    with torch_threads(ctx):
        found = {name: _rims(image, labels, within, ctx) for name, image in images.items()}
    name = max(found, key=lambda n: found[n].contrast / found[n].error)
    rims = found[name]
    hole = dilate_each(labels, rims.reach_mm, within)
    ctx.progress("judging the rim", 1, 1)
    reach = np.round(rims.reach_mm, 2)
    facts = {
        "Contrast": name,
        "VoxelsJudged": int((within & ~lesion).sum()),
        "VoxelsFilled": int((hole & ~lesion).sum()),
        "ReachMM": [float(v) for v in np.percentile(reach, (0, 50, 100))],
        "OffsetMM": figure(rims.offset_mm),
        "WidthMM": figure(rims.width_mm),
        "LesionContrast": figure(rims.contrast),
        "ExpectedTissueError": figure(rims.error),
    }
    return Judged(hole, reach, facts)


def _rims(image: Volume, labels: LabelMap, within: BoolArray, ctx: Context) -> Rims:
    """Rims in one image, judged on voxels of 1 mm where it has finer ones."""
    box = _box(labels.grid, within)
    factors = _factors(labels.grid)
    counted, _ = from_background(image, labels.data > 0)
    values = _means(counted.data[box.slices], factors)
    marks = _labels(labels.data[box.slices], factors)
    near = (_means(within[box.slices].astype(np.float32), factors) >= 0.5) | (marks > 0)
    grid = _coarser(labels.grid.crop(box), factors, values.shape)
    return judge(_seen(values, marks, near, grid, int(labels.data.max()), ctx))


def _seen(
    values: FloatArray, marks: FloatArray, near: BoolArray, grid: Grid, count: int, ctx: Context
) -> Surroundings:
    """Deviations from the expected tissue around lesions and in their outer parts.

    Args:
        values: float32 (X, Y, Z), counted from the background.
        marks: int (X, Y, Z), lesions from 1 on.
        near: bool (X, Y, Z), lesions and what is judged around them.
        grid: where they are.
        count: number of lesions.
        ctx: as for `judged_rim`.
    """
    sides = np.array(counted_sides(grid))
    ring, inside = np.argwhere(near & (marks == 0)), np.argwhere(marks > 0)
    depth_mm, _ = cKDTree(ring * sides).query(inside * sides)
    outer = depth_mm <= _SHELL * min(sides)
    shell, depth_mm = inside[outer], depth_mm[outer]
    hole = near.copy()
    hole[tuple(inside[~outer].T)] = False
    known = values.copy()
    known[tuple(inside[~outer].T)] = np.nan  # neither evidence, nor to be filled
    quiet = replace(ctx, progress=silent, warn=ignore)
    expected = patch_fill(Volume(known, grid), Mask(hole, grid), _PATCHES, quiet)

    def apart(voxels: NDArray[np.intp]) -> FloatArray:
        at = tuple(voxels.T)
        return np.asarray(values[at] - expected[at], np.float64)

    weight = np.minimum(depth_mm / min(sides), 2) ** 2  # outermost voxels are partly tissue
    tree = cKDTree(shell * sides)
    contrast = _smoothed(apart(shell), weight, tree, min(sides))
    distance_mm, nearest = tree.query(ring * sides)
    whose = marks[tuple(shell.T)] - 1
    total, power = (np.bincount(whose, w, count) for w in (weight, weight * contrast**2))
    with np.errstate(invalid="ignore"):
        own = np.sqrt(power / total)
    return Surroundings(
        distance_mm,
        apart(ring),
        contrast[nearest],
        whose[nearest],
        own,
        brightness=float(np.median(np.abs(expected[tuple(ring.T)]))),
        side_mm=float(min(sides)),
        reach_mm=REACH_MM,
    )


def _smoothed(values: FloatArray, weight: FloatArray, tree: cKDTree, side_mm: float) -> FloatArray:
    """Gaussian means over the nearest of the tree's n points, weighted."""
    count = min(_NEAR_VOXELS, tree.n)
    away_mm, near = tree.query(tree.data, k=range(1, count + 1))
    w = weight[near] * np.exp(-0.5 * (away_mm / (_SMOOTH * side_mm)) ** 2)
    return np.asarray((w * values[near]).sum(axis=1) / w.sum(axis=1))


def _box(grid: Grid, within: BoolArray) -> Box:
    x, y, z = (int(np.ceil(_AROUND_MM / side)) for side in grid.spacing())
    return Box.around(within).grow((x, y, z)).within(grid.shape)


def _factors(grid: Grid) -> Index3:
    """How many voxels of each axis fit into a millimetre."""
    x, y, z = (max(1, int(1.0 / side + 1e-3)) for side in grid.spacing())
    return x, y, z


def _blocks(data: FloatArray, factors: Index3) -> FloatArray:
    """(X, Y, Z) as (X', Y', Z', voxels of a block), the last values of each axis repeated where they do not fill one."""
    pad = [(0, -n % f) for n, f in zip(data.shape, factors, strict=True)]
    full = np.pad(data, pad, mode="edge")
    (x, y, z), (a, b, c) = (n // f for n, f in zip(full.shape, factors, strict=True)), factors
    return full.reshape(x, a, y, b, z, c).transpose(0, 2, 4, 1, 3, 5).reshape(x, y, z, -1)


def _means(data: FloatArray, factors: Index3) -> FloatArray:
    if max(factors) == 1:
        return data
    return np.asarray(_blocks(data, factors).mean(axis=-1))


def _labels(data: FloatArray, factors: Index3) -> FloatArray:
    """The label of blocks that are lesion in half of their voxels or more; all of a lesion that has no such block."""
    if max(factors) == 1:
        return data
    blocks = _blocks(data, factors)
    any_label = blocks.max(axis=-1)
    marks = np.where((blocks > 0).mean(axis=-1) >= 0.5, any_label, 0)
    lost = np.setdiff1d(any_label, marks)
    return np.where(np.isin(any_label, lost), any_label, marks)


def _coarser(grid: Grid, factors: Index3, shape: Index3) -> Grid:
    steps = np.diag([*factors, 1.0])
    steps[:3, 3] = (np.array(factors) - 1) / 2  # the centre of the first block
    return Grid(shape, grid.affine @ steps)
