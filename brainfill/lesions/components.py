"""Lesions as connected components: numbering, dilation, and tables of volumes, means and shares."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from scipy import ndimage

from brainfill.core.figures import figure
from brainfill.core.grid import BoolArray, Box, FloatArray, Grid, Index3
from brainfill.core.touching import TOUCHING, touching
from brainfill.core.volume import LabelMap, Mask, Volume

_EXACT = 1e-6  # distances of whole voxels may come out a little longer


def label_lesions(mask: Mask) -> LabelMap:
    """Number the lesions of a mask from 1, the largest first; any number of them.

    Lesions of one size are numbered by where they begin in the array.
    """
    labels, boxes = touching(mask.data)
    if boxes:
        near = functools.reduce(Box.union, boxes).slices
        sizes = np.bincount(labels[near].ravel())[1:]
        rank = np.zeros(len(boxes) + 1, np.int32)
        rank[1 + np.argsort(-sizes, kind="stable")] = np.arange(1, len(boxes) + 1)
        labels[near] = rank[labels[near]]
    return LabelMap(labels, mask.grid)


def dilate(mask: Mask, reach_mm: float, within: BoolArray) -> BoolArray:
    """Grow a mask by a distance, and by one voxel across faces where voxels are larger than that.

    Args:
        mask: all of it stays.
        reach_mm: from centre to centre of voxels; 0 for none.
        within: (X, Y, Z), where growth is allowed; it does not leap over what lies between.

    Returns:
        bool (X, Y, Z).
    """
    grown: BoolArray = mask.data.copy()
    if reach_mm == 0:
        return grown
    sides = np.minimum(mask.grid.spacing(), reach_mm).tolist()
    for found in touching(mask.data)[1]:  # one at a time, since a scan is mostly no lesion
        box = _reached(found, reach_mm, sides, mask.grid.shape)
        grown[box] |= _grown(mask.data[box], reach_mm, sides, within[box])
    return grown


def dilate_each(labels: LabelMap, beyond_mm: FloatArray, within: BoolArray) -> BoolArray:
    """Grow each lesion by a distance of its own, as `dilate` does, but not by a voxel at least.

    Args:
        labels: lesions numbered from 1; all of them stay.
        beyond_mm: (K,), by lesion, from the border of its outermost voxels to the centre of those it grows by.
        within: as for `dilate`.

    Returns:
        bool (X, Y, Z).
    """
    grown: BoolArray = labels.data > 0
    sides = counted_sides(labels.grid)
    for number, found in enumerate(ndimage.find_objects(labels.data)):
        reach_mm = float(beyond_mm[number]) + min(sides) / 2
        box = _reached(Box.of(found), reach_mm, sides, labels.grid.shape)
        grown[box] |= _grown(labels.data[box] == number + 1, reach_mm, sides, within[box])
    return grown


def _reached(
    box: Box, reach_mm: float, sides: Sequence[float], shape: Index3
) -> tuple[slice, slice, slice]:
    """The voxels that lie within a distance of a box."""
    x, y, z = (int(reach_mm / side + _EXACT) for side in sides)
    return box.grow((x, y, z)).within(shape).slices


def _grown(
    seeds: BoolArray, reach_mm: float, sides: Sequence[float], within: BoolArray
) -> BoolArray:
    """Seeds, and what lies within a distance of them and is joined to them inside `within`; all (X, Y, Z)."""
    near = ndimage.distance_transform_edt(~seeds, sampling=sides) <= reach_mm * (1 + _EXACT)
    return np.asarray(ndimage.binary_propagation(seeds, mask=seeds | (near & within)))


def counted_sides(grid: Grid) -> tuple[float, float, float]:
    """Sides of a voxel as they count for the border of a lesion [mm]: a thick slice blurs as far as it is thick.

    None counts more than the shortest, or than 1 mm where that is shorter.
    """
    most = max(min(grid.spacing()), 1.0)
    x, y, z = (min(side, most) for side in grid.spacing())
    return x, y, z


def largest_piece(flags: BoolArray) -> BoolArray:
    """The largest of the pieces whose voxels share a face, an edge or a corner; (X, Y, Z) both."""
    labels, count = ndimage.label(flags, TOUCHING)
    if count < 2:
        return flags
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(labels == sizes.argmax())


def lesion_table(labels: LabelMap, before: Volume, after: Volume) -> list[dict[str, float | int]]:
    """One row per lesion: size, centre of mass in world millimetres, mean before and after.

    Args:
        labels: numbered lesions.
        before: the scan.
        after: the filled scan.
    """
    rows: list[dict[str, float | int]] = []
    for label, box, inside in _each(labels):
        row = {"label": label, **_size_and_place(labels, box, inside)}
        row["mean_before"] = figure(before.data[box][inside].mean(dtype=np.float64))
        row["mean_after"] = figure(after.data[box][inside].mean(dtype=np.float64))
        rows.append(row)
    return rows


def mask_table(labels: LabelMap, within: Mapping[str, Mask]) -> list[dict[str, float | int]]:
    """One row per component: size, centre of mass in world millimetres, share inside each of `within`.

    Args:
        labels: numbered components.
        within: masks on their grid, such as {"brain": ...}, which gives the column share_in_brain.
    """
    rows: list[dict[str, float | int]] = []
    for label, box, inside in _each(labels):
        row = {"component": label, **_size_and_place(labels, box, inside)}
        row |= {
            f"share_in_{name}": float(where.data[box][inside].mean())
            for name, where in within.items()
        }
        rows.append(row)
    return rows


def _each(labels: LabelMap) -> Iterator[tuple[int, tuple[slice, ...], BoolArray]]:
    """Each label, the box around it, and where it is in that box."""
    for label, box in enumerate(ndimage.find_objects(labels.data), start=1):
        yield label, box, labels.data[box] == label


def _size_and_place(
    labels: LabelMap, box: tuple[slice, ...], inside: BoolArray
) -> dict[str, float | int]:
    start = np.array([s.start for s in box])
    centre = labels.grid.to_world(np.argwhere(inside).mean(axis=0)[None] + start)[0]
    x, y, z = (round(float(v), 2) for v in centre)
    voxels = int(inside.sum())
    volume_ml = voxels * labels.grid.voxel_ml()
    return {"voxels": voxels, "volume_ml": volume_ml, "x_mm": x, "y_mm": y, "z_mm": z}
