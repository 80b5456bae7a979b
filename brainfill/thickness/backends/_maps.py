"""Thickness maps of other packages, brought to the grid of the scan."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from brainfill.core.errors import DataError
from brainfill.core.grid import Grid
from brainfill.core.volume import Volume
from brainfill.preprocess.steps.resample import resample_to


def read_map(path: Path, grid: Grid) -> Volume:
    """A thickness map [mm] on the grid of the scan, by nearest neighbour: between cortex and 0 lies nothing.

    Raises:
        DataError: it is no three-dimensional image of numbers, or shows no thickness on this grid.
    """
    import nibabel as nib
    from nibabel.filebasedimages import ImageFileError

    try:
        image = nib.load(path)
        values = np.asarray(image.dataobj, np.float32)
    except (OSError, EOFError, ImageFileError) as error:
        msg = f"thickness map '{path}' cannot be read: {error}"
        raise DataError(msg, "have the tool write it again") from error
    if values.ndim != 3 or not np.isfinite(values).all():
        msg = f"thickness map '{path}' of shape {values.shape} cannot be used: expected three dimensions of numbers"
        raise DataError(msg, "have the tool write it again")
    there = resample_to(values, Grid(values.shape, image.affine), grid, 0)
    if not (there > 0).any():
        msg = f"thickness map '{path}' shows no cortex where the T1 lies"
        raise DataError(msg, "was it measured on this very image?")
    return Volume(np.maximum(there, 0), grid)
