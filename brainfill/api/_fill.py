"""Filling, on paths or on images in memory."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brainfill import __version__
from brainfill.api._common import (
    PACKAGES,
    ReadConfig,
    arguments,
    as_image,
    name_of,
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
    from brainfill.core.volume import Scan, Volume
    from brainfill.io.nifti import WriteFacts
    from brainfill.tasks._base import Result, Table
    from brainfill.tasks._companions import Contrast

# How the commands name contrasts.
CONTRASTS = {"FLAIR": "flair", "T2w": "t2"}


@dataclass(frozen=True, eq=False)
class Request:
    """What is to be filled, and how.

    Args:
        t1: path or image.
        mask: the lesions.
        config: what to do.
        run: the surroundings.
        read: how the inputs are read.
        contrasts: other contrasts of the visit by name, in which patches are compared as well.
        also: contrasts that are filled as well, by name.
        visits: T1 and mask of other visits that help.
    """

    t1: Image
    mask: Image
    config: FillConfig
    run: RunConfig
    read: ReadConfig
    contrasts: Mapping[str, Image] = field(default_factory=dict)
    also: Mapping[str, Image] = field(default_factory=dict)
    visits: Sequence[Image] = ()

    @property
    def others(self) -> dict[str, Image]:
        """All contrasts beside the T1, by name."""
        return {**self.contrasts, **self.also}

    @property
    def inputs(self) -> list[Image]:
        """Every image that is read."""
        return [self.t1, self.mask, *self.others.values(), *self.visits]


@dataclass(frozen=True, eq=False)
class Done:
    """A finished fill, not yet written; `warnings` grows as more is said through `ctx`.

    Args:
        request: what was asked for.
        scan: as it was read.
        result: of the task.
        ctx: surroundings.
        warnings: what was said.
        others: contrasts beside the T1, by name.
        also: results of those that were filled as well, by name.
    """

    request: Request
    scan: Scan
    result: Result
    ctx: Context
    warnings: list[str]
    others: Mapping[str, Contrast] = field(default_factory=dict)
    also: Mapping[str, Result] = field(default_factory=dict)


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
        also: other contrasts that were filled, by name, as `image`.
    """

    image: SpatialImage
    hole: SpatialImage
    labels: SpatialImage
    sd: SpatialImage | None
    tables: Mapping[str, Table]
    facts: Mapping[str, Any]
    also: Mapping[str, SpatialImage] = field(default_factory=dict)


