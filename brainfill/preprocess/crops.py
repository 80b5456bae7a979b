"""Crops around lesions: where to cut them, and how to get from the scan's grid to 1 mm and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from brainfill.core.grid import BoolArray, Box, FloatArray, Grid
from brainfill.core.touching import touching
from brainfill.preprocess.steps.reorient import reoriented_grid
from brainfill.preprocess.steps.resample import resample_to, resampled_grid

if TYPE_CHECKING:
    from torch import Tensor

# Voxels this close to the wanted size are used as they are, so nothing is interpolated.
_SAME_SPACING = 0.02
# A crop voxel that takes this much of its value from inside the hole counts as hole.
_TOUCHED = 0.01
# Lesions all over a brain must not become one crop: a network needs about 0.7 kB per voxel.
_LARGEST_JOINED_VOX = 2_500_000


@dataclass(frozen=True, eq=False)
class Crop:
    """One block of the working grid and the lesions it is there for.

    Args:
        grid: the block, RAS, near 1 mm.
        box: the block on the scan's own grid, large enough to sample from.
        mine: hole voxels of the scan (shape of `box`) that are filled from this crop.
    """

    grid: Grid
    box: Box
    mine: BoolArray


def plan_crops(hole: BoolArray, grid: Grid, spacing_mm: float, margin_mm: float) -> list[Crop]:
    """Blocks around all lesions; lesions whose blocks overlap much share one.

    Args:
        hole: (X, Y, Z), on `grid`.
        grid: of the scan, any orientation and voxel size.
        spacing_mm: voxel size of the working grid.
        margin_mm: known tissue wanted on every side of a lesion.

    Returns:
        Crops from left to right, whose `mine` together are exactly the hole.
    """
    work = working_grid(grid, spacing_mm)
    labels, native = touching(hole)
    blocks = [_moved(box, grid, work, margin_mm) for box in native]
    crops = []
    for block, members in sorted(merge_boxes(blocks), key=lambda item: item[0].start):
        target = work.crop(block)
        box = _moved(Box((0, 0, 0), target.shape), target, grid, 1.0)
        for member in members:
            box = box.union(native[member])
        crops.append(Crop(target, box, np.isin(labels[box.slices], np.array(members) + 1)))
    return crops


def working_grid(grid: Grid, spacing_mm: float) -> Grid:
    """The scan's grid turned to RAS and, unless it is there already, brought to `spacing_mm`."""
    turned = reoriented_grid(grid, "RAS")
    if np.allclose(turned.spacing(), spacing_mm, rtol=_SAME_SPACING):
        return turned
    return resampled_grid(turned, spacing_mm)


def first_slice(crop: Crop, image: FloatArray, grid: Grid, spacing_mm: float) -> int:
    """Number of the crop's first slice, counted from the lowest one of the scan that is above zero.

    Args:
        crop: a block of the working grid.
        image: (X, Y, Z), on `grid`, background 0.
        grid: of the scan, any orientation and voxel size.
        spacing_mm: voxel size of the working grid.
    """
    work = working_grid(grid, spacing_mm)
    shown = Box.around(image > 0)
    spans = zip(shown.start, (n - 1 for n in shown.stop), strict=True)
    ends = grid.to_world(np.array(list(product(*spans)), float))
    here = crop.grid.to_world(np.zeros((1, 3)))
    return round(float(work.to_index(here)[0, 2] - work.to_index(ends)[:, 2].min()))


def merge_boxes(boxes: Sequence[Box]) -> list[tuple[Box, list[int]]]:
    """Join boxes whenever one box around both is no larger than the two together, nor than a limit.

    Returns:
        Boxes with the numbers of their members; every number appears once.
    """
    merged: list[tuple[Box, list[int]]] = []
    for number in sorted(range(len(boxes)), key=lambda i: (boxes[i].start, boxes[i].stop)):
        box, members = boxes[number], [number]
        while (near := next((m for m in merged if _worth_joining(box, m[0])), None)) is not None:
            merged.remove(near)
            box, members = box.union(near[0]), members + near[1]
        merged.append((box, members))
    return merged


