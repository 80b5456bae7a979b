"""Painting lesions, on paths or on images in memory."""

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
    name_of,
    once,
    read_scan,
    sources,
    structured,
    warn_of_cuts,
)
from brainfill.core.config import to_dict
from brainfill.core.context import Context, Progress, silent
from brainfill.core.errors import ConfigError, GeometryError
from brainfill.tasks import synthesize as synthesize_task
from brainfill.tasks._device import RunConfig, describe_device, resolve_device
from brainfill.tasks.synthesize import Synthesis, SynthesizeConfig, painter_config

if TYPE_CHECKING:
    from nibabel.spatialimages import SpatialImage

    from brainfill.api._common import Image
    from brainfill.core.grid import Grid
    from brainfill.core.volume import Scan
    from brainfill.io.nifti import WriteFacts


@dataclass(frozen=True, eq=False)
class SynthesizeRequest:
    """What is to be painted, and how.

    Args:
        image: path or image.
        mask: where lesions are wanted.
        flair: the same person's FLAIR on the grid of `image`, if that is a T1w.
        config: how to paint.
        run: the surroundings.
        read: how the inputs are read.

    Raises:
        ConfigError: a FLAIR is given beside a FLAIR.
    """

    image: Image
    mask: Image
    flair: Image | None
    config: SynthesizeConfig
    run: RunConfig
    read: ReadConfig

    def __post_init__(self) -> None:
        if self.flair is not None and self.config.contrast != "T1w":
            msg = f"--flair is given, but IMAGE is taken to be {self.config.contrast} as well"
            raise ConfigError(msg, "give the T1w as IMAGE, or leave --flair out")

    @property
    def inputs(self) -> list[Image]:
        """Every image that is read."""
        return [self.image, self.mask, *([] if self.flair is None else [self.flair])]


@dataclass(frozen=True, eq=False)
class SynthesizeDone:
    """Finished paintings, not yet written; `warnings` grows as more is said through `ctx`."""

    request: SynthesizeRequest
    scan: Scan
    synthesis: Synthesis
    ctx: Context
    warnings: list[str]


@dataclass(frozen=True, eq=False)
class Painted:
    """Images of one visit with their lesions.

    Args:
        images: by contrast; class, type, scaling and header of the input, and only voxels of the lesion differ.
        lesion: uint8, the mask that was really painted.
    """

    images: Mapping[str, SpatialImage]
    lesion: SpatialImage


@dataclass(frozen=True, eq=False)
class Synthesized:
    """What was painted.

    Args:
        first: the scan with lesions.
        followup: its second visit, if one was asked for.
        facts: what the command writes into the JSON beside its output.
    """

    first: Painted
    followup: Painted | None
    facts: Mapping[str, Any]


def synthesize(
    image: Image,
    mask: Image,
    *,
    flair: Image | None = None,
    progress: Progress = silent,
    warn: Callable[[str], None] | None = None,
    **options: Any,  # noqa: ANN401 - structured strictly below
) -> Synthesized:
    """Paint realistic lesions into a scan that has none in the mask.

    Args:
        image: path of a .nii, .nii.gz or .mgz file, or a nibabel image.
        mask: where lesions are wanted, likewise.
        flair: FLAIR of the same person on the grid of `image`, painted together with it.
        progress: told how far the work has come.
        warn: receives one sentence per warning; Python warnings are issued without it.
        **options: fields of `SynthesizeConfig`, `RunConfig` and `ReadConfig`, such as `contrast="FLAIR"`,
            `lesion_contrast=0.7`, `grow=2`, `seed=1`, `settings=["grain=false"]`.

    Raises:
        ConfigError: an unknown option, a wrong type or value.
        InputMissingError: a file is not there or cannot be read.
        DataError: the image or the mask cannot be used.
        UnavailableError: no such device or model.
    """
    from brainfill.io.nifti import filled_image

    tell = warn or (lambda message: warnings.warn(message, stacklevel=4))
    classes = (SynthesizeConfig, RunConfig, ReadConfig)
    config, run, read = structured("synthesize", classes, options)
    done = run_synthesize(SynthesizeRequest(image, mask, flair, config, run, read), progress, tell)
    visits, written = [], {}
    for visit in done.synthesis.visits:
        images = {}
        for name, volume in visit.images.items():
            original = done.scan.images[name]
            images[name], facts = filled_image(original, volume.data, visit.lesion.data)
            written[visit.named(name)] = facts
        visits.append(Painted(images, as_image(visit.lesion)))
    followup = visits[1] if len(visits) > 1 else None
    return Synthesized(visits[0], followup, synthesize_facts(done, written))


