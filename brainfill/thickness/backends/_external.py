"""Thickness by a program of another package: a folder that keeps what it wrote, its log beside it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from brainfill.core.context import Context
from brainfill.core.errors import InputMissingError
from brainfill.core.volume import Scan

T1 = "T1.nii.gz"
INSTEAD = "use --backend direct"


def tool_folder(name: str, ctx: Context) -> Path:
    """A new folder for what a tool writes, in the work folder if there is one.

    It stays, whatever happens: results of hours, and logs of what failed.
    """
    if ctx.work is not None:
        ctx.work.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=ctx.work))


def save_t1(scan: Scan, folder: Path) -> Path:
    """Write the image into a tool's folder, as NIfTI whatever it came as."""
    import nibabel as nib

    image = scan.images["T1w"]
    written = nib.Nifti1Image(np.asarray(image.data, np.float32), image.grid.affine)
    # Tools differ in which of the two they read.
    written.set_qform(image.grid.affine, code=1)
    written.set_sform(image.grid.affine, code=1)
    written.header.set_xyzt_units("mm")
    nib.save(written, folder / T1)
    return folder / T1


def check_folder(folder: Path) -> None:
    """Refuse a folder of results that is not there.

    Raises:
        InputMissingError: it is not a folder.
    """
    if not folder.is_dir():
        what = "is a file, expected a folder" if folder.exists() else "does not exist"
        msg = f"'{folder}' {what}"
        raise InputMissingError(msg, "name the folder that the tool left")
