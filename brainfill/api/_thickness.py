"""Measuring cortical thickness, on paths or on images in memory."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
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
)
from brainfill.core.config import to_dict
from brainfill.core.context import Context, Progress, silent
from brainfill.tasks import thickness as thickness_task
from brainfill.tasks._device import RunConfig, describe_device, resolve_device
from brainfill.tasks.thickness import ThicknessConfig

if TYPE_CHECKING:
    from nibabel.spatialimages import SpatialImage

    from brainfill.api._common import Image
    from brainfill.core.volume import Scan
    from brainfill.tasks._base import Result, Table

_PACKAGES = (*PACKAGES, "antspyx", "nilearn")


@dataclass(frozen=True, eq=False)
class ThicknessRequest:
    """What is to be measured, and how.

    Args:
        t1: path or image.
        mask: the lesions, or None.
        config: the backend.
        run: the surroundings.
        read: how the inputs are read.
        folder: what a tool left, to be read instead of run.
        work: folder that keeps what a tool writes.
    """

    t1: Image
    mask: Image | None
    config: ThicknessConfig
    run: RunConfig
    read: ReadConfig
    folder: Path | None = None
    work: Path | None = None

    @property
    def inputs(self) -> list[Image]:
        """Every image that is read."""
        return [self.t1, *([] if self.mask is None else [self.mask])]

    @property
    def files(self) -> list[Path]:
        """Those of them that are files."""
        return [Path(image) for image in self.inputs if isinstance(image, str | Path)]


@dataclass(frozen=True, eq=False)
class ThicknessDone:
    """A finished measurement, not yet written."""

    scan: Scan
    result: Result
    facts: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Measured:
    """Cortical thickness.

    Args:
        map: float32 [mm] on the grid of the T1, 0 outside the cortex; None for tools that measure on surfaces.
        regions: int32, numbers as in the table's column `label`; None likewise.
        table: one row per region: region, hemisphere, mean_mm, sd_mm, voxels, volume_ml, label.
        picture: PNG.
        facts: what the command writes into the JSON beside the table; `Global` holds the means.
    """

    map: SpatialImage | None
    regions: SpatialImage | None
    table: Table
    picture: bytes
    facts: Mapping[str, Any]


def measure_thickness(
    t1: Image,
    mask: Image | None = None,
    *,
    folder: str | Path | None = None,
    work: str | Path | None = None,
    progress: Progress = silent,
    warn: Callable[[str], None] | None = None,
    **options: Any,  # noqa: ANN401 - structured strictly below
) -> Measured:
    """Measure the thickness of the cortex.

    What `brainfill thickness` does; that name is taken by the package of the backends.

    Args:
        t1: path of a .nii, .nii.gz or .mgz file, or a nibabel image.
        mask: lesions that are left out of fits and taken as white matter, likewise.
        folder: what the backend's tool left, to be read instead of run.
        work: folder that keeps what a tool writes.
        progress: told how far the work has come.
        warn: receives one sentence per warning; Python warnings are issued without it.
        **options: fields of `ThicknessConfig`, `RunConfig` and `ReadConfig`, such as `backend="direct"`,
            `segmenter="atropos"`, `settings=["direct.iterations=20"]`.

    Raises:
        ConfigError: an unknown option, backend or setting.
        InputMissingError: a file is not there or cannot be read.
        DataError: no brain or cortex can be seen, or a result cannot be read.
        UnavailableError: a program, package or model is missing.
        ExternalError: a called program failed.
    """
    tell = warn or (lambda message: warnings.warn(message, stacklevel=4))
    classes = (ThicknessConfig, RunConfig, ReadConfig)
    config, run, read = structured("measure_thickness", classes, options)
    given, kept = (None if p is None else Path(p) for p in (folder, work))
    request = ThicknessRequest(t1, mask, config, run, read, given, kept)
    done = run_thickness(request, progress, tell)
    volumes = done.result.volumes
    return Measured(
        map=as_image(volumes["map"]) if "map" in volumes else None,
        regions=as_image(volumes["regions"]) if "regions" in volumes else None,
        table=done.result.tables["thickness"],
        picture=done.result.files["picture"],
        facts=done.facts,
    )


def run_thickness(
    request: ThicknessRequest, progress: Progress, warn: Callable[[str], None]
) -> ThicknessDone:
    """Read the inputs and measure; each warning is passed on once.

    Raises:
        ConfigError, InputMissingError, DataError, UnavailableError, ExternalError: as `measure_thickness`.
    """
    from brainfill.io.nifti import read_volume
    from brainfill.io.sidecar import versions

    config, run = request.config, request.run
    thickness_task.backend_config(config)
    heard: list[str] = []
    tell = once(warn, heard)
    progress("reading", 0, 1)
    scan = read_scan(request.t1, request.mask, request.read, tell)
    progress("reading", 1, 1)
    ctx = Context(resolve_device(run.device), run.seed, run.threads, progress, tell)
    ctx = dataclasses.replace(
        ctx, read=read_volume, work=request.work, deterministic=run.deterministic
    )
    result = thickness_task.run(scan, config, ctx, request.folder)
    facts = {
        "GeneratedBy": {"Name": "brainfill", "Version": __version__},
        **sources(request.inputs),
        "ReadFrom": None if request.folder is None else str(request.folder),
        "BrainfillArguments": arguments(config, run, request.read),
        **result.facts,
        "Device": describe_device(ctx.device),
        "Warnings": list(heard),
        "Versions": versions(_PACKAGES),
    }
    return ThicknessDone(scan, result, facts)


def thickness_key(request: ThicknessRequest) -> str | None:
    """What a measurement depends on, as 64 hexadecimal digits: the same key, the same result.

    None for images in memory, and for results of a tool that are only read: neither has one.
    """
    from brainfill.bundles.store import sha256

    files = request.files
    if request.folder is not None or len(files) != len(request.inputs):
        return None
    settings = thickness_task.backend_config(request.config)
    stripper = Path(request.config.skullstrip)
    depends = {
        "Version": __version__,
        "Inputs": list(sources(files)["SourcesSHA256"].values()),
        "BrainMask": sha256(stripper) if stripper.is_file() else None,
        "Backend": request.config.backend,
        "Settings": to_dict(settings),
        "State": thickness_task.backend_state(request.config),
        "Read": to_dict(request.read),
        "Seed": request.run.seed,
        "Deterministic": request.run.deterministic,
    }
    return hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()