def run_synthesize(
    request: SynthesizeRequest, progress: Progress, warn: Callable[[str], None]
) -> SynthesizeDone:
    """Read the inputs and paint; each warning is passed on once.

    Raises:
        ConfigError, InputMissingError, DataError, UnavailableError: as `synthesize`.
    """
    run = request.run
    painter_config(request.config)
    device = resolve_device(run.device)
    heard: list[str] = []
    tell = once(warn, heard)
    progress("reading", 0, 1)
    scan = _scan(request, tell)
    progress("reading", 1, 1)
    ctx = Context(device, run.seed, run.threads, progress, tell, deterministic=run.deterministic)
    synthesis = synthesize_task.run(scan, request.config, ctx)
    return SynthesizeDone(request, scan, synthesis, ctx, heard)


def synthesize_facts(done: SynthesizeDone, written: Mapping[str, WriteFacts]) -> dict[str, Any]:
    """The record of a painting: inputs, arguments, versions, what changed, warnings.

    Args:
        done: what was painted.
        written: what became of each image, by `Visit.named` contrast.
    """
    from brainfill.io.sidecar import versions

    warn_of_cuts(written.values(), "painted", done.ctx.warn)
    request = done.request
    options = arguments(request.config, request.run, request.read)
    painter = to_dict(painter_config(request.config))
    settings = {name: value for name, value in painter.items() if name not in options}
    return {
        "GeneratedBy": {"Name": "brainfill", "Version": __version__},
        "Synthetic": True,
        **sources(request.inputs),
        "SpatialReference": "orig",
        "BrainfillArguments": options | {"settings": settings},
        **done.synthesis.facts,
        "Seed": request.run.seed,
        "Device": describe_device(done.ctx.device),
        "VoxelsChanged": {name: facts.voxels_changed for name, facts in written.items()},
        "MaxAbsDifferenceOutsideMask": max(w.max_difference_outside for w in written.values()),
        "Warnings": list(done.warnings),
        "Versions": versions(PACKAGES),
    }


def _scan(request: SynthesizeRequest, warn: Callable[[str], None]) -> Scan:
    """The inputs, checked and on one grid.

    Raises:
        GeometryError: the FLAIR or the mask does not lie on the grid of the image.
    """
    from brainfill.core.volume import Scan
    from brainfill.io.nifti import read_volume
    from brainfill.preprocess.match import same_grid

    scan = read_scan(request.image, request.mask, request.read, warn, request.config.contrast)
    if request.flair is None:
        return scan
    flair = read_volume(request.flair, nan_to_zero=request.read.nan_to_zero, warn=warn)
    if not same_grid(flair.grid, scan.grid, f"FLAIR '{name_of(request.flair)}'", warn):
        msg = (
            f"FLAIR '{name_of(request.flair)}' does not lie on the grid of "
            f"'{name_of(request.image)}': found shape {_told(flair.grid)}, expected {_told(scan.grid)}"
        )
        hint = "brainfill preprocess T1 --flair FLAIR --steps reorient -o DIR; take both from there"
        raise GeometryError(msg, hint)
    return Scan(scan.subject, {**scan.images, "FLAIR": flair}, lesion=scan.lesion)


def _told(grid: Grid) -> str:
    """A grid in words; its first voxel tells apart those of one shape."""
    x, y, z = (f"{v:g}" for v in grid.affine[:3, 3].round(2))
    return f"{grid.shape} {grid.axcodes()} from ({x}, {y}, {z}) mm"
