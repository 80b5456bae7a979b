"""Cortex as a sheet on white matter: what thickness is measured of."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np

from brainfill.core.errors import DataError
from brainfill.core.grid import BoolArray, Box, FloatArray, Grid

_ARRAYS = ("cortex", "inner", "grey", "white")


@dataclass(frozen=True, eq=False)
class Sheet:
    """Cortex as a sheet on what it lies around.

    Args:
        grid: of all arrays.
        cortex: voxels of cortical grey matter.
        inner: voxels of white matter and deep structures.
        grey: share of grey matter, float32 (X, Y, Z) in [0, 1], 0 outside the cortex.
        white: share of what `inner` is, likewise.
    """

    grid: Grid
    cortex: BoolArray
    inner: BoolArray
    grey: FloatArray
    white: FloatArray

    def within(self, flags: BoolArray) -> Sheet:
        """The part of it in the flagged voxels; the grid stays."""
        grey, white = (np.where(flags, share, 0) for share in (self.grey, self.white))
        return Sheet(self.grid, self.cortex & flags, self.inner & flags, grey, white)

    def check(self) -> None:
        """Refuse a sheet that has no thickness.

        Raises:
            DataError: there is no cortex, or no white matter.
        """
        if not self.cortex.any() or not self.inner.any():
            what = "white matter" if self.cortex.any() else "cortex"
            msg = f"cannot measure thickness: the brain shows no {what}"
            raise DataError(msg, "look at the image and its segmentation")

    def box(self, margin_mm: float) -> Box:
        """The voxels around it."""
        x, y, z = (int(np.ceil(margin_mm / s)) for s in self.grid.spacing())
        return Box.around(self.cortex | self.inner).grow((x, y, z)).within(self.grid.shape)

    def crop(self, box: Box) -> Sheet:
        """The part of it in a box."""
        return Sheet(self.grid.crop(box), *(getattr(self, a)[box.slices] for a in _ARRAYS))


def packed(sheet: Sheet) -> bytes:
    """A sheet as bytes, for `unpacked`."""
    sink = io.BytesIO()
    arrays = {name: getattr(sheet, name) for name in _ARRAYS}
    np.savez(sink, allow_pickle=False, affine=sheet.grid.affine, **arrays)
    return sink.getvalue()


def unpacked(data: bytes) -> Sheet:
    """The sheet that was packed."""
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        arrays = [found[name] for name in _ARRAYS]
        return Sheet(Grid(arrays[0].shape, found["affine"]), *arrays)


def apart() -> DataError:
    """What to raise where cortex does not lie on white matter."""
    msg = "cannot measure thickness: no cortex lies on white matter"
    return DataError(msg, "look at the image and its segmentation")
