"""The Python interface: what the commands do, on paths or on images in memory."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from brainfill import __version__
from brainfill.core.config import from_dict, option, to_dict
from brainfill.core.context import Context, Progress, silent
from brainfill.core.errors import ConfigError, GeometryError
from brainfill.core.registry import did_you_mean
from brainfill.tasks import fill as fill_task
from brainfill.tasks._device import RunConfig, describe_device, resolve_device
from brainfill.tasks.fill import FillConfig

if TYPE_CHECKING:
    from nibabel.spatialimages import SpatialImage

    from brainfill.core.volume import LabelMap, Mask, Scan, Volume
    from brainfill.io.nifti import WriteFacts
    from brainfill.tasks._base import Result, Table

    Image: TypeAlias = str | Path | SpatialImage

_PACKAGES = ("numpy", "scipy", "nibabel", "torch")
_IN_MEMORY = "image in memory"


@dataclass(frozen=True, kw_only=True)
class ReadConfig:
    """How the two inputs are read."""

    label: int | None = option(None, "the lesion's number, when the mask has several labels")
    nan_to_zero: bool = option(False, "read voxels that are NaN or infinite as 0")
    assume_same_grid: bool = option(
        False, "take a mask of the same shape voxel by voxel, whatever its header says"
    )


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
    done = run_fill(_request(t1, mask, options), progress, tell)
    original, volumes = done.scan.images["T1w"], done.result.volumes
    image, written = filled_image(original, volumes["filled"].data, volumes["hole"].data)
    return Filled(
        image,
        hole=_as_image(volumes["hole"]),
        labels=_as_image(volumes["labels"]),
        sd=_as_image(volumes["sd"]) if "sd" in volumes else None,
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
    tell = _once(warn, heard)
    progress("reading", 0, 1)
    scan = _read(request, tell)
    progress("reading", 1, 1)
    ctx = Context(device, run.seed, run.threads, progress, tell)
    return Done(request, scan, fill_task.run(scan, config, ctx), ctx, heard)


def fill_facts(done: Done, written: WriteFacts) -> dict[str, Any]:
    """The record of a fill: inputs, arguments, versions, what changed, warnings."""
    from brainfill.bundles.store import sha256
    from brainfill.io.sidecar import versions

    if written.clipped:
        done.ctx.warn(
            f"{written.clipped} fill values were cut to the range of the image's type on disk"
        )
    request = done.request
    sources = (request.t1, request.mask)
    arguments = to_dict(request.config) | to_dict(request.run) | to_dict(request.read)
    filler = to_dict(fill_task.filler_config(request.config))
    settings = {name: value for name, value in filler.items() if name not in arguments}
    return {
        "GeneratedBy": {"Name": "brainfill", "Version": __version__},
        "Sources": [_name(s) for s in sources],
        "SourcesSHA256": {str(s): sha256(Path(s)) for s in sources if isinstance(s, str | Path)},
        "SpatialReference": "orig",
        "BrainfillArguments": arguments | {"settings": settings},
        **done.result.facts,
        "Seed": request.run.seed,
        "Device": describe_device(done.ctx.device),
        "VoxelsChanged": written.voxels_changed,
        "MaxAbsDifferenceOutsideMask": written.max_difference_outside,
        "Warnings": list(done.warnings),
        "Versions": versions(_PACKAGES),
    }


def _once(warn: Callable[[str], None], heard: list[str]) -> Callable[[str], None]:
    """A `warn` that passes each sentence on once and remembers it in `heard`."""

    def tell(message: str) -> None:
        if message not in heard:
            heard.append(message)
            warn(message)

    return tell


def _request(t1: Image, mask: Image, options: Mapping[str, Any]) -> Request:
    classes: list[Any] = [FillConfig, RunConfig, ReadConfig]
    names = [[f.name for f in dataclasses.fields(cls)] for cls in classes]
    known = [name for own in names for name in own]
    for name in options:
        if name not in known:
            msg = f"fill() has no option '{name}'; known: {', '.join(known)}"
            raise ConfigError(msg, did_you_mean(name, known))
    plain = {k: os.fspath(v) if isinstance(v, Path) else v for k, v in options.items()}
    configs = (
        from_dict(cls, {k: v for k, v in plain.items() if k in own})
        for cls, own in zip(classes, names, strict=True)
    )
    return Request(t1, mask, *configs)


def _read(request: Request, warn: Callable[[str], None]) -> Scan:
    from brainfill.core.volume import Scan
    from brainfill.io.nifti import read_mask, read_volume
    from brainfill.io.sidecar import stem
    from brainfill.preprocess.match import match_mask

    t1, mask, read = request.t1, request.mask, request.read
    image = read_volume(t1, nan_to_zero=read.nan_to_zero, warn=warn)
    lesion = read_mask(mask, label=read.label, nan_to_zero=read.nan_to_zero, warn=warn)
    try:
        lesion = match_mask(lesion, image, assume_same_grid=read.assume_same_grid, warn=warn)
    except GeometryError as error:
        msg = f"mask '{_name(mask)}' and T1 '{_name(t1)}' do not fit: {error}"
        raise GeometryError(msg, error.hint) from error
    subject = stem(Path(t1)) if isinstance(t1, str | Path) else _IN_MEMORY
    return Scan(subject, {"T1w": image}, lesion=lesion)


def _name(source: Image) -> str:
    return str(source) if isinstance(source, str | Path) else _IN_MEMORY


def _as_image(volume: Volume | Mask | LabelMap) -> SpatialImage:
    import nibabel as nib
    import numpy as np

    from brainfill.core.volume import Mask

    dtype = np.uint8 if isinstance(volume, Mask) else volume.data.dtype
    return nib.Nifti1Image(volume.data.astype(dtype), volume.grid.affine)
