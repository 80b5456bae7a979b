"""Heads of known brains: who is held out of training, and what counts as brain."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from brainfill.preprocess.pieces import solid

HELD_OUT = 20
OASIS_HELD_OUT = ("sub-1002", "sub-1008", "sub-1122")
CLOSING_VOX = 2


def people_of(bids: Path) -> list[str]:
    """The people of a folder, such as "sub-IXI012", in order; the last HELD_OUT are held out."""
    return sorted(path.name for path in bids.glob("sub-*"))


def head_of(bids: Path, person: str) -> Path:
    """The scan of a person."""
    return bids / person / "anat" / f"{person}_T1w.nii.gz"


def brain_of(bids: Path, person: str) -> NDArray[np.bool_]:
    """What dlmuse labels of a person, closed, in one piece without holes; axes as stored.

    The labels hold the cerebrum, cerebellum, brain stem, ventricles and the fluid around them down to the foramen
    magnum. Closing by 4 mm adds the clefts they leave, such as between the cerebellum and the skull base.
    """
    folder = bids / "derivatives" / "dlmuse" / person / "anat"
    labels = nib.load(folder / f"{person}_desc-muse_dseg.nii.gz")
    return solid(closed(np.asarray(labels.dataobj) > 0))


def t1w_of(oasis: Path, person: str, session: str = "ses-01") -> Path:
    """The scan of an adult of OASIS."""
    return oasis / person / session / "anat" / f"{person}_{session}_T1w.nii.gz"


def labels_of(oasis: Path, person: str, kind: str, session: str = "ses-01") -> Path:
    """Its manual labels: "tissues" or "neuromorphometrics"."""
    folder = oasis / "derivatives" / "labels" / person / session / "anat"
    return folder / f"{person}_{session}_desc-{kind}_dseg.nii.gz"


def closed(flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The flags without clefts narrower than twice CLOSING_VOX."""
    ball = ndimage.iterate_structure(ndimage.generate_binary_structure(3, 1), CLOSING_VOX)
    margin = 2 * CLOSING_VOX
    padded = ndimage.binary_closing(np.pad(flags, margin), ball)
    return np.asarray(padded[(slice(margin, -margin),) * 3])
