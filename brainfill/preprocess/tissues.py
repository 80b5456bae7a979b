"""Fluid, grey and white matter of a T1-weighted brain, told apart by brightness."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from brainfill.core.context import Context
from brainfill.core.errors import DataError
from brainfill.core.grid import BoolArray, FloatArray
from brainfill.core.volume import LabelMap, Mask, Volume
from brainfill.lesions.anatomy import CSF, GREY, WHITE
from brainfill.preprocess._ants import load_ants, to_ants

NAMES = {CSF: "cerebrospinal fluid", GREY: "grey matter", WHITE: "white matter"}

# K-means begins with classes at even distances over the whole range: one bright vessel, and grey and white matter
# become one class. With these percentiles of the brain clipped, it found all three on every brain this was tried on.
_CLIPPED = (2.0, 98.0)
_MRF = "[0.1,1x1x1]"
_ITERATIONS = "[5,0]"
_LEAST_SHARE = 0.01


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
    with _own_temporary_files():
        try:
            found = ants.atropos(*images, i="kmeans[3]", m=_MRF, c=_ITERATIONS)
        except Exception as error:  # ANTsPy has no class of its own for what it gives up on
            msg = "cannot tell tissues apart: Atropos gives up, as it does on classes without any noise"
            raise DataError(msg, "look at the image, or give tissue labels") from error
    return np.asarray(found["segmentation"].numpy()).astype(np.int32)


@contextmanager
def _own_temporary_files() -> Iterator[None]:
    """Have what ANTsPy leaves in the folder of temporary files removed."""
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="brainfill-") as folder:
        tempfile.tempdir = str(Path(folder))
        try:
            yield
        finally:
            tempfile.tempdir = before
