"""Brains found by a program of another package."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from brainfill.core.background import from_background
from brainfill.core.context import Context
from brainfill.core.errors import ExternalError
from brainfill.core.external import find_program, run_program
from brainfill.core.volume import Mask, Volume
from brainfill.preprocess.strippers._base import Stripper

IMAGE = "image.nii.gz"
_INSTEAD = "use --skullstrip builtin"


def external_stripper(
    program: str, package: str, arguments: Sequence[str], mask_name: str
) -> Stripper:
    """A stripper that runs a program.

    Args:
        program: name on the PATH, or path.
        package: where it comes from.
        arguments: what it is given, in a folder that holds IMAGE.
        mask_name: file it writes, above 0 in the brain.
    """

    def strip(image: Volume, ctx: Context) -> Mask:
        import nibabel as nib

        found = find_program(program, package, _INSTEAD)
        ctx.progress(f"finding the brain ({package})", 0, 1)
        with tempfile.TemporaryDirectory(prefix="brainfill-") as name:
            folder = Path(name)
            shown = from_background(image)[0]
            nib.save(nib.Nifti1Image(shown.data, image.grid.affine), folder / IMAGE)
            written = run_program(found, arguments, folder, mask_name, _INSTEAD)
            data = np.asarray(nib.load(written).dataobj)
        if data.shape != image.grid.shape:
            msg = f"'{found}' wrote a mask of shape {data.shape}, expected {image.grid.shape}"
            raise ExternalError(msg, f"run it by hand, or {_INSTEAD}")
        ctx.progress(f"finding the brain ({package})", 1, 1)
        return Mask(data > 0, image.grid)

    return strip