def fill(
    t1: Image,
    mask: Image,
    *,
    contrasts: Mapping[str, Image] | None = None,
    also_fill: Mapping[str, Image] | None = None,
    progress: Progress = silent,
    warn: Callable[[str], None] | None = None,
    **options: Any,  # noqa: ANN401 - structured strictly below
) -> Filled:
    """Replace the lesions of a T1-weighted image by plausible healthy tissue.

    Args:
        t1: path of a .nii, .nii.gz or .mgz file, or a nibabel image.
        mask: the lesions, likewise.
        contrasts: other contrasts of the visit by name, such as {"FLAIR": path}; patches are compared in them, too.
        also_fill: contrasts that are filled over the same hole, likewise; may be the same images.
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
    tell = warn or (lambda message: warnings.warn(message, stacklevel=4))
    config, run, read = structured("fill", (FillConfig, RunConfig, ReadConfig), options)
    request = Request(t1, mask, config, run, read, contrasts or {}, also_fill or {})
    done = run_fill(request, progress, tell)
    return in_memory(done)


def in_memory(done: Done) -> Filled:
    """A finished fill as images in memory."""
    from brainfill.io.nifti import filled_image

    original, volumes = done.scan.images["T1w"], done.result.volumes
    image, written = filled_image(original, volumes["filled"].data, volumes["hole"].data)
    also = {
        name: filled_image(
            done.others[name].image, result.volumes["filled"].data, result.volumes["hole"].data
        )
        for name, result in done.also.items()
    }
    return Filled(
        image,
        hole=as_image(volumes["hole"]),
        labels=as_image(volumes["labels"]),
        sd=as_image(volumes["sd"]) if "sd" in volumes else None,
        tables=done.result.tables,
        facts=fill_facts(done, written, {name: facts for name, (_, facts) in also.items()}),
        also={name: found for name, (found, _) in also.items()},
    )


def run_fill(request: Request, progress: Progress, warn: Callable[[str], None]) -> Done:
    """Read the inputs and fill; each warning is passed on once.

    Raises:
        ConfigError, InputMissingError, DataError, UnavailableError: as `fill`.
    """
    from brainfill.tasks import fill_contrast

    check_fill(request)
    heard: list[str] = []
    ctx = context(request.config, request.run, progress, once(warn, heard))
    progress("reading", 0, 1)
    scan = read_scan(request.t1, request.mask, request.read, ctx.warn)
    read = {name: _read(image, request.read, ctx) for name, image in request.others.items()}
    progress("reading", 1, 1)
    others = {name: _beside(scan, image, name, ctx) for name, image in read.items()}
    companions = [others[name].companion for name in request.contrasts]
    result = fill_task.run(scan, request.config, ctx, companions)
    volumes = result.volumes
    also = {
        name: fill_contrast.run(
            others[name], volumes["filled"], volumes["hole"], request.config, ctx
        )
        for name in request.also
    }
    return Done(request, scan, result, ctx, heard, others, also)


def check_fill(request: Request) -> None:
    """Refuse what can be seen to be wrong before anything is read.

    Raises:
        ConfigError: two different images of one contrast, one file given as two images, or a method that has no use for
            other contrasts.
    """
    for name in request.contrasts.keys() & request.also.keys():
        one, other = request.contrasts[name], request.also[name]
        if one is not other and str(one) != str(other):
            msg = f"two images are given as {name}: '{name_of(one)}' and '{name_of(other)}'"
            raise ConfigError(msg, f"give the {name} that belongs to the T1")
    check_distinct([request.t1, *request.others.values(), *request.visits[::2]])
    for name in request.contrasts:
        fill_task.check_companions(request.config, f"--{CONTRASTS.get(name, name)}")


def check_distinct(images: Sequence[Image]) -> None:
    """Refuse one file given as two images.

    Raises:
        ConfigError: names it.
    """
    # realpath says nothing of links that lead nowhere; whoever reads the file does.
    files = [os.path.realpath(image) for image in images if isinstance(image, str | Path)]
    for path in files:
        if files.count(path) > 1:
            msg = f"'{Path(path).name}' is given as two images, expected a file for each"
            raise ConfigError(msg, "check the paths: every image has a file of its own")


def context(
    config: FillConfig, run: RunConfig, progress: Progress, warn: Callable[[str], None]
) -> Context:
    """The surroundings of a fill.

    Raises:
        ConfigError: a device is named for a method that has no use for it.
        UnavailableError: no such device.
    """
    network = fill_task.uses_network(config)
    if not network and run.device not in ("auto", "cpu"):
        msg = f"--device {run.device} means nothing to the method '{config.method}'"
        raise ConfigError(msg, "leave --device out, or choose --method diffusion")
    device = resolve_device(run.device) if network else "cpu"
    return Context(device, run.seed, run.threads, progress, warn, deterministic=run.deterministic)


def _read(image: Image, read: ReadConfig, ctx: Context) -> Volume:
    from brainfill.io.nifti import read_volume

    return read_volume(image, nan_to_zero=read.nan_to_zero, warn=ctx.warn)


def _beside(scan: Scan, image: Volume, name: str, ctx: Context) -> Contrast:
    from brainfill.tasks._companions import beside_t1

    if scan.lesion is None:
        msg = f"'{scan.subject}' was read without its lesion mask"
        raise ValueError(msg)
    return beside_t1(scan.images["T1w"], scan.lesion, image, name, ctx)


def fill_facts(
    done: Done, written: WriteFacts, also: Mapping[str, WriteFacts] | None = None
) -> dict[str, Any]:
    """The record of a fill: inputs, arguments, versions, what changed, warnings.

    Args:
        done: the fill.
        written: what writing it did.
        also: the same for other contrasts that were filled, by name.
    """
    from brainfill.io.sidecar import versions

    also = also or {}
    warn_of_cuts([written, *also.values()], "fill", done.ctx.warn)
    request = done.request
    options = arguments(request.config, request.run, request.read)
    filler = to_dict(fill_task.filler_config(request.config))
    settings = {name: value for name, value in filler.items() if name not in options}
    return {
        "GeneratedBy": {"Name": "brainfill", "Version": __version__},
        **sources(request.inputs),
        "SpatialReference": "orig",
        "BrainfillArguments": options | {"settings": settings},
        **done.result.facts,
        **_about_contrasts(done, also),
        "Seed": request.run.seed,
        "Device": describe_device(done.ctx.device),
        "VoxelsChanged": written.voxels_changed,
        "MaxAbsDifferenceOutsideMask": written.max_difference_outside,
        "Warnings": list(done.warnings),
        "Versions": versions(PACKAGES),
    }


def _about_contrasts(done: Done, also: Mapping[str, WriteFacts]) -> dict[str, Any]:
    """What the record says of other contrasts; nothing without them."""
    request, about = done.request, {}
    for name, contrast in done.others.items():
        entry: dict[str, Any] = {
            "Source": name_of(request.others[name]),
            "Registered": contrast.to_own is not None,
            "Compared": name in request.contrasts,
        }
        if name in also:
            written = also[name]
            entry |= {
                **done.also[name].facts,
                "VoxelsChanged": written.voxels_changed,
                "MaxAbsDifferenceOutsideMask": written.max_difference_outside,
            }
        about[name] = entry
    return {"Contrasts": about} if about else {}
