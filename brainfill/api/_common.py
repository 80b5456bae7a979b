"""What the functions of the interface share: inputs by path or in memory, options checked, warnings told once."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from brainfill.core.checksums import sha256_as_read
from brainfill.core.config import LOWEST_LABEL, MOST_LABEL, check_ranges, from_dict, option, to_dict
from brainfill.core.errors import ConfigError, GeometryError
from brainfill.core.registry import did_you_mean

if TYPE_CHECKING:
    from nibabel.spatialimages import SpatialImage

    from brainfill.core.volume import LabelMap, Mask, Scan, Volume
    from brainfill.io.nifti import WriteFacts

    Image: TypeAlias = str | Path | SpatialImage

PACKAGES = ("numpy", "scipy", "nibabel", "torch")
IN_MEMORY = "image in memory"


@dataclass(frozen=True, kw_only=True)
class ReadConfig:
    """How the inputs are read."""

    label: int | None = option(
        None,
        "the lesion's number, when the mask has several labels",
        low=LOWEST_LABEL,
        high=MOST_LABEL,
    )
    nan_to_zero: bool = option(False, "read voxels that are NaN or infinite as 0")
    assume_same_grid: bool = option(
        False, "take a mask of the same shape voxel by voxel, whatever its header says"
    )

    def __post_init__(self) -> None:
        check_ranges(self)


def structured(function: str, classes: Sequence[Any], options: Mapping[str, Any]) -> list[Any]:
    """One config of each class from options given by name.

    Raises:
        ConfigError: an option that no class has, a wrong type or value.
    """
    names = [[f.name for f in dataclasses.fields(cls)] for cls in classes]
    known = [name for own in names for name in own]
    for name in options:
        if name not in known:
            msg = f"{function}() has no option '{name}'; known: {', '.join(known)}"
            raise ConfigError(msg, did_you_mean(name, known))
    plain = {k: os.fspath(v) if isinstance(v, Path) else v for k, v in options.items()}
    return [
        from_dict(cls, {k: v for k, v in plain.items() if k in own})
        for cls, own in zip(classes, names, strict=True)
    ]


def read_scan(
    source: Image,
    mask: Image | None,
    read: ReadConfig,
    warn: Callable[[str], None],
    contrast: str = "T1w",
) -> Scan:
    """An image and its lesion mask, brought to the grid of the image.

    Raises:
        InputMissingError: a file is not there or cannot be read.
        DataError: the image or the mask cannot be used.
    """
    from brainfill.core.volume import Scan
    from brainfill.io.nifti import read_mask, read_volume
    from brainfill.io.sidecar import stem
    from brainfill.preprocess.match import match_mask

    subject = stem(Path(source)) if isinstance(source, str | Path) else IN_MEMORY
    image = read_volume(source, nan_to_zero=read.nan_to_zero, warn=warn)
    if mask is None:
        return Scan(subject, {contrast: image})
    lesion = read_mask(mask, label=read.label, nan_to_zero=read.nan_to_zero, warn=warn)
    try:
        lesion = match_mask(lesion, image, assume_same_grid=read.assume_same_grid, warn=warn)
    except GeometryError as error:
        what = contrast.removesuffix("w")
        msg = f"mask '{name_of(mask)}' and {what} '{name_of(source)}' do not fit: {error}"
        raise GeometryError(msg, error.hint) from error
    return Scan(subject, {contrast: image}, lesion=lesion)


def warn_of_cuts(written: Iterable[WriteFacts], kind: str, warn: Callable[[str], None]) -> None:
    """Say how many values did not fit into the type of the image on disk."""
    clipped = sum(facts.clipped for facts in written)
    if clipped:
        warn(f"{clipped} {kind} values were cut to the range of the image's type on disk")


def sources(inputs: Sequence[Image]) -> dict[str, Any]:
    """What the inputs are, with the checksums of those that are files, of the bytes that were read.

    Raises:
        InputMissingError: a file that was not read yet cannot be read.
    """
    return {
        "Sources": [name_of(s) for s in inputs],
        "SourcesSHA256": {str(s): sha256_as_read(s) for s in inputs if isinstance(s, str | Path)},
    }


def arguments(*configs: Any) -> dict[str, Any]:  # noqa: ANN401 - each has a class of its own
    """The options of a run as records give them.

    The number of threads is left out where the same bytes are wanted every time: it then changes nothing.
    """
    found: dict[str, Any] = {}
    for config in configs:
        found |= to_dict(config)
    if found.get("deterministic"):
        del found["threads"]
    return found


def once(warn: Callable[[str], None], heard: list[str]) -> Callable[[str], None]:
    """A `warn` that passes each sentence on once and remembers it in `heard`."""

    def tell(message: str) -> None:
        if message not in heard:
            heard.append(message)
            warn(message)

    return tell


def name_of(source: Image) -> str:
    """The path of an input, or words for one in memory."""
    return str(source) if isinstance(source, str | Path) else IN_MEMORY


def as_image(volume: Volume | Mask | LabelMap) -> SpatialImage:
    """A volume as an image in memory; masks are uint8."""
    import nibabel as nib
    import numpy as np

    from brainfill.core.volume import Mask

    dtype = np.uint8 if isinstance(volume, Mask) else volume.data.dtype
    image = nib.Nifti1Image(volume.data.astype(dtype), volume.grid.affine)
    image.header.set_xyzt_units("mm")  # whatever unit the input counted in
    return image
