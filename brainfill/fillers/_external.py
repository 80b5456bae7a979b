"""Filling by a program of another package: files in a temporary folder, and its answer checked."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from brainfill.core.background import from_background
from brainfill.core.context import Context
from brainfill.core.errors import ExternalError
from brainfill.core.external import find_program, run_program
from brainfill.core.grid import FloatArray
from brainfill.core.volume import Mask, Volume
from brainfill.fillers._base import Filler, Filling

_IMAGE, _HOLE, _FILLED = "image.nii.gz", "hole.nii.gz", "filled.nii.gz"
# The programs run in a folder with the files of these names, and have to write the last.
_ARGUMENTS = ("-i", _IMAGE, "-l", _HOLE, "-o", _FILLED)
_INSTEAD = "use --method patch"


def external_filler(program: str, package: str) -> Filler:
    """A filler that runs a program of `package`; see `_fill_with` for what may go wrong."""

    def fill(image: Volume, hole: Mask, ctx: Context) -> Filling:
        return Filling(_fill_with(program, package, image, hole, ctx))

    return fill


def _fill_with(program: str, package: str, image: Volume, hole: Mask, ctx: Context) -> FloatArray:
    """Have a program fill a hole.

    Args:
        program: name on the PATH, or path.
        package: where it comes from, for messages.
        image: passed on counted from its background, with zeros in the hole.
        hole: passed on as 0 and 1.
        ctx: told when the program starts and ends.

    Returns:
        float32 (X, Y, Z), what the program wrote.

    Raises:
        UnavailableError: there is no such program.
        ExternalError: it failed, or wrote nothing that can be used.
    """
    import nibabel as nib

    found = find_program(program, package, _INSTEAD)
    ctx.progress("filling", 0, 1)
    with tempfile.TemporaryDirectory(prefix="brainfill-") as name:
        folder = Path(name)
        counted, level = from_background(image, hole.data)
        known = np.where(hole.data, 0, counted.data).astype(np.float32)
        nib.save(nib.Nifti1Image(known, image.grid.affine), folder / _IMAGE)
        nib.save(nib.Nifti1Image(hole.data.astype(np.uint8), image.grid.affine), folder / _HOLE)
        written = run_program(found, _ARGUMENTS, folder, _FILLED, _INSTEAD)
        values = np.asarray(nib.load(written).dataobj, dtype=np.float32)
    if values.shape != image.grid.shape or not np.isfinite(values[hole.data]).all():
        msg = f"'{found}' wrote an image of shape {values.shape} that cannot be used"
        raise ExternalError(msg, f"run it by hand, or {_INSTEAD}")
    ctx.progress("filling", 1, 1)
    return values + np.float32(level) if level else values
