"""What a way to tell tissues apart is given and what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from brainfill.core.context import Context
from brainfill.core.errors import DataError
from brainfill.core.grid import FloatArray, Grid
from brainfill.core.volume import LabelMap, Mask, Scan
from brainfill.lesions.anatomy import CSF, GREY, WHITE
from brainfill.preprocess.registration import Registration

_LEAST_SHARE = 0.02
NAMES = {CSF: "cerebrospinal fluid", GREY: "grey matter", WHITE: "white matter"}


@dataclass(frozen=True, eq=False)
class Tissues:
    """Shares of three tissues in every voxel.

    Args:
        grid: of all three.
        csf: share of cerebrospinal fluid, float32 (X, Y, Z) in [0, 1].
        grey: of grey matter.
        white: of white matter.
    """

    grid: Grid
    csf: FloatArray
    grey: FloatArray
    white: FloatArray

    def labels(self) -> LabelMap:
        """The tissue with the largest share, where the three together have half the voxel or more; else 0."""
        shares = np.stack([self.csf, self.grey, self.white])
        found = np.where(shares.sum(axis=0) >= 0.5, shares.argmax(axis=0) + 1, 0)
        return LabelMap(found.astype(np.int32), self.grid, NAMES)


def brain_of(scan: Scan) -> Mask:
    """The brain of a scan that a skull stripper has seen.

    Raises:
        DataError: there is none.
    """
    if scan.brain is None or not scan.brain.data.any():
        msg = f"cannot tell the tissues of '{scan.subject}' apart: it has no brain mask"
        raise DataError(msg, "strip the skull first")
    return scan.brain


def check_tissues(scan: Scan, found: Tissues) -> None:
    """Refuse tissues that are hardly there, or not darker than the next as in a T1-weighted image.

    Raises:
        DataError: says which.
    """
    looked = brain_of(scan).data
    if scan.lesion is not None:
        looked = looked & ~scan.lesion.data
    shares = [share[looked] for share in (found.csf, found.grey, found.white)]
    volumes = [float(share.sum(dtype=np.float64)) for share in shares]
    least = min(volumes) / max(sum(volumes), 1.0)
    if least < _LEAST_SHARE:
        msg = (
            f"cannot tell the tissues of '{scan.subject}' apart: the smallest of three has "
            f"{least:.1%} of the brain, expected at least {_LEAST_SHARE:.0%}"
        )
        raise DataError(msg, "look at the image: is it T1-weighted, and its brain whole?")
    values = scan.images["T1w"].data[looked]
    fluid, grey, white = (float(np.average(values, weights=share)) for share in shares)
    if not fluid < grey < white:
        msg = (
            f"'{scan.subject}' is not T1-weighted: fluid, grey and white matter have mean intensities "
            f"{fluid:.3g}, {grey:.3g} and {white:.3g}, expected these to rise"
        )
        raise DataError(msg, "give the T1-weighted image of the person")


class Segmenter(Protocol):
    """Tells fluid, grey and white matter of a brain apart.

    A module of this registry has `Config` (a frozen dataclass of its settings), `missing(config)` (what must be
    there before it can run, or an empty string), `state(config)` (what a result depends on beside images and
    settings), `TEMPLATE` (the kind of registration to the template that it needs) and `build(config)`, which gives a
    Segmenter.
    """

    def __call__(self, scan: Scan, found: Registration, ctx: Context) -> Tissues:
        """Shares of the tissues on the grid of the scan.

        Args:
            scan: with a T1w image in which the bias field is corrected, and the brain; voxels of the lesion, if
                there is one, are not learnt from.
            found: the scan laid on the template.
            ctx: device, threads, progress.

        Raises:
            DataError: the image does not show three tissues.
            UnavailableError: a model is missing.
        """
