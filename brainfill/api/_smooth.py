"""Smoothing away stripes, on paths or on images in memory."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brainfill import __version__
from brainfill.api._common import ReadConfig, once, read_scan, sources, structured
from brainfill.core.config import to_dict
from brainfill.core.context import Context, Progress, silent
from brainfill.tasks import smooth as smooth_task
from brainfill.tasks.smooth import SmoothConfig

if TYPE_CHECKING:
    from nibabel.spatialimages import SpatialImage

    from brainfill.api._common import Image
    from brainfill.core.volume import Scan
    from brainfill.io.nifti import WriteFacts
    from brainfill.tasks._base import Result

_PACKAGES = ("numpy", "scipy", "nibabel")


@dataclass(frozen=True, eq=False)
class SmoothRequest:
    """What is to be smoothed, and how; without a mask it is the whole head."""

    image: Image
    mask: Image | None
    config: SmoothConfig
    read: ReadConfig


@dataclass(frozen=True, eq=False)
class SmoothDone:
    """A smoothed scan, not yet written; `warnings` holds what was said."""

    request: SmoothRequest
    scan: Scan
    result: Result
    warnings: list[str]


@dataclass(frozen=True, eq=False)
class Smoothed:
    """A smoothed image.

    Args:
        image: class, type, scaling and header of the input; only voxels of the mask differ.
        facts: what the command writes into the JSON beside its output, with the stripe index before and after.
    """

    image: SpatialImage
    facts: Mapping[str, Any]


def smooth(
    image: Image,
    mask: Image | None = None,
    *,
    progress: Progress = silent,
    warn: Callable[[str], None] | None = None,
    **options: Any,  # noqa: ANN401 - structured strictly below
) -> Smoothed:
    """Smooth the stripes of a fill that was made slice by slice.

    Args:
        image: path of a .nii, .nii.gz or .mgz file, or a nibabel image.
        mask: the filled voxels, likewise; the whole head without it.
        progress: told how far the work has come.
        warn: receives one sentence per warning; Python warnings are issued without it.
        **options: fields of `SmoothConfig` and `ReadConfig`, such as `axis="z"`, `sigma_mm=[1.2]`, `only_if=1.2`.

    Raises:
        ConfigError: an unknown option, a wrong type or value.
        InputMissingError: a file is not there or cannot be read.
        DataError: the image or the mask cannot be used, or the slicing axis cannot be told.
    """
    from brainfill.io.nifti import filled_image

    tell = warn or (lambda message: warnings.warn(message, stacklevel=4))
    config, read = structured("smooth", (SmoothConfig, ReadConfig), options)
    done = run_smooth(SmoothRequest(image, mask, config, read), progress, tell)
    volumes = done.result.volumes
    out, written = filled_image(
        done.scan.images["T1w"], volumes["smoothed"].data, volumes["where"].data
    )
    return Smoothed(out, smooth_facts(done, written))


def run_smooth(
    request: SmoothRequest, progress: Progress, warn: Callable[[str], None]
) -> SmoothDone:
    """Read the inputs and smooth; each warning is passed on once.

    Raises:
        ConfigError, InputMissingError, DataError: as `smooth`.
    """
    heard: list[str] = []
    tell = once(warn, heard)
    progress("reading", 0, 1)
    scan = read_scan(request.image, request.mask, request.read, tell)
    progress("reading", 1, 1)
    result = smooth_task.run(scan, request.config, Context(progress=progress, warn=tell))
    return SmoothDone(request, scan, result, heard)


def smooth_facts(done: SmoothDone, written: WriteFacts) -> dict[str, Any]:
    """The record of a smoothing: inputs, arguments, stripe index, what changed, warnings."""
    from brainfill.io.sidecar import versions

    request = done.request
    inputs = [request.image, *([] if request.mask is None else [request.mask])]
    return {
        "GeneratedBy": {"Name": "brainfill", "Version": __version__},
        **sources(inputs),
        "SpatialReference": "orig",
        "BrainfillArguments": to_dict(request.config) | to_dict(request.read),
        **done.result.facts,
        "VoxelsChanged": written.voxels_changed,
        "MaxAbsDifferenceOutsideMask": written.max_difference_outside,
        "Warnings": list(done.warnings),
        "Versions": versions(_PACKAGES),
    }
