"""Filling by a program of another package: files in a temporary folder, and its answer checked."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from brainfill.core.context import Context
from brainfill.core.errors import BrainfillError, UnavailableError
from brainfill.core.grid import FloatArray
from brainfill.core.volume import Mask, Volume
from brainfill.fillers._base import Filler, Filling

_IMAGE, _HOLE, _FILLED = "image.nii.gz", "hole.nii.gz", "filled.nii.gz"
# The programs run in a folder with the files of these names, and have to write the last.
_ARGUMENTS = ("-i", _IMAGE, "-l", _HOLE, "-o", _FILLED)


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
        image: passed on with zeros in the hole.
        hole: passed on as 0 and 1.
        ctx: told when the program starts and ends.

    Returns:
        float32 (X, Y, Z), what the program wrote.

    Raises:
        UnavailableError: there is no such program.
        BrainfillError: it failed, or wrote nothing that can be used.
    """
    import nibabel as nib

    found = shutil.which(program)
    if found is None:
        msg = f"program '{program}' of {package} is not on the PATH"
        raise UnavailableError(msg, f"install {package}, or use --method patch")
    ctx.progress("filling", 0, 1)
    with tempfile.TemporaryDirectory(prefix="brainfill-") as name:
        folder = Path(name)
        known = np.where(hole.data, 0, image.data).astype(np.float32)
        nib.save(nib.Nifti1Image(known, image.grid.affine), folder / _IMAGE)
        nib.save(nib.Nifti1Image(hole.data.astype(np.uint8), image.grid.affine), folder / _HOLE)
        done = subprocess.run(  # noqa: S603 - a program the user chose, no shell
            [found, *_ARGUMENTS],
            cwd=folder,
            # FSL's programs choose their file type by this, and do nothing without it.
            env=os.environ | {"FSLOUTPUTTYPE": "NIFTI_GZ"},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
        # Some programs end with 0 whatever happens; the file they leave is the better witness.
        if done.returncode or not (folder / _FILLED).is_file():
            msg = f"'{found}' failed with exit code {done.returncode} and said: {said}"
            raise BrainfillError(msg, "run it by hand, or use --method patch")
        values = np.asarray(nib.load(folder / _FILLED).dataobj, dtype=np.float32)
    if values.shape != image.grid.shape or not np.isfinite(values[hole.data]).all():
        msg = f"'{found}' wrote an image of shape {values.shape} that cannot be used"
        raise BrainfillError(msg, "run it by hand, or use --method patch")
    ctx.progress("filling", 1, 1)
    return values
