"""Carrying images through transforms, on paths or on images in memory."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brainfill import __version__
from brainfill.api._common import as_image, name_of, once, sources, structured
from brainfill.core.config import to_dict
from brainfill.core.context import Context, Progress, silent
from brainfill.core.errors import ConfigError
from brainfill.tasks import transform as transform_task
from brainfill.tasks.transform import TransformConfig

if TYPE_CHECKING:
    from nibabel.spatialimages import SpatialImage

    from brainfill.api._common import Image
    from brainfill.core.volume import LabelMap, Mask, Volume


@dataclass(frozen=True, eq=False)
class TransformRequest:
    """What is carried, where, and how.

    Args:
        image: path or image.
        like: image whose grid is taken.
        transforms: files, in the order of antsApplyTransforms.
        config: direction and interpolation.
        threads: CPU threads; 0 leaves it to ANTs.
    """

    image: Image
    like: Image
    transforms: Sequence[Path]
    config: TransformConfig
    threads: int = 0


def transform(
    image: Image,
    like: Image,
    transforms: Sequence[str | Path],
    *,
    progress: Progress = silent,
    warn: Callable[[str], None] | None = None,
    **options: Any,  # noqa: ANN401 - structured strictly below
) -> SpatialImage:
    """An image on the grid of another, through ITK transforms.

    Args:
        image: path of a .nii, .nii.gz or .mgz file, or a nibabel image.
        like: image whose grid is taken, likewise.
        transforms: files, in the order of antsApplyTransforms: the last is applied to the image first.
        progress: told how far the work has come.
        warn: receives one sentence per warning; Python warnings are issued without it.
        **options: fields of `TransformConfig`: `inverse=True`, `interp="distance"`.

    Raises:
        ConfigError: an unknown option, or a deformation to be inverted.
        InputMissingError: a file is not there or cannot be read.
        DataError: an image or a transform cannot be used.
    """
    tell = warn or (lambda message: warnings.warn(message, stacklevel=4))
    (config,) = structured("transform", (TransformConfig,), options)
    request = TransformRequest(image, like, [Path(t) for t in transforms], config)
    found, _ = run_transform(request, progress, tell)
    return as_image(found)


def run_transform(
    request: TransformRequest, progress: Progress, warn: Callable[[str], None]
) -> tuple[Volume | Mask | LabelMap, dict[str, Any]]:
    """Read the inputs and carry the image; the result and its record.

    Raises:
        ConfigError, InputMissingError, DataError: as `transform`.
    """
    from brainfill.io.nifti import read_volume
    from brainfill.io.sidecar import stem
    from brainfill.io.transforms import read_transform

    if not request.transforms:
        msg = "no transform was given"
        raise ConfigError(msg, "name at least one with --transform")
    heard: list[str] = []
    tell = once(warn, heard)
    ctx = Context(threads=request.threads, progress=progress, warn=tell)
    files = [read_transform(path, ctx) for path in request.transforms]
    image, like = (read_volume(i, warn=tell) for i in (request.image, request.like))
    name = stem(Path(name_of(request.image)))
    result = transform_task.run(image, like.grid, files, request.config, name, ctx)
    facts = {
        "GeneratedBy": {"Name": "brainfill", "Version": __version__},
        **sources([request.image, request.like, *request.transforms]),
        "BrainfillArguments": to_dict(request.config),
        **result.facts,
        "Warnings": list(heard),
    }
    return result.volumes["image"], facts
