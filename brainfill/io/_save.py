"""Images to bytes without rescaling, and the comparison of a written image with its input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.spatialimages import SpatialImage
from numpy.typing import NDArray

from brainfill.core.errors import ConfigError
from brainfill.core.grid import BoolArray, Grid
from brainfill.io._bytes import Family
from brainfill.io._image import Stored, affine_mm, grid_of, stored_voxels

_MGH_TYPES = (np.uint8, np.int16, np.int32, np.float32)


def family_of_image(image: SpatialImage) -> Family:
    """Format that an image object belongs to."""
    return "mgh" if isinstance(image, nib.MGHImage) else "nifti"


def image_bytes(image: SpatialImage, family: Family, out: Path) -> bytes:
    """An image as the contents of a file of `family`, stored voxels unchanged in value.

    Raises:
        ConfigError: the format has no type that holds every stored value exactly.
    """
    stored = stored_voxels(image)
    data: bytes
    if family == "mgh":
        header = image.header if isinstance(image, nib.MGHImage) else None
        # MGH counts in millimetres, and has no axis of length 1 after the third.
        values = _exact_mgh(Stored(stored.spatial, stored.slope, stored.inter), out)
        mgh = nib.MGHImage(values, affine_mm(image), header)
        mgh.header.set_data_dtype(values.dtype)
        data = mgh.to_bytes()
        return data
    if isinstance(image, nib.MGHImage):
        nifti = nib.Nifti1Image(stored.values, image.affine, dtype=stored.values.dtype)
        nifti.header.set_xyzt_units("mm", "sec")
        nifti.set_qform(image.affine, "scanner")
        nifti.set_sform(image.affine, "scanner")
    else:
        nifti = type(image)(stored.values, image.affine, image.header)
        nifti.header.set_data_dtype(stored.values.dtype)
    # A set scale tells nibabel to write the values as they are.
    nifti.header.set_slope_inter(stored.slope, stored.inter)
    data = nifti.to_bytes()
    return data


def plain_header(source: SpatialImage, dtype: np.dtype[Any]) -> nib.Nifti1Header:
    """The header of a NIfTI image with its geometry only: no scaling, display range, intent or notes."""
    header = source.header.copy()
    header.extensions.clear()
    header.set_data_dtype(dtype)
    header.set_slope_inter(1, 0)
    for field in ("cal_min", "cal_max", "intent_code", "intent_p1", "intent_p2", "intent_p3"):
        header[field] = 0
    for field in ("descrip", "aux_file", "intent_name"):
        header[field] = b""
    return header


def map_values(data: NDArray[Any]) -> NDArray[Any]:
    """Values in a type every reader knows: bool as uint8, float64 as float32, 64-bit whole numbers as int32.

    Raises:
        ValueError: a whole number does not fit into int32.
    """
    if data.dtype == np.bool_:
        return data.astype(np.uint8)
    if data.dtype.kind == "f":
        return data.astype(np.float32)
    if data.dtype.itemsize <= 4:
        return data
    small = data.astype(np.int32)
    if not np.array_equal(small, data):
        msg = "a map holds whole numbers that do not fit into 32 bits"
        raise ValueError(msg)
    return small


def compare(image: SpatialImage, written: SpatialImage, where: BoolArray, out: Path) -> int:
    """Number of stored voxels that differ between the input and the written image.

    Raises:
        RuntimeError: one of them lies outside `where`, or the image moved or changed its scale.
    """
    before, after = stored_voxels(image), stored_voxels(written)
    differs = _differs(before.spatial, after.spatial)
    outside = int(np.count_nonzero(differs & ~where))
    if outside:
        msg = f"'{out}' was about to differ from the input in {outside} voxels outside the fill"
        raise RuntimeError(msg)
    place = Grid(image.shape[:3], affine_mm(image))
    scale = np.allclose((before.slope, before.inter), (after.slope, after.inter), rtol=1e-6)
    if not scale or not grid_of(written, str(out)).same_place(place):
        msg = f"'{out}' was about to lie elsewhere than the input, or to be scaled differently"
        raise RuntimeError(msg)
    return int(np.count_nonzero(differs))


def compare_rest(image: SpatialImage, written: SpatialImage, out: Path) -> None:
    """Compare all bytes before and after the voxels of two files of one format.

    Raises:
        RuntimeError: they differ.
    """
    for part in range(2):
        if _rest(image)[part] != _rest(written)[part]:
            msg = f"the header of '{out}' was about to differ from that of the input"
            raise RuntimeError(msg)


def _rest(image: SpatialImage) -> tuple[bytes, bytes]:
    proxy = image.dataobj
    data = proxy.file_like.getvalue()
    end = proxy.offset + int(np.prod(proxy.shape)) * proxy.dtype.itemsize
    return data[: proxy.offset], data[end:]


def _differs(a: NDArray[Any], b: NDArray[Any]) -> BoolArray:
    if a.dtype == b.dtype and a.dtype.itemsize <= 8:
        bits = np.dtype(f"u{a.dtype.itemsize}")  # tells NaN payloads and signed zeros apart
        return np.asarray(a.view(bits) != b.view(bits))
    return np.asarray((a != b) & ~((a != a) & (b != b)))  # noqa: PLR0124 - NaN is unlike itself


def _exact_mgh(stored: Stored, out: Path) -> NDArray[Any]:
    values = stored.values
    if (stored.slope, stored.inter) == (1.0, 0.0):
        for dtype in _MGH_TYPES:
            if np.dtype(dtype) == values.dtype.newbyteorder("="):
                return values
        for dtype in (np.int16, np.int32) if values.dtype.kind in "iu" else (np.float32,):
            with np.errstate(over="ignore"):
                small = values.astype(dtype)
            if not _differs(small, values).any():
                return small
    found = f"type {values.dtype}, scale {stored.slope:g}, offset {stored.inter:g}"
    msg = f"'{out}' cannot hold the input's voxels exactly: found {found}, MGH has 8, 16 and 32 bits unscaled"
    raise ConfigError(msg, "name the output .nii.gz")
