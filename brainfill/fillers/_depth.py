"""How deep in a lesion a voxel lies, and so which of two models fills it."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from brainfill.core.grid import Box, FloatArray
from brainfill.core.volume import Mask, Volume
from brainfill.fillers._base import Filling
from brainfill.interpolation.sites import constant_background

_NEIGHBOURS = np.ones((3, 3, 3))


def depth(image: Volume, hole: Mask, deepest_mm: float) -> FloatArray:
    """Distance from each voxel of a hole to the nearest known tissue.

    Background tells nothing of what was in the hole, so it does not count as known.

    Args:
        image: not read inside the hole.
        hole: any number of lesions.
        deepest_mm: distances beyond it need not be exact.

    Returns:
        float32 (X, Y, Z) in mm; 0 outside the hole, and in lesions without any tissue around them.
    """
    out = np.zeros(image.grid.shape, np.float32)
    spacing = np.asarray(image.grid.spacing())
    x, y, z = (int(n) for n in np.ceil(deepest_mm / spacing))
    background = constant_background(image.data)
    labels, _ = ndimage.label(hole.data, _NEIGHBOURS)
    for number, slices in enumerate(ndimage.find_objects(labels), start=1):
        tight = Box(*zip(*((s.start, s.stop) for s in slices), strict=True))
        here = tight.grow((x, y, z)).within(image.grid.shape).slices
        unknown = hole.data[here] | (image.data[here] == background)
        if unknown.all():
            continue
        distance = ndimage.distance_transform_edt(unknown, sampling=spacing)
        mine = labels[here] == number
        out[here][mine] = distance[mine]
    return out


def lesions_reaching(hole: Mask, depth_mm: FloatArray, least_mm: float) -> Mask:
    """The lesions with a voxel deeper than `least_mm`, whole."""
    labels, count = ndimage.label(hole.data, _NEIGHBOURS)
    deepest = ndimage.maximum(depth_mm, labels, np.arange(1, count + 1)) if count else []
    return Mask(np.isin(labels, 1 + np.flatnonzero(np.asarray(deepest) > least_mm)), hole.grid)


def mixed(near: Filling, inside: Filling, share: FloatArray) -> Filling:
    """Two fills of one hole, the second with its share (X, Y, Z) of each voxel."""
    values = (1 - share) * near.values + share * inside.values
    facts = {
        **near.facts,
        "InsideModel": inside.facts["Model"],
        "InsideCrops": inside.facts["Crops"],
    }
    return Filling(values, facts=facts)
