"""What a mask is drawn from: the scan, a pool of masks or a patient, read and brought to their grids."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from brainfill.api._common import ReadConfig, name_of, read_scan
from brainfill.core.errors import DataError, GeometryError
from brainfill.tasks.masks import _base as masks_task
from brainfill.tasks.masks._base import MaskConfig

if TYPE_CHECKING:
    from brainfill.api._common import Image
    from brainfill.core.volume import LabelMap, Mask, Scan, Volume


@dataclass(frozen=True, eq=False)
class PatientImages:
    """Whose lesions are carried to another brain.

    Args:
        t1: path or image.
        mask: the lesions, on the grid of the T1 or of the FLAIR.
        flair: the image they were drawn on, if that is not the T1.
        brain: brain mask of the T1; found without it.
        tissues: 1 fluid, 2 grey matter, 3 white matter of the T1; found without them.
    """

    t1: Image
    mask: Image
    flair: Image | None = None
    brain: Image | None = None
    tissues: Image | None = None

    @property
    def inputs(self) -> list[Image]:
        """Every image that is read."""
        every = (self.t1, self.mask, self.flair, self.brain, self.tissues)
        return [image for image in every if image is not None]


@dataclass(frozen=True, eq=False)
class MaskRequest:
    """What is to be drawn, and where.

    Args:
        kind: module of `brainfill.tasks.masks`.
        image: the scan, whose grid the mask gets.
        config: of this kind.
        mask: a mask to start from: own lesions, tumour.
        brain: brain mask of the scan; found without it.
        tissue: tissue labels of the scan, or a mask.
        pool: masks to take lesions from.
        patient: whose lesions are carried to the scan, for the kind that does.
        read: how image and mask are read.
    """

    kind: str
    image: Image
    config: MaskConfig
    mask: Image | None = None
    brain: Image | None = None
    tissue: Image | None = None
    pool: Sequence[Image] = ()
    patient: PatientImages | None = None
    read: ReadConfig = field(default_factory=ReadConfig)

    @property
    def inputs(self) -> list[Image]:
        """Every image that is read, but those of the pool."""
        others = [self.brain, self.tissue]
        if self.mask is not self.image:  # boxes are drawn on the grid of the mask itself
            others.insert(0, self.mask)
        of_patient = [] if self.patient is None else self.patient.inputs
        return [self.image, *(i for i in others if i is not None), *of_patient]


def read_request(request: MaskRequest, warn: Callable[[str], None]) -> Scan:
    """The scan with all that lies on its grid."""
    from brainfill.io.nifti import read_mask
    from brainfill.preprocess.match import match_mask

    read = request.read
    scan = read_scan(request.image, None, read, warn)
    image = scan.images["T1w"]
    lesion = None
    if request.mask is not None:
        any_label = request.config.any_label and read.label is None
        lesion = read_mask(
            request.mask,
            label=read.label,
            any_label=any_label,
            nan_to_zero=read.nan_to_zero,
            warn=warn,
        )
        with _naming("mask", request.mask, request.image):
            lesion = match_mask(lesion, image, assume_same_grid=read.assume_same_grid, warn=warn)
    brain = _brain(request.brain, request.image, image, warn)
    labels = _tissue(request.tissue, request.image, image, warn)
    return dataclasses.replace(scan, lesion=lesion, brain=brain, labels=labels)


def read_patient(
    patient: PatientImages, read: ReadConfig, warn: Callable[[str], None]
) -> masks_task.Patient:
    """The patient; lesions stay on the grid of the image they were drawn on."""
    from brainfill.io.nifti import read_mask, read_volume
    from brainfill.preprocess.match import match_mask

    scan = read_scan(patient.t1, None, read, warn)
    t1, flair = scan.images["T1w"], None
    if patient.flair is not None:
        flair = read_volume(patient.flair, nan_to_zero=read.nan_to_zero, warn=warn)
    lesion = read_mask(patient.mask, label=read.label, nan_to_zero=read.nan_to_zero, warn=warn)
    drawn_on = patient.t1 if patient.flair is None else patient.flair
    with _naming("mask", patient.mask, drawn_on):
        lesion = match_mask(lesion, flair or t1, assume_same_grid=read.assume_same_grid, warn=warn)
    brain = _brain(patient.brain, patient.t1, t1, warn)
    labels = _tissue(patient.tissues, patient.t1, t1, warn)
    scan = dataclasses.replace(scan, brain=brain, labels=labels)
    return masks_task.Patient(scan, lesion, flair)


def _brain(
    source: Image | None, of: Image, image: Volume, warn: Callable[[str], None]
) -> Mask | None:
    import numpy as np

    from brainfill.core.volume import LabelMap, Mask
    from brainfill.io.nifti import read_mask
    from brainfill.preprocess.match import match_labels

    if source is None:
        return None
    found = read_mask(source, any_label=True, warn=warn)
    with _naming("brain mask", source, of):
        inside = match_labels(LabelMap(found.data.astype(np.int32), found.grid), image, warn=warn)
    return Mask(inside.data > 0, image.grid)


def _tissue(
    source: Image | None, of: Image, image: Volume, warn: Callable[[str], None]
) -> LabelMap | None:
    from brainfill.io.nifti import read_volume
    from brainfill.preprocess.match import match_labels

    if source is None:
        return None
    tissue = read_volume(source, warn=warn)
    with _naming("tissue", source, of):
        return match_labels(_labels(tissue, source), image, warn=warn)


def _labels(tissue: Volume, source: Image) -> LabelMap:
    """Whole numbers as labels, a probability as a mask.

    Raises:
        DataError: values that are neither.
    """
    import numpy as np

    from brainfill.core.volume import LabelMap

    data = tissue.data
    if (data == np.rint(data)).all():
        return LabelMap(data, tissue.grid)
    if data.min() < 0 or data.max() > 1:
        span = f"{data.min():g} to {data.max():g}"
        msg = f"tissue '{name_of(source)}' holds {span} with fractions, expected labels or a mask"
        raise DataError(msg, "give whole numbers, or a probability from 0 to 1")
    return LabelMap((data > 0.5).astype(np.int32), tissue.grid)


@contextlib.contextmanager
def _naming(what: str, source: Image, image: Image) -> Iterator[None]:
    """Geometry errors inside name both files."""
    try:
        yield
    except GeometryError as error:
        msg = f"{what} '{name_of(source)}' and image '{name_of(image)}' do not fit: {error}"
        raise GeometryError(msg, error.hint) from error


def read_pool_mask(image: Image, number: int, warn: Callable[[str], None]) -> masks_task.PoolMask:
    """A mask of a pool, read when it is wanted."""
    from brainfill.io.nifti import read_mask

    name = Path(image).name if isinstance(image, str | Path) else f"image {number}"
    return masks_task.PoolMask(name, lambda: read_mask(image, any_label=True, warn=warn))
