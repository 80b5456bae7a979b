"""Drawing lesion masks, on paths or on images in memory."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brainfill import __version__
from brainfill.api._common import (
    PACKAGES,
    ReadConfig,
    as_image,
    name_of,
    once,
    read_scan,
    sources,
    structured,
)
from brainfill.core import registry
from brainfill.core.config import to_dict
from brainfill.core.context import Context, Progress, silent
from brainfill.core.errors import DataError, GeometryError
from brainfill.tasks.masks import _base as masks_task
from brainfill.tasks.masks._base import KINDS, MaskConfig

if TYPE_CHECKING:
    from nibabel.spatialimages import SpatialImage

    from brainfill.api._common import Image
    from brainfill.core.volume import LabelMap, Scan, Volume
    from brainfill.tasks._base import Result, Table


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
        read: how image and mask are read.
    """

    kind: str
    image: Image
    config: MaskConfig
    mask: Image | None = None
    brain: Image | None = None
    tissue: Image | None = None
    pool: Sequence[Image] = ()
    read: ReadConfig = field(default_factory=ReadConfig)

    @property
    def inputs(self) -> list[Image]:
        """Every image that is read, but those of the pool."""
        others = [self.brain, self.tissue]
        if self.mask is not self.image:  # boxes are drawn on the grid of the mask itself
            others.insert(0, self.mask)
        return [self.image, *(i for i in others if i is not None)]


@dataclass(frozen=True, eq=False)
class DrawnMasks:
    """A mask that was drawn.

    Args:
        mask: uint8, on the grid of the scan.
        others: further images of the kind, by name.
        table: one row per lesion.
        facts: what the command writes into the JSON beside its output.
    """

    mask: SpatialImage
    others: Mapping[str, SpatialImage]
    table: Table
    facts: Mapping[str, Any]


def draw_mask(
    kind: str,
    image: Image,
    *,
    mask: Image | None = None,
    brain: Image | None = None,
    tissue: Image | None = None,
    pool: Sequence[Image] = (),
    progress: Progress = silent,
    warn: Callable[[str], None] | None = None,
    **options: Any,  # noqa: ANN401 - structured strictly below
) -> DrawnMasks:
    """Draw a lesion mask for a scan; what `brainfill masks KIND` does.

    Args:
        kind: "circles", "ellipsoids", "box", "components", "healthy", ...
        image: path of a .nii, .nii.gz or .mgz file, or a nibabel image.
        mask: the mask to start from, for the kinds that do.
        brain: brain mask; a stripped scan is its own, and in a head the brain is found by a network.
        tissue: mask of where lesions may be, or tissue labels.
        pool: masks to take lesions from.
        progress: told how far the work has come.
        warn: receives one sentence per warning; Python warnings are issued without it.
        **options: fields of the kind's `Config` and of `ReadConfig`, such as `seed=1`, `n=5`.

    Raises:
        ConfigError: no such kind, an unknown option, a wrong type or value.
        InputMissingError: a file is not there or cannot be read.
        DataError: an image cannot be used, or nothing fits.
    """
    tell = warn or (lambda message: warnings.warn(message, stacklevel=4))
    cls = registry.load(KINDS, kind).Config
    config, read = structured("draw_mask", (cls, ReadConfig), options)
    request = MaskRequest(kind, image, config, mask, brain, tissue, pool, read)
    _, result, facts = run_masks(request, progress, tell)
    images = {name: as_image(volume) for name, volume in result.volumes.items()}
    return DrawnMasks(images.pop("mask"), images, result.tables["components"], facts)


def run_masks(
    request: MaskRequest, progress: Progress, warn: Callable[[str], None]
) -> tuple[Scan, Result, dict[str, Any]]:
    """Read the inputs and draw; the scan, the result and its record. Each warning is passed on once.

    Raises:
        ConfigError, InputMissingError, DataError: as `draw_mask`.
    """
    from brainfill.io.sidecar import versions

    heard: list[str] = []
    tell = once(warn, heard)
    progress("reading", 0, 1)
    scan = _scan(request, tell)
    progress("reading", 1, 1)
    ctx = Context(seed=request.config.seed, progress=progress, warn=tell)
    pool = [_pool_mask(image, number, tell) for number, image in enumerate(request.pool, start=1)]
    result = masks_task.draw(request.kind, scan, pool, request.config, ctx)
    facts = {
        "GeneratedBy": {"Name": "brainfill", "Version": __version__},
        **sources(request.inputs),
        **_pool_facts(request.pool),
        "SpatialReference": "orig",
        "BrainfillArguments": to_dict(request.config) | to_dict(request.read),
        **result.facts,
        "Seed": request.config.seed,
        "Warnings": list(heard),
        "Versions": versions(PACKAGES),
    }
    return scan, result, facts


def _scan(request: MaskRequest, warn: Callable[[str], None]) -> Scan:
    """The scan with all that lies on its grid."""
    import numpy as np

    from brainfill.core.volume import LabelMap, Mask
    from brainfill.io.nifti import read_mask, read_volume
    from brainfill.preprocess.match import match_labels, match_mask

    read = request.read
    scan = read_scan(request.image, None, read, warn)
    image = scan.images["T1w"]
    lesion = brain = labels = None
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
    if request.brain is not None:
        found = read_mask(request.brain, any_label=True, warn=warn)
        with _naming("brain mask", request.brain, request.image):
            inside = match_labels(
                LabelMap(found.data.astype(np.int32), found.grid), image, warn=warn
            )
        brain = Mask(inside.data > 0, scan.grid)
    if request.tissue is not None:
        tissue = read_volume(request.tissue, warn=warn)
        with _naming("tissue", request.tissue, request.image):
            labels = match_labels(_labels(tissue, request.tissue), image, warn=warn)
    return dataclasses.replace(scan, lesion=lesion, brain=brain, labels=labels)


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


def _pool_mask(image: Image, number: int, warn: Callable[[str], None]) -> masks_task.PoolMask:
    from brainfill.io.nifti import read_mask

    name = Path(image).name if isinstance(image, str | Path) else f"image {number}"
    return masks_task.PoolMask(name, lambda: read_mask(image, any_label=True, warn=warn))


def _pool_facts(pool: Sequence[Image]) -> dict[str, Any]:
    """How many masks the pool has, and one checksum for all that are files."""
    if not pool:
        return {}
    found = sources(pool)["SourcesSHA256"].values()
    together = hashlib.sha256("".join(found).encode()).hexdigest()
    return {"Pool": {"Masks": len(pool), "SHA256": together}}
