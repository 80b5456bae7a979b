"""Image objects of nibabel: opened and checked, their stored voxels read and replaced without rescaling."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.arrayproxy import ArrayProxy
from nibabel.freesurfer.mghformat import MGHError
from nibabel.spatialimages import HeaderDataError, SpatialImage
from numpy.typing import NDArray

from brainfill.core.context import ignore
from brainfill.core.errors import DataError, GeometryError
from brainfill.core.grid import BoolArray, FloatArray, Grid
from brainfill.io._bytes import Family, family_of, looks_like, read_bytes
from brainfill.io._header import repaired, unit_mm

IN_MEMORY = "the image in memory"
# What nibabel was seen to raise on damaged headers.
_HEADER_ERRORS = (
    HeaderDataError,
    MGHError,
    KeyError,
    OSError,
    OverflowError,
    TypeError,
    ValueError,
)
_VOXEL_MM = (0.05, 20.0)  # from specimens to the coarsest maps
_CLASSES = (nib.Nifti1Image, nib.MGHImage)  # Nifti2Image is a Nifti1Image


@dataclass(frozen=True, eq=False)
class Stored:
    """Voxels as they lie in the file: true value = `slope` * stored + `inter`.

    Args:
        values: (X, Y, Z) or (X, Y, Z, 1, ...) in the type and byte order of the file.
        slope: scale; 1 when the file has none.
        inter: offset; 0 when the file has none.
    """

    values: NDArray[Any]
    slope: float
    inter: float

    @property
    def spatial(self) -> NDArray[Any]:
        """The values as (X, Y, Z), a view."""
        return np.squeeze(self.values, axis=tuple(range(3, self.values.ndim)))

    def encode(self, values: FloatArray) -> tuple[NDArray[Any], int]:
        """True values to stored ones, rounded and clipped to the type; also the number clipped."""
        dtype = self.values.dtype
        raw = (values.astype(np.float64) - self.inter) / self.slope
        if dtype.kind in "iu":
            raw = np.rint(raw)
        low, high = _limits(dtype)
        clipped = int(np.count_nonzero((raw < low) | (raw > high)))
        return np.clip(raw, low, high).astype(dtype), clipped

    def decode(self) -> FloatArray:
        """True values, float32 (X, Y, Z), each rounded once from float64."""
        spatial = self.spatial
        out = np.empty(spatial.shape, np.float32, order="F")
        with np.errstate(over="ignore"):  # too large becomes infinite, which the reader reports
            for k in range(spatial.shape[2]):  # a slice at a time: no float64 copy of the whole
                plane = spatial[:, :, k]
                if (self.slope, self.inter) != (1.0, 0.0):
                    plane = plane.astype(np.float64) * self.slope + self.inter
                out[:, :, k] = plane
        return out


def open_image(
    source: str | Path | SpatialImage, warn: Callable[[str], None] = ignore
) -> tuple[SpatialImage, str | None]:
    """The image and its path, None for one given in memory; one frame of real numbers is certain.

    Args:
        source: path or image.
        warn: told about what is odd about the file and was taken all the same.

    Raises:
        InputMissingError: the file is not there or cannot be read.
        DataError: not an image, damaged, several frames, or complex or colour voxels.
    """
    if not isinstance(source, str | Path):
        return _checked(source, IN_MEMORY), None
    path = Path(source)
    image = image_from(repaired(read_bytes(path, warn), str(path), warn), str(path), warn)
    return _checked(image, str(path)), str(path)


def image_from(data: bytes, name: str, warn: Callable[[str], None] = ignore) -> SpatialImage:
    """The image held by the unpacked bytes of a file.

    Args:
        data: contents of the file.
        name: of the file, for messages.
        warn: told what nibabel says about the header.

    Raises:
        DataError: the bytes are no image, or fewer than the header announces.
    """
    family = family_of(data)
    if family is None:
        voxels_only = name.lower().endswith((".img", ".img.gz"))
        what = "the voxels of a .hdr/.img pair" if voxels_only else looks_like(data)
        msg = f"'{name}' is not an image: found {what}, expected NIfTI or MGH"
        raise DataError(msg, "give a .nii, .nii.gz or .mgz file")
    if family == "nifti" and len(data) < _class_of(data, family).header_class.sizeof_hdr:
        msg = f"'{name}' is cut short: found {len(data)} bytes, less than its header has"
        raise DataError(msg, "copy or download the file again")
    try:
        with np.errstate(all="ignore"), _nibabel_says(name, warn):
            image = _class_of(data, family).from_bytes(data)
        spec = image.dataobj
        needed = spec.offset + int(np.prod(spec.shape, dtype=object)) * spec.dtype.itemsize
    except _HEADER_ERRORS as error:
        words = "unknown voxel type " if isinstance(error, KeyError) else ""
        msg = f"the header of '{name}' makes no sense: {words}{' '.join(str(error).split())}"
        raise DataError(msg, "repair the header, or convert the image again") from error
    if len(data) < needed:
        msg = f"'{name}' is cut short: found {len(data)} bytes, its header announces {needed}"
        raise DataError(msg, "copy or download the file again")
    return image


def stored_voxels(image: SpatialImage) -> Stored:
    """Voxels of an image without scaling; no copy when the image came through `open_image`.

    Raises:
        DataError: the file behind an image in memory cannot be read any more.
    """
    proxy = image.dataobj
    if not isinstance(proxy, ArrayProxy):
        return Stored(np.asanyarray(proxy), 1.0, 0.0)
    if isinstance(proxy.file_like, io.BytesIO):
        count = int(np.prod(proxy.shape))
        flat = np.frombuffer(proxy.file_like.getvalue(), proxy.dtype, count, proxy.offset)
        return Stored(flat.reshape(proxy.shape, order="F"), proxy.slope, proxy.inter)
    try:
        return Stored(proxy.get_unscaled(), proxy.slope, proxy.inter)
    except (OSError, EOFError) as error:
        msg = f"the voxels of {IN_MEMORY} cannot be read from its file: {error}"
        raise DataError(msg, "give the path instead") from error


def replace_stored(image: SpatialImage, stored: Stored) -> SpatialImage:
    """An image like `image`, same class, header and scaling, holding the stored voxels of `stored`."""
    if not isinstance(image.dataobj, ArrayProxy):
        return type(image)(stored.values, image.affine, image.header)
    values = stored.values
    spec = (values.shape, values.dtype, 0, stored.slope, stored.inter)
    proxy = ArrayProxy(io.BytesIO(values.tobytes(order="F")), spec, mmap=False)
    return type(image)(proxy, image.affine, image.header)


def affine_mm(image: SpatialImage) -> FloatArray:
    """The affine of the image [mm], whatever unit its header counts in."""
    return np.diag([unit_mm(image.header)] * 3 + [1.0]) @ np.asarray(image.affine, np.float64)


def grid_of(image: SpatialImage, name: str) -> Grid:
    """Shape and affine [mm] of the image.

    Raises:
        GeometryError: names the file and what is wrong with its affine, or the size of its voxels.
    """
    try:
        with np.errstate(all="ignore"):  # refused in a sentence
            grid = Grid(image.shape[:3], affine_mm(image))
            sides_mm = grid.spacing()
    except GeometryError as error:
        msg = f"'{name}': {error}"
        raise GeometryError(msg, error.hint or "repair the header of the image") from error
    low, high = _VOXEL_MM
    # Numbers of single precision may miss the limits by a little.
    if min(sides_mm) < low * 0.999 or max(sides_mm) > high * 1.001:
        sides = " x ".join(f"{side:.3g}" for side in sides_mm)
        msg = f"'{name}' has voxels of {sides} mm, expected sides of {low:g} to {high:g} mm"
        raise GeometryError(msg, "repair the voxel size in its header, or its unit (xyzt_units)")
    return grid


def patched_bytes(image: SpatialImage, where: BoolArray, raw: NDArray[Any]) -> bytearray:
    """The whole file of an image read by `open_image`, with the voxels `where` set to `raw`."""
    proxy = image.dataobj
    data = bytearray(proxy.file_like.getvalue())
    flat = np.frombuffer(data, proxy.dtype, int(np.prod(proxy.shape)), proxy.offset)
    flat.reshape(image.shape[:3], order="F")[where] = raw
    return data


@contextlib.contextmanager
def _nibabel_says(name: str, warn: Callable[[str], None]) -> Iterator[None]:
    """What nibabel logs or warns about while it opens a file is passed on with the name of the file, unless it fails."""
    logger, said = logging.getLogger("nibabel.global"), logging.Handler()
    lines: list[str] = []
    said.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    handlers, logger.handlers = logger.handlers, [said]
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
    finally:
        logger.handlers = handlers
    for text in dict.fromkeys([*lines, *(str(w.message) for w in caught)]):
        warn(f"the header of '{name}': {text}")


def _class_of(data: bytes, family: Family) -> Any:  # noqa: ANN401 - nibabel has no types here
    if family == "mgh":
        return nib.MGHImage
    return nib.Nifti1Image if data[344:348] == b"n+1\0" else nib.Nifti2Image


def _checked(image: SpatialImage, name: str) -> SpatialImage:
    if not isinstance(image, _CLASSES):
        msg = f"{name} is a {type(image).__name__}, expected Nifti1Image, Nifti2Image or MGHImage"
        raise DataError(msg, "convert it to Nifti1Image")
    shape = image.shape
    frames = int(np.prod(shape[3:]))
    if len(shape) < 3 or min(shape) < 1:
        msg = f"'{name}' has shape {shape}, expected three dimensions"
        raise DataError(msg, "give a 3-D image")
    if frames != 1:
        msg = f"'{name}' holds {frames} frames (shape {shape}), expected one"
        raise DataError(msg, "take one frame, or their mean, out of it first")
    dtype = image.dataobj.dtype
    if dtype.kind not in "iuf":
        kind = {"c": "complex numbers", "V": "colours (RGB)"}.get(dtype.kind, f"type {dtype}")
        msg = f"'{name}' holds {kind}, expected one real number per voxel"
        raise DataError(msg, "take the magnitude, or convert it to grey values first")
    return image


def _limits(dtype: np.dtype[Any]) -> tuple[float, float]:
    if dtype.kind == "f":
        info = np.finfo(dtype)
        return float(info.min), float(info.max)
    low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    # 2^63 - 1 has no float64; the next one below must be used, or the cast would overflow.
    return float(low), float(high) if int(float(high)) <= high else float(np.nextafter(high, 0))
