"""Which voxels of a mask touch, and so are one lesion."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from brainfill.core.grid import BoolArray, Box

TOUCHING = np.ones((3, 3, 3), bool)  # voxels that share a face, an edge or a corner


def touching(flags: BoolArray) -> tuple[NDArray[Any], list[Box]]:
    """Number the pieces of voxels that touch from 1, by where they begin in the array.

    Args:
        flags: (X, Y, Z); may be empty.

    Returns:
        int32 (X, Y, Z), 0 where no voxel is true, and the box around each piece.
    """
    labels = np.zeros(flags.shape, np.int32)
    if not flags.any():
        return labels, []
    # Only in the box around all of them, since a scan is mostly no lesion.
    box = Box.around(flags)
    part, _ = ndimage.label(flags[box.slices], TOUCHING, output=np.int32)
    labels[box.slices] = part
    found = (Box.of(slices) for slices in ndimage.find_objects(part))
    return labels, [piece.moved(box.start) for piece in found]
