"""K-means and a Gaussian mixture: three tissues told apart by brightness alone, without a template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from brainfill.core.context import Context
from brainfill.core.errors import DataError
from brainfill.core.grid import BoolArray, FloatArray
from brainfill.core.volume import LabelMap, Mask, Scan, Volume
from brainfill.lesions.anatomy import CSF, GREY, WHITE
from brainfill.preprocess._ants import (
    ATROPOS_SEED,
    ants_version,
    load_ants,
    own_temporary_files,
    to_ants,
)
from brainfill.preprocess.registration import Kind, Registration
from brainfill.preprocess.tissues._base import NAMES, Segmenter, Tissues, brain_of

# K-means begins with classes at even distances over the whole range: one bright vessel, and grey and white matter
# become one class. With these percentiles of the brain clipped, it found all three on every brain this was tried on.
_CLIPPED = (2.0, 98.0)
_MRF = "[0.1,1x1x1]"
_ITERATIONS = "[5,0]"
_LEAST_SHARE = 0.01

TEMPLATE: Kind = "affine"


@dataclass(frozen=True, kw_only=True)
class Config:
    """There is nothing to set."""


def missing(config: Config) -> str:  # noqa: ARG001 - the protocol of segmenters
    """Nothing: ANTsPy comes with the package."""
    return ""


def state(config: Config) -> dict[str, Any]:  # noqa: ARG001 - the protocol of segmenters
    """What a result depends on beside images and settings: the programs of ANTsPy."""
    return {"ANTsPy": ants_version()}


def build(config: Config) -> Segmenter:  # noqa: ARG001 - the protocol of segmenters
    """A segmenter that gives each voxel to one tissue."""

    def segment(scan: Scan, found: Registration, ctx: Context) -> Tissues:  # noqa: ARG001 - the protocol
        labels = tissues(scan.images["T1w"], brain_of(scan), ctx, scan.lesion).data
        csf, grey, white = ((labels == t).astype(np.float32) for t in (CSF, GREY, WHITE))
        return Tissues(scan.grid, csf, grey, white)

    return segment


def tissues(image: Volume, brain: Mask, ctx: Context, ignored: Mask | None = None) -> LabelMap:
    """Three classes by k-means, refined by a Gaussian mixture with a Markov random field.

    This is Atropos (Avants 2011, https://doi.org/10.1007/s12021-011-9109-y).

    Args:
        image: T1-weighted, evenly lit: correct the bias field first.
        brain: on its grid.
        ctx: threads, progress.
        ignored: voxels that are not looked at, as lesions and their rim; they are given out as white matter,
            where nearly all lesions are.

    Returns:
        CSF, GREY and WHITE in order of brightness, 0 outside the brain.

    Raises:
        DataError: the brain does not show three classes.
    """
    looked = brain.data if ignored is None else brain.data & ~ignored.data
    values = image.data[looked]
    low, high = np.percentile(values, _CLIPPED) if values.size else (0.0, 0.0)
    if not low < high:
        msg = "cannot tell tissues apart: the brain is empty or shows one value only"
        raise DataError(msg, "look at the image and its brain mask, or give tissue labels")
    ctx.progress("telling tissues apart", 0, 1)
    labels = _classes(np.clip(image.data, low, high), Mask(looked, image.grid), ctx)
    shares = np.bincount(labels[looked], minlength=4)[1:] / values.size
    if shares.min() < _LEAST_SHARE:
        msg = f"cannot tell tissues apart: the smallest of three classes has {shares.min():.2%} of the brain"
        raise DataError(msg, "is the image T1-weighted? tissue labels can be given instead")
    labels[brain.data & ~looked] = WHITE
    ctx.progress("telling tissues apart", 1, 1)
    return LabelMap(labels, image.grid, NAMES)


def _classes(values: FloatArray, looked: Mask, ctx: Context) -> FloatArray:
    ants = load_ants(ctx)
    flags: BoolArray = looked.data
    images = [to_ants(ants, array, looked.grid) for array in (values, flags)]
    with own_temporary_files():
        try:
            found = ants.atropos(*images, i="kmeans[3]", m=_MRF, c=_ITERATIONS, r=ATROPOS_SEED)
        except Exception as error:  # ANTsPy has no class of its own for what it gives up on
            msg = "cannot tell tissues apart: Atropos gives up, as it does on classes without any noise"
            raise DataError(msg, "look at the image, or give tissue labels") from error
    return np.asarray(found["segmentation"].numpy()).astype(np.int32)
