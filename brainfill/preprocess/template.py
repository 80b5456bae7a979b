"""What a brain is registered to: the ICBM152 2009a brain that nilearn carries, or the user's own."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import PurePath

import numpy as np
from scipy import ndimage

from brainfill.core.errors import DataError
from brainfill.core.volume import Mask, Volume
from brainfill.preprocess.foreground import foreground

MNI = "MNI152NLin2009aSym"


@dataclass(frozen=True, eq=False)
class Template:
    """A brain to register to.

    Args:
        name: as it stands in file names behind "space-"; letters and digits.
        image: T1-weighted, 0 outside the brain.
        brain: its brain.
    """

    name: str
    image: Volume
    brain: Mask


def load_template(wanted: str, read: Callable[[str], Volume]) -> Template:
    """The template of a name or of a file.

    Args:
        wanted: "MNI152NLin2009aSym" (1 mm, symmetric), or the path of a stripped T1-weighted image.
        read: gives the image at a path.

    Raises:
        DataError: the file shows no brain.
        InputMissingError: no such file.
    """
    return _mni() if wanted == MNI else _own(wanted, read)


def space_name(wanted: str) -> str:
    """The word behind "space-" for a template: letters and digits of its file name.

    >>> space_name("atlas/my_brain-2.nii.gz")
    'mybrain2'
    """
    name = PurePath(wanted).name.partition(".")[0]
    return re.sub("[^0-9A-Za-z]", "", name) or "template"


def tissue_maps() -> tuple[Volume, Volume]:
    """Probability of grey and of white matter in the MNI template, in [0, 1], on its grid."""
    from nilearn.datasets import load_mni152_gm_template, load_mni152_wm_template

    from brainfill.core.grid import Grid

    grey, white = (
        Volume(np.clip(np.asarray(m.dataobj, np.float32), 0, 1), Grid(m.shape, m.affine))
        for m in (load_mni152_gm_template(resolution=1), load_mni152_wm_template(resolution=1))
    )
    return grey, white


@cache
def _mni() -> Template:
    from nilearn.datasets import load_mni152_template

    from brainfill.core.grid import Grid

    image = load_mni152_template(resolution=1)
    grid = Grid(image.shape, image.affine)
    data = np.asarray(image.dataobj, np.float32)
    brain = ndimage.binary_fill_holes(data > 0)
    return Template(MNI, Volume(data, grid), Mask(np.asarray(brain), grid))


def _own(path: str, read: Callable[[str], Volume]) -> Template:
    image = read(path)
    brain = foreground(image)
    if not brain.any():
        msg = f"template '{path}' shows nothing: all its voxels have one value"
        raise DataError(msg, "check that it is the right file")
    cut = Volume(np.where(brain, image.data, 0), image.grid)
    return Template(space_name(path), cut, Mask(brain, image.grid))