def cut(image: FloatArray, grid: Grid, crop: Crop) -> FloatArray:
    """An image (X, Y, Z) without holes, on `grid`, at the voxels of the crop's grid."""
    # Cubic, so that tissue keeps its texture at other voxel sizes.
    return resample_to(image[crop.box.slices], grid.crop(crop.box), crop.grid, order=3)


def carried(part: FloatArray, grid: Grid, crop: Crop) -> FloatArray:
    """Values of the crop's box on the scan's grid, at the voxels of the crop's grid."""
    return resample_to(part, grid.crop(crop.box), crop.grid, order=1)


def touched(hole: BoolArray, grid: Grid, crop: Crop) -> BoolArray:
    """The crop's voxels that take part of their value from inside the hole (X, Y, Z)."""
    part = hole[crop.box.slices].astype(np.float32)
    return np.asarray(carried(part, grid, crop) > _TOUCHED)


def cut_across(image: FloatArray, grid: Grid, crop: Crop, reflection: FloatArray) -> FloatArray:
    """What lies across the head from each voxel of the crop, 0 beyond the image.

    Args:
        image: (X, Y, Z) without holes, on `grid`.
        grid: of the scan.
        crop: whose voxels are reflected.
        reflection: (4, 4), world positions to those across.
    """
    target = Grid(crop.grid.shape, reflection @ crop.grid.affine)
    box = _moved(Box((0, 0, 0), target.shape), target, grid, 1.0)
    if box.size == 0:
        return np.zeros(target.shape, np.float32)
    return resample_to(image[box.slices], grid.crop(box), target, order=1)


def back(filled: FloatArray, crop: Crop, grid: Grid) -> FloatArray:
    """Values (X, Y, Z) of the crop's grid at the voxels of its box on the scan's grid."""
    return resample_to(filled, crop.grid, grid.crop(crop.box), order=3)


def as_tensor(array: FloatArray | BoolArray) -> Tensor:
    """(X, Y, Z) to float32 (1, 1, D, H, W), slices first."""
    import torch

    turned = np.ascontiguousarray(array.transpose(2, 0, 1), dtype=np.float32)
    return torch.from_numpy(turned)[None, None]


def as_array(tensor: Tensor) -> FloatArray:
    """(D, H, W) to (X, Y, Z)."""
    return np.asarray(tensor.numpy().transpose(1, 2, 0))


def bridged(image: FloatArray, hole: BoolArray) -> FloatArray:
    """The image with each hole voxel given the value of the nearest known one; 0 if none is known."""
    if not hole.any():
        return image
    if hole.all():
        return np.zeros_like(image)
    # Known voxels surround the hole in this box, so none beyond it is nearer.
    near = Box.around(hole).grow((1, 1, 1)).within(hole.shape).slices
    nearest = ndimage.distance_transform_edt(
        hole[near], return_distances=False, return_indices=True
    )
    out = np.array(image)
    out[near] = image[near][tuple(nearest)]
    return out


def _worth_joining(a: Box, b: Box) -> bool:
    if any(map(_apart, a.start, a.stop, b.start, b.stop)):
        return False  # what holds both holds something between them as well
    return a.union(b).size <= min(a.size + b.size, _LARGEST_JOINED_VOX)


def _apart(start: int, stop: int, other_start: int, other_stop: int) -> bool:
    return stop < other_start or other_stop < start


def _moved(box: Box, grid: Grid, target: Grid, margin_mm: float) -> Box:
    """The voxels of `target` that `box` of `grid` covers, and a margin, within `target`."""
    index = target.to_index(grid.crop(box).corners())
    margin = margin_mm / np.asarray(target.spacing())
    start = np.floor(index.min(axis=0) - margin).astype(int).tolist()
    stop = np.ceil(index.max(axis=0) + margin).astype(int) + 1
    return Box(tuple(start), tuple(stop.tolist())).within(target.shape)
