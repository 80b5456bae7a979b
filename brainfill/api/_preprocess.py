"""Preprocessing, on paths or on images in memory."""

from __future__ import annotations

import dataclasses
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
from brainfill.core.context import Context, Progress, silent
from brainfill.tasks import preprocess as preprocess_task
from brainfill.tasks._device import RunConfig, describe_device, resolve_device
from brainfill.tasks.preprocess import PreprocessConfig

if TYPE_CHECKING:
    from nibabel.spatialimages import SpatialImage

    from brainfill.api._common import Image
    from brainfill.tasks._base import Result

_PACKAGES = (*PACKAGES, "antspyx", "nilearn", "HD_BET", "nnunetv2")


@dataclass(frozen=True, eq=False)
class PreprocessRequest:
    """What is to be preprocessed, and how.

    Args:
        t1: path or image.
        mask: the lesions, or None.
        others: further contrasts of the person, by name.
        config: the steps.
        run: the surroundings.
        read: how the inputs are read.
        work: folder for what helps to understand a failure.
    """

    t1: Image
    mask: Image | None
    others: Mapping[str, Image]
    config: PreprocessConfig
    run: RunConfig
    read: ReadConfig
    work: Path | None = None

    @property
    def inputs(self) -> list[Image]:
        """Every image that is read."""
        return [self.t1, *([] if self.mask is None else [self.mask]), *self.others.values()]


@dataclass(frozen=True, eq=False)
class Preprocessed:
    """A preprocessed scan.

    Args:
        images: by the name the command gives their file behind the subject, such as
            "space-MNI152NLin2009aSym_desc-preproc_T1w.nii.gz".
        transforms: contents of ITK transform files, likewise.
        facts: what the command writes into desc-preproc.json.
    """

    images: Mapping[str, SpatialImage]
    transforms: Mapping[str, bytes]
    facts: Mapping[str, Any]


def prepare(
    t1: Image,
    mask: Image | None = None,
    *,
    others: Mapping[str, Image] | None = None,
    work: str | Path | None = None,
    progress: Progress = silent,
    warn: Callable[[str], None] | None = None,
    **options: Any,  # noqa: ANN401 - structured strictly below
) -> Preprocessed:
    """Strip, correct and register a T1-weighted image, and take lesions and other contrasts along.

    What `brainfill preprocess` does; that name is taken by the package of the steps.

    Args:
        t1: path of a .nii, .nii.gz or .mgz file, or a nibabel image.
        mask: the lesions, likewise.
        others: further contrasts of the person by name, such as {"FLAIR": path}.
        work: folder that keeps the files of a failed registration.
        progress: told how far the work has come.
        warn: receives one sentence per warning; Python warnings are issued without it.
        **options: fields of `PreprocessConfig`, `RunConfig` and `ReadConfig`, such as `preset="l2i"`,
            `steps=["skullstrip", "n4"]`, `settings=["n4.shrink=2"]`, `deterministic=True`.

    Raises:
        ConfigError: an unknown option, step or setting.
        InputMissingError: a file is not there or cannot be read.
        DataError: no brain, or a registration that failed.
        UnavailableError: no such device, or weights or a program are missing.
    """
    tell = warn or (lambda message: warnings.warn(message, stacklevel=4))
    classes = (PreprocessConfig, RunConfig, ReadConfig)
    config, run, read = structured("prepare", classes, options)
    kept = None if work is None else Path(work)
    request = PreprocessRequest(t1, mask, others or {}, config, run, read, kept)
    result, facts = run_preprocess(request, progress, tell)
    images = {name: as_image(volume) for name, volume in result.volumes.items()}
    return Preprocessed(images, result.files, facts)


def run_preprocess(
    request: PreprocessRequest, progress: Progress, warn: Callable[[str], None]
) -> tuple[Result, dict[str, Any]]:
    """Read the inputs and preprocess; the result and its record. Each warning is passed on once.

    Raises:
        ConfigError, InputMissingError, DataError, UnavailableError: as `prepare`.
    """
    from brainfill.io.nifti import read_volume
    from brainfill.io.sidecar import versions

    run, read = request.run, request.read
    preprocess_task.plan(request.config)
    heard: list[str] = []
    tell = once(warn, heard)
    progress("reading", 0, 1)
    scan = read_scan(request.t1, request.mask, read, tell)
    others = {
        name: read_volume(image, nan_to_zero=read.nan_to_zero, warn=tell)
        for name, image in request.others.items()
    }
    progress("reading", 1, 1)
    ctx = Context(resolve_device(run.device), run.seed, run.threads, progress, tell)
    ctx = dataclasses.replace(
        ctx, read=read_volume, work=request.work, deterministic=run.deterministic
    )
    result = preprocess_task.run(scan, request.config, ctx, others)
    facts = {
        "GeneratedBy": {"Name": "brainfill", "Version": __version__},
        **sources(request.inputs),
        "BrainfillArguments": arguments(request.config, run, read),
        **result.facts,
        "Device": describe_device(ctx.device),
        "Warnings": list(heard),
        "Versions": versions(_PACKAGES),
    }
    return result, facts
