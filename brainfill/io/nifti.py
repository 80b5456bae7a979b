"""Images and masks from and to NIfTI and MGH files, with every voxel outside a fill left as stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.spatialimages import SpatialImage
from numpy.typing import NDArray

from brainfill.core.atomic import replacing
from brainfill.core.context import ignore
from brainfill.core.errors import DataError
from brainfill.core.grid import BoolArray, FloatArray
from brainfill.core.volume import Mask, Source, Volume, mask_threshold
from brainfill.io._bytes import output_format, read_bytes, write_bytes
from brainfill.io._header import guessed_place, has_no_place
from brainfill.io._image import (
    IN_MEMORY,
    Stored,
    grid_of,
    image_from,
    open_image,
    patched_bytes,
    replace_stored,
    stored_voxels,
)
from brainfill.io._save import (
    compare,
    compare_rest,
    family_of_image,
    image_bytes,
    map_values,
    plain_header,
)

_LARGEST = 1e15  # squares and sums of such values stay within single precision
_MOST_LABELS_SHOWN = 8
_MOST_PARTS = 20  # of one lesion; an image of more whole numbers shows a scan or an atlas


@dataclass(frozen=True)
class WriteFacts:
    """What writing a filled image did, measured on the written file.

    Args:
        voxels_changed: stored voxels that differ from the input.
        max_difference_outside: largest difference outside the fill; anything but 0 is refused.
        clipped: fill values cut to the range of the on-disk type.
    """

    voxels_changed: int
    max_difference_outside: float
    clipped: int


def read_volume(
    source: str | Path | SpatialImage,
    *,
    nan_to_zero: bool = False,
    warn: Callable[[str], None] = ignore,
) -> Volume:
    """Read one image: .nii, .nii.gz, .mgz or a nibabel image; a 4-D image of one frame is accepted.

    Args:
        source: path or image. The image stays in `Volume.source`, from which the output is made.
        nan_to_zero: take NaN and infinite voxels as 0 instead of refusing them.
        warn: told about voxels taken as 0, and about what is odd in the file and was taken all the same.

    Raises:
        InputMissingError: the file is not there or cannot be read.
        DataError: not an image, damaged, several frames, complex or colour, not finite, or beyond all measure.
        GeometryError: the affine is singular or not finite, or the voxels have an absurd size.
    """
    image, path = open_image(source, warn)
    name = path or IN_MEMORY
    grid = grid_of(image, name)
    if has_no_place(image.header):
        warn(guessed_place(name))
    values = _finite(stored_voxels(image).decode(), name, nan_to_zero, warn)
    if (largest := float(np.abs(values).max())) > _LARGEST:
        msg = f"'{name}' holds values of up to {largest:.3g}, expected at most {_LARGEST:g}"
        raise DataError(msg, "repair the scaling in its header (scl_slope), or divide the image")
    return Volume(values, grid, Source(path, image))


def read_mask(
    source: str | Path | SpatialImage,
    *,
    label: int | None = None,
    any_label: bool = False,
    nan_to_zero: bool = False,
    warn: Callable[[str], None] = ignore,
) -> Mask:
    """Read a mask: values above 0.5, or those equal to `label`. It may be empty.

    Of values with fractions that exceed 1, as interpolation makes them of masks of 0 and 255, those above half of the
    largest are taken.

    Args:
        source: path or nibabel image.
        label: the one label to take from a label map.
        any_label: take all labels of a label map, if there are not too many for one.
        nan_to_zero: take NaN and infinite voxels as 0 instead of refusing them.
        warn: told when the values are not just 0 and 1.

    Raises:
        DataError: a label map without `label`, a label that is not there, or as `read_volume`.
    """
    volume = read_volume(source, nan_to_zero=nan_to_zero, warn=warn)
    name = (volume.source.path if volume.source else None) or IN_MEMORY
    values = volume.data
    found = np.unique(values[values != 0])
    if label is not None:
        if label not in found:
            msg = f"mask '{name}' has no label {label}; it has {_listed(found)}"
            raise DataError(msg, "give one of these with --label")
        return Mask(values == label, volume.grid)
    whole = bool((found == np.rint(found)).all())
    if any_label and whole and found.size and found[0] > 0:
        if found.size > _MOST_PARTS:
            msg = f"mask '{name}' has {found.size} labels, expected at most {_MOST_PARTS}"
            raise DataError(msg, "check that it is a mask, and not a scan or an atlas")
        return Mask(values > 0, volume.grid)
    if whole and found.size > 1:
        msg = f"mask '{name}' has {found.size} labels ({_listed(found)}), expected 0 and 1"
        raise DataError(msg, "say which one is the lesion with --label")
    threshold = mask_threshold(values)
    if found.size and not np.array_equal(found, [1.0]):
        span = f"{found[0]:g}" if found.size == 1 else f"{found[0]:g} to {found[-1]:g}"
        warn(
            f"mask '{name}' holds {span} where 1 was expected; voxels above {threshold:g} are taken"
        )
    return Mask(values > threshold, volume.grid)


def filled_image(
    original: Volume, values: FloatArray, where: BoolArray
) -> tuple[SpatialImage, WriteFacts]:
    """The source image of `original` with new values; class, type, scaling and header stay.

    Args:
        original: a volume from `read_volume`.
        values: float32 (X, Y, Z), used inside `where` only, finite there.
        where: bool (X, Y, Z), voxels to replace.

    Raises:
        ValueError: `original` was not read by `read_volume`, or the shapes differ.
        RuntimeError: a value inside `where` is not finite.
    """
    image, before, raw, clipped = _encoded(original, values, where)
    changed = np.count_nonzero(before.spatial[where] != raw)
    return _with(image, before, raw, where), WriteFacts(int(changed), 0.0, clipped)


def write_filled(original: Volume, values: FloatArray, where: BoolArray, out: Path) -> WriteFacts:
    """Write the filled image so that every stored voxel outside `where` is that of the input.

    Where the file format stays, the output is the input file with the bytes of the filled voxels exchanged: header,
    scaling, codes and extensions are those of the input. The file is read back and compared before it gets its name.

    Args:
        original: a volume from `read_volume`.
        values: float32 (X, Y, Z), used inside `where` only, finite there.
        where: bool (X, Y, Z), voxels to replace.
        out: .nii, .nii.gz, .mgz or .mgh file; replaced if it exists.

    Raises:
        ConfigError: `out` cannot be written, or its format cannot hold the input's values exactly.
        ValueError: `original` was not read by `read_volume`, or the shapes differ.
        RuntimeError: the written file differs from the input outside `where` (a bug), or a value is not finite.
    """
    out = Path(out)
    family, packed = output_format(out)
    image, before, raw, clipped = _encoded(original, values, where)
    from_file = original.source is not None and original.source.path is not None
    patched = from_file and family == family_of_image(image)
    contents: bytes | bytearray
    if patched:
        contents = patched_bytes(image, where, raw)
    else:
        contents = image_bytes(_with(image, before, raw, where), family, out)
    with replacing(out) as temporary:
        write_bytes(temporary, contents, packed=packed)
        del contents  # the file is read back; holding both would cost another copy
        written = image_from(read_bytes(temporary), str(out))
        changed = compare(image, written, where, out)
        if patched:
            compare_rest(image, written, out)
    return WriteFacts(changed, 0.0, clipped)


def write_map(like: Volume, data: NDArray[Any], out: Path) -> None:
    """Write a map on the grid of `like`, such as a standard deviation or labels.

    Args:
        like: gives the grid, and the qform and sform codes if it was read from NIfTI.
        data: (X, Y, Z); its type decides the on-disk type (bool: uint8, float64: float32, 64-bit: int32).
        out: .nii, .nii.gz, .mgz or .mgh file; replaced if it exists.

    Raises:
        ConfigError: `out` cannot be written, or its format cannot hold the values exactly.
        ValueError: the shape is not that of `like`.
    """
    out = Path(out)
    family, packed = output_format(out)
    if data.shape != like.grid.shape:
        msg = f"a map of shape {data.shape} does not fit a grid of shape {like.grid.shape}"
        raise ValueError(msg)
    values = map_values(data)
    source = like.source.image if like.source else None
    if isinstance(source, nib.Nifti1Image):
        image = type(source)(values, source.affine, plain_header(source, values.dtype))
    else:
        image = nib.Nifti1Image(values, like.grid.affine)
        image.header.set_xyzt_units("mm")
    with replacing(out) as temporary:
        write_bytes(temporary, image_bytes(image, family, out), packed=packed)


def _with(image: SpatialImage, before: Stored, raw: NDArray[Any], where: BoolArray) -> SpatialImage:
    after = Stored(before.values.copy(order="K"), before.slope, before.inter)
    after.spatial[where] = raw
    return replace_stored(image, after)


def _encoded(
    original: Volume, values: FloatArray, where: BoolArray
) -> tuple[SpatialImage, Stored, NDArray[Any], int]:
    if original.source is None:
        msg = "the volume was not read by read_volume, so there is no image to fill"
        raise ValueError(msg)
    image = original.source.image
    if not values.shape == where.shape == original.data.shape == image.shape[:3]:
        msg = f"values {values.shape} and mask {where.shape} do not fit the image {image.shape}"
        raise ValueError(msg)
    if not original.grid.same_place(grid_of(image, IN_MEMORY)):
        msg = "the volume does not lie where its source image does"
        raise ValueError(msg)
    inside = values[where]
    if not np.isfinite(inside).all():
        msg = f"{np.count_nonzero(~np.isfinite(inside))} fill values are not finite"
        raise RuntimeError(msg)
    stored = stored_voxels(image)
    raw, clipped = stored.encode(inside)
    return image, stored, raw, clipped


def _finite(
    values: FloatArray, name: str, nan_to_zero: bool, warn: Callable[[str], None]
) -> FloatArray:
    bad = ~np.isfinite(values)
    count = int(np.count_nonzero(bad))
    if not count:
        return values
    if not nan_to_zero:
        msg = f"'{name}' holds {count} voxels that are NaN or infinite, expected numbers only"
        raise DataError(msg, "--nan-to-zero reads them as 0")
    values[bad] = 0
    warn(f"{count} voxels of '{name}' are NaN or infinite and were read as 0")
    return values


def _listed(labels: FloatArray) -> str:
    shown = ", ".join(f"{v:g}" for v in labels[:_MOST_LABELS_SHOWN])
    return shown + (", ..." if labels.size > _MOST_LABELS_SHOWN else "")
