"""Bringing a mask or labels onto the grid of their image by world coordinates, or refusing to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from brainfill.core.context import ignore
from brainfill.core.errors import GeometryError
from brainfill.core.grid import BoolArray, Box, FloatArray, Grid
from brainfill.core.volume import LabelMap, Mask, Volume
from brainfill.preprocess.steps.resample import resample_to

_TOUCHING = np.ones((3, 3, 3), bool)
_SILENT_MM = 0.01


def same_grid(here: Grid, there: Grid, what: str, warn: Callable[[str], None]) -> bool:
    """Whether two grids are meant as one: every corner within a tenth of a voxel.

    Args:
        here: of `what`.
        there: of the image that decides.
        what: named in the warning.
        warn: told where they differ by more than 0.01 mm.
    """
    if not here.meant_as(there):
        return False
    distance = here.distance_mm(there)
    if distance > _SILENT_MM:
        warn(
            f"{what} lies up to {distance:.2g} mm from the grid of the image, less than a tenth of a voxel, "
            "and was taken voxel by voxel"
        )
    return True


def match_mask(
    mask: Mask,
    image: Volume,
    *,
    assume_same_grid: bool = False,
    warn: Callable[[str], None] = ignore,
) -> Mask:
    """The mask on the grid of the image.

    A mask in the same place, up to a tenth of a voxel, is returned as it is. One on another lattice is resampled by nearest neighbour, in world
    coordinates, if all of it lies inside the image; this includes the same voxels stored in another order. One of the
    same shape whose voxels lie elsewhere is refused: its header is probably wrong.

    Args:
        mask: lesion on any grid.
        image: the scan it was drawn on.
        assume_same_grid: take the voxels as they are if the shapes agree, whatever the affine says.
        warn: told about resampling, and about lesions too small to survive it.

    Raises:
        GeometryError: same shape in another place, or part of the lesion outside the image.
    """
    here, there = mask.grid, image.grid
    if same_grid(here, there, "the mask", warn):
        return Mask(mask.data, there)
    if assume_same_grid:
        return _insisted(mask, image, warn)
    _refuse_moved(here, there, "if it was drawn on this very image, insist with --assume-same-grid")
    outside = _count_outside(mask, there)
    if outside:
        msg = (
            f"{outside} of {int(mask.data.sum())} lesion voxels lie outside the image: found a mask of shape "
            f"{here.shape} {here.axcodes()}, the image has {there.shape} {there.axcodes()}"
        )
        raise GeometryError(msg, "draw the mask on this image, or register it first")
    warn(
        f"the mask, shape {here.shape} {here.axcodes()}, was resampled by nearest neighbour to the grid of the "
        f"image, shape {there.shape} {there.axcodes()}"
    )
    moved = _nearest(mask, there)
    _warn_about_lost(mask, moved, there, warn)
    return Mask(moved, there)


def match_labels(
    labels: LabelMap, image: Volume, *, warn: Callable[[str], None] = ignore
) -> LabelMap:
    """Labels of brain or tissue on the grid of the image; what lies beyond its ends is left out.

    Args:
        labels: on any grid.
        image: the scan they belong to.
        warn: told about resampling by nearest neighbour.

    Raises:
        GeometryError: same shape in another place, or no label inside the image.
    """
    here, there = labels.grid, image.grid
    if same_grid(here, there, "the label map", warn):
        return LabelMap(labels.data, there, labels.names)
    _refuse_moved(here, there, "copy the header of the image, or register the labels first")
    moved = resample_to(labels.data, here, there, order=0).round()
    if labels.data.any() and not moved.any():
        msg = "no label lies inside the image"
        raise GeometryError(msg, "are they in another space? register them first")
    if not _same_corners(here, there):
        warn(f"labels on a grid of shape {here.shape} were resampled to that of the image")
    return LabelMap(moved, there, labels.names)


def _refuse_moved(here: Grid, there: Grid, hint: str) -> None:
    if here.shape == there.shape and not _same_corners(here, there):
        msg = (
            f"the mask has the shape of the image, {here.shape}, but lies elsewhere: corners differ by up to "
            f"{here.distance_mm(there):.3g} mm (allowed {there.tolerance_mm():.3g} mm)"
        )
        raise GeometryError(msg, hint)


def _insisted(mask: Mask, image: Volume, warn: Callable[[str], None]) -> Mask:
    if mask.grid.shape != image.grid.shape:
        msg = (
            f"the mask cannot be taken as it is: its shape is {mask.grid.shape}, "
            f"that of the image {image.grid.shape}"
        )
        raise GeometryError(msg, "leave out --assume-same-grid to resample it")
    distance = mask.grid.distance_mm(image.grid)
    warn(f"the mask was taken voxel by voxel, though its corners lie up to {distance:.3g} mm away")
    return Mask(mask.data, image.grid)


def _same_corners(a: Grid, b: Grid) -> bool:
    """Whether both grids have the same eight corners, in any order."""
    gaps = np.linalg.norm(a.corners()[:, None] - b.corners()[None], axis=-1)
    return bool(max(gaps.min(axis=1).max(), gaps.min(axis=0).max()) <= b.tolerance_mm())


def _lesion_index(mask: Mask, grid: Grid) -> FloatArray:
    """Lesion voxels (N, 3) as fractional indices of another grid."""
    return grid.to_index(mask.grid.to_world(np.argwhere(mask.data).astype(np.float64)))


def _count_outside(mask: Mask, grid: Grid) -> int:
    index = _lesion_index(mask, grid)
    edge = np.asarray(grid.shape) - 0.5
    return int(((index < -0.5 - 1e-3) | (index > edge + 1e-3)).any(axis=1).sum())


def _nearest(mask: Mask, grid: Grid) -> BoolArray:
    moved = np.zeros(grid.shape, bool)
    if not mask.data.any():
        return moved
    lesion = mask.grid.crop(Box.around(mask.data).grow((1, 1, 1)))
    corners = grid.to_index(lesion.corners())
    a, b, c = (int(v) for v in np.floor(corners.min(axis=0)))
    d, e, f = (int(v) + 1 for v in np.ceil(corners.max(axis=0)))
    box = Box((a, b, c), (d, e, f)).within(grid.shape)
    moved[box.slices] = resample_to(mask.data, mask.grid, grid.crop(box), order=0) > 0.5  # type: ignore[arg-type]
    return moved


def _warn_about_lost(mask: Mask, moved: BoolArray, grid: Grid, warn: Callable[[str], None]) -> None:
    """A lesion is lost if no image voxel near any of its voxels was marked."""
    numbers, count = ndimage.label(mask.data, structure=_TOUCHING)
    if not count:
        return
    marked = grid.to_world(np.argwhere(moved).astype(np.float64))
    index = np.rint(mask.grid.to_index(marked)).astype(int)
    kept = np.unique(numbers[tuple(np.clip(index, 0, np.array(numbers.shape) - 1).T)])
    lost = count - np.count_nonzero(kept)
    if lost:
        warn(
            f"{lost} of {count} lesions are smaller than the voxels of the image and were lost; "
            "draw them on the image itself to keep them"
        )
