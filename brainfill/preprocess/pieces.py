"""Connected pieces of a set of voxels, and its holes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from brainfill.core.grid import BoolArray, Box

ACROSS = np.asarray(ndimage.generate_binary_structure(3, 1))  # voxels that share a face


def solid(flags: BoolArray) -> BoolArray:
    """The largest piece of voxels joined by their faces, without its holes; (X, Y, Z) both.

    A cavity that opens at the end of the image is a hole no more than one that opens elsewhere.
    """
    if not flags.any():
        return flags
    box = Box.around(flags).slices
    labels, _ = ndimage.label(flags[box], ACROSS)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    piece = np.pad(labels == sizes.argmax(), 1)
    out = np.zeros_like(flags)
    out[box] = without_holes(piece, ACROSS)[1:-1, 1:-1, 1:-1]
    return out


def without_holes(flags: BoolArray, structure: BoolArray, skip: int | None = None) -> BoolArray:
    """The flags with every hole filled that touches no face (but those across axis `skip`)."""
    labels, count = ndimage.label(~flags, structure)
    open_ = np.zeros(count + 1, bool)
    for axis in {0, 1, 2} - {skip}:
        for face in ends(labels, axis):
            open_[np.unique(face)] = True
    open_[0] = False  # 0 stands for the flags themselves
    return np.asarray(~open_[labels])


def ends(data: NDArray[Any], axis: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """The first and the last plane across an axis."""
    across = np.moveaxis(data, axis, 0)
    return across[0], across[-1]
