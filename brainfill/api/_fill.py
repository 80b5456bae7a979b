"""Filling, on paths or on images in memory."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brainfill import __version__
from brainfill.api._common import (
    PACKAGES,
    ReadConfig,
    arguments,
    as_image,
    once,
    read_scan,
    sources,
    structured,
    warn_of_cuts,
)
from brainfill.core.config import to_dict
from brainfill.core.context import Context, Progress, silent
from brainfill.core.errors import ConfigError
from brainfill.tasks import fill as fill_task
from brainfill.tasks._device import RunConfig, describe_device, resolve_device
from brainfill.tasks.fill import FillConfig

if TYPE_CHECKING:
    from nibabel.spatialimages import SpatialImage

    from brainfill.api._common import Image
    from brainfill.core.volume import Scan
    from brainfill.io.nifti import WriteFacts
    from brainfill.tasks._base import Result, Table


@dataclass(frozen=True, eq=False)
class Request:
    """What is to be filled, and how."""

    t1: Image
    mask: Image
    config: FillConfig
    run: RunConfig
    read: ReadConfig


@dataclass(frozen=True, eq=False)
class Done:
    """A finished fill, not yet written; `warnings` grows as more is said through `ctx`."""

    request: Request
    scan: Scan
    result: Result
    ctx: Context
    warnings: list[str]


@dataclass(frozen=True, eq=False)
class Filled:
    """A filled image.

    Args:
        image: class, type, scaling and header of the input; only voxels of the hole differ.
        hole: uint8, the voxels that were replaced.
        labels: int32, the lesions numbered by size, as in the table.
        sd: float32 standard deviation of the samples, if asked for.
        tables: "lesions", one row per lesion.
        facts: what the command writes into the JSON beside its output.
    """

    image: SpatialImage
    hole: SpatialImage
    labels: SpatialImage
    sd: SpatialImage | None
    tables: Mapping[str, Table]
    facts: Mapping[str, Any]


def fill(
    t1: Image,
    mask: Image,
    *,
    progress: Progress = silent,
    warn: Callable[[str], None] | None = None,
    **options: Any,  # noqa: ANN401 - structured strictly below
) -> Filled:
    """Replace the lesions of a T1-weighted image by plausible healthy tissue.

    Args:
        t1: path of a .nii, .nii.gz or .mgz file, or a nibabel image.
        mask: the lesions, likewise.
        progress: told how far the work has come.
        warn: receives one sentence per warning; Python warnings are issued without it.
        **options: fields of `FillConfig`, `RunConfig` and `ReadConfig`, such as `method="patch"`,
            `dilate=2`, `seed=1`, `samples=8`, `settings=["sigma_mm=3"]`.

    Raises:
        ConfigError: an unknown option, a wrong type or value.
        InputMissingError: a file is not there or cannot be read.
        DataError: the image or the mask cannot be used.
        UnavailableError: no such device or model.
    """
    from brainfill.io.nifti import filled_image

    tell = warn or (lambda message: warnings.warn(message, stacklevel=4))
    config, run, read = structured("fill", (FillConfig, RunConfig, ReadConfig), options)
    done = run_fill(Request(t1, mask, config, run, read), progress, tell)
    original, volumes = done.scan.images["T1w"], done.result.volumes
    image, written = filled_image(original, volumes["filled"].data, volumes["hole"].data)
    return Filled(
        image,
        hole=as_image(volumes["hole"]),
        labels=as_image(volumes["labels"]),
        sd=as_image(volumes["sd"]) if "sd" in volumes else None,
        tables=done.result.tables,
        facts=fill_facts(done, written),
    )


def run_fill(request: Request, progress: Progress, warn: Callable[[str], None]) -> Done:
    """Read both inputs and fill; each warning is passed on once.

    Raises:
        ConfigError, InputMissingError, DataError, UnavailableError: as `fill`.
    """
    config, run = request.config, request.run
    network = fill_task.uses_network(config)
    if not network and run.device not in ("auto", "cpu"):
        msg = f"--device {run.device} means nothing to the method '{config.method}'"
        raise ConfigError(msg, "leave --device out, or choose --method diffusion")
    device = resolve_device(run.device) if network else "cpu"
    heard: list[str] = []
    tell = once(warn, heard)
    progress("reading", 0, 1)
    scan = read_scan(request.t1, request.mask, request.read, tell)
    progress("reading", 1, 1)
    ctx = Context(device, run.seed, run.threads, progress, tell, deterministic=run.deterministic)
    return Done(request, scan, fill_task.run(scan, config, ctx), ctx, heard)


def fill_facts(done: Done, written: WriteFacts) -> dict[str, Any]:
    """The record of a fill: inputs, arguments, versions, what changed, warnings."""
    from brainfill.io.sidecar import versions

    warn_of_cuts([written], "fill", done.ctx.warn)
    request = done.request
    options = arguments(request.config, request.run, request.read)
    filler = to_dict(fill_task.filler_config(request.config))
    settings = {name: value for name, value in filler.items() if name not in options}
    return {
        "GeneratedBy": {"Name": "brainfill", "Version": __version__},
        **sources((request.t1, request.mask)),
        "SpatialReference": "orig",
        "BrainfillArguments": options | {"settings": settings},
        **done.result.facts,
        "Seed": request.run.seed,
        "Device": describe_device(done.ctx.device),
        "VoxelsChanged": written.voxels_changed,
        "MaxAbsDifferenceOutsideMask": written.max_difference_outside,
        "Warnings": list(done.warnings),
        "Versions": versions(PACKAGES),
    }
