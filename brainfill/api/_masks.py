"""Drawing lesion masks, on paths or on images in memory."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brainfill import __version__
from brainfill.api._common import (
    PACKAGES,
    ReadConfig,
    arguments,
    as_image,
    once,
    sources,
    structured,
)
from brainfill.api._masks_read import (
    MaskRequest,
    PatientImages,
    read_patient,
    read_pool_mask,
    read_request,
)
from brainfill.core import registry
from brainfill.core.context import Context, Progress, silent
from brainfill.core.errors import ConfigError
from brainfill.tasks.masks import _base as masks_task
from brainfill.tasks.masks._base import KINDS

if TYPE_CHECKING:
    from nibabel.spatialimages import SpatialImage

    from brainfill.api._common import Image
    from brainfill.core.volume import Scan
    from brainfill.tasks._base import Result, Table


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
    patient: PatientImages | None = None,
    progress: Progress = silent,
    warn: Callable[[str], None] | None = None,
    **options: Any,  # noqa: ANN401 - structured strictly below
) -> DrawnMasks:
    """Draw a lesion mask for a scan; what `brainfill masks KIND` does.

    Args:
        kind: "circles", "ellipsoids", "box", "components", "healthy", "place" or "transfer".
        image: path of a .nii, .nii.gz or .mgz file, or a nibabel image.
        mask: the mask to start from, for the kinds that do.
        brain: brain mask; a stripped scan is its own, and in a head the brain is found by a network.
        tissue: mask of where lesions may be, or tissue labels.
        pool: masks to take lesions from.
        patient: whose lesions are carried to the image, for "transfer".
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
    request = MaskRequest(kind, image, config, mask, brain, tissue, pool, patient, read)
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

    patient = request.patient
    if (patient is not None) != request.config.from_patient:
        needs = "needs a patient" if request.config.from_patient else "takes no patient"
        msg = f"masks of the kind '{request.kind}' {needs}"
        raise ConfigError(msg, "the patient is given as PatientImages, to 'transfer' only")
    heard: list[str] = []
    tell = once(warn, heard)
    progress("reading", 0, 1)
    scan = read_request(request, tell)
    progress("reading", 1, 1)
    # Kinds without a choice of threads find the brain in one: the same on machines of any number of cores.
    ctx = Context(seed=request.config.seed, progress=progress, warn=tell, deterministic=True)
    given: masks_task.Pool | masks_task.Patient
    if patient is None:
        given = [read_pool_mask(i, number, tell) for number, i in enumerate(request.pool, start=1)]
    else:
        given = read_patient(patient, request.read, tell)
    result = masks_task.draw(request.kind, scan, given, request.config, ctx)
    facts = {
        "GeneratedBy": {"Name": "brainfill", "Version": __version__},
        **sources(request.inputs),
        **_pool_facts(request.pool),
        "SpatialReference": "orig",
        "BrainfillArguments": arguments(request.config, request.read),
        **result.facts,
        "Seed": request.config.seed,
        "Warnings": list(heard),
        "Versions": versions((*PACKAGES, "antspyx")),
    }
    return scan, result, facts


def _pool_facts(pool: Sequence[Image]) -> dict[str, Any]:
    """How many masks the pool has, and one checksum for all that are files."""
    if not pool:
        return {}
    found = sources(pool)["SourcesSHA256"].values()
    together = hashlib.sha256("".join(found).encode()).hexdigest()
    return {"Pool": {"Masks": len(pool), "SHA256": together}}
