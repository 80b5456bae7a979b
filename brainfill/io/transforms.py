"""Transform files of users, read and checked here: ANTs takes damaged ones without a word.

A field of displacements is an image (X, Y, Z, 1, 3) of ITK's millimetres (LPS); a matrix file holds one transform, as
text or as MATLAB's format 4; a composite is HDF5, which ANTs reads itself.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import nibabel as nib
import numpy as np
from nibabel.spatialimages import SpatialImage

from brainfill.core.context import Context
from brainfill.core.errors import DataError
from brainfill.core.grid import FloatArray, Grid
from brainfill.io._bytes import read_bytes
from brainfill.io._header import repaired
from brainfill.io._image import grid_of, image_from
from brainfill.preprocess.transforms import Transform, check_invertible, suffix_of

_TITLE = "#Insight Transform File"
_VECTORS = (1006, 1007)  # NIfTI's intent codes of displacements and vectors
_FARTHEST_MM = 1e4
_OBLIQUE = 1e-3  # cosine between two axes of a grid, more than rounding in a header makes of 0
_MATRIX_KINDS = ("AffineTransform", "MatrixOffsetTransformBase")
_MOST_BYTES = 2**20  # a matrix has some hundred
_MAT_TYPES = {0: "d", 10: "f", 1000: "d", 1010: "f"}  # from 1000 on with the big end first
_ANTS = "give a transform of ANTs or of brainfill preprocess"
_AGAIN = "copy the file again, or have it written again"


class _Part(NamedTuple):
    """One transform of a matrix file, as ITK names and numbers it."""

    kind: str
    parameters: list[float]
    fixed: list[float]


def read_transform(path: Path, ctx: Context) -> Transform:
    """The transform in a file, sound.

    Args:
        path: ends in .txt, .tfm, .mat, .nii, .nii.gz or .h5.
        ctx: threads of ANTs; told of doubts about a field.

    Raises:
        ConfigError: its name has another ending.
        InputMissingError: it is not there or cannot be read.
        DataError: it is damaged or cut short, holds something else or several transforms, or maps space to a plane.
    """
    suffix = suffix_of(path)
    found = Transform(suffix, read_bytes(path, ctx.warn), str(path))
    if suffix in (".nii", ".nii.gz"):
        return replace(found, suffix=".nii", data=_sound_field(found, ctx.warn))
    if found.linear:
        _check_matrix_file(found)
    check_invertible(found, ctx)
    return found


def _sound_field(transform: Transform, warn: Callable[[str], None]) -> bytes:
    """A field as ANTs reads it without mistakes: float numbers without scaling, or just what the file holds."""
    name = transform.name
    data = repaired(transform.data, name, warn)
    image = image_from(data, name, warn)
    if image.ndim != 5 or image.shape[3:] != (1, 3):
        msg = f"'{name}' is no displacement field: its shape is {image.shape}, expected (X, Y, Z, 1, 3)"
        raise DataError(msg, _ANTS)
    header = image.header
    if (intent := int(header["intent_code"])) not in _VECTORS:
        msg = f"'{name}' does not say that it is a displacement field: its intent code is {intent}, expected 1007"
        raise DataError(msg, _ANTS)
    if not (header["qform_code"] or header["sform_code"]):
        msg = f"the displacement field '{name}' does not say where it lies: qform and sform codes are 0"
        raise DataError(msg, _ANTS)
    if (unit := header.get_xyzt_units()[0]) not in ("mm", "unknown"):
        msg = f"the displacement field '{name}' is in units of {unit}, expected mm"
        raise DataError(msg, _ANTS)
    _check_axes(grid_of(image, name), name)
    values = np.asarray(image.dataobj)
    _check_displacements(values, name)
    return data if _plain(image) else _rewritten(image, values)


def _check_axes(grid: Grid, name: str) -> None:
    cosines = grid.affine[:3, :3] / np.asarray(grid.spacing())
    if np.abs(cosines.T @ cosines - np.eye(3)).max() > _OBLIQUE:
        msg = f"the axes of the displacement field '{name}' are not at right angles, which ITK does not know"
        raise DataError(msg, _ANTS)


def _check_displacements(values: FloatArray, name: str) -> None:
    # NaN is not below anything.
    wrong = int(np.count_nonzero(~(np.abs(values) <= _FARTHEST_MM)))
    if wrong:
        msg = (
            f"the displacement field '{name}' is damaged: {wrong} of {values.size} numbers are not finite or "
            f"above {_FARTHEST_MM / 1000:g} m"
        )
        raise DataError(msg, _AGAIN)


def _plain(image: SpatialImage) -> bool:
    """Whether ITK reads the field as nibabel does: it fails on scaled vectors, and knows no NIfTI-2."""
    scaling = (image.dataobj.slope, image.dataobj.inter)
    return scaling == (1.0, 0.0) and not isinstance(image, nib.Nifti2Image)


def _rewritten(image: SpatialImage, values: FloatArray) -> bytes:
    field = nib.Nifti1Image(values.astype(np.float32), image.affine)
    field.header.set_xyzt_units("mm")
    field.header["intent_code"] = image.header["intent_code"]
    field.set_qform(image.affine, "scanner")
    field.set_sform(image.affine, "scanner")
    return bytes(field.to_bytes())


def _check_matrix_file(transform: Transform) -> None:
    name = transform.name
    if len(transform.data) > _MOST_BYTES:
        msg = f"'{name}' has {len(transform.data)} bytes, a matrix some hundred"
        raise DataError(msg, _ANTS)
    parts = _mat_parts if transform.suffix == ".mat" else _text_parts
    try:
        found = parts(transform.data)
    except (ValueError, struct.error) as error:
        msg = f"'{name}' holds no transform that ANTs can read"
        raise DataError(msg, f"{_ANTS}; c3d_affine_tool converts matrices of FSL") from error
    if len(found) != 1:
        msg = f"'{name}' holds {len(found)} transforms, expected one"
        raise DataError(
            msg, "give each transform in a file of its own, or all of them in an .h5 file"
        )
    kind, parameters, fixed = found[0]
    if not kind.endswith("_3_3"):
        msg = f"'{name}' holds no transform between 3-D images"
        raise DataError(msg, _ANTS)
    # NaN is not below anything.
    if not (np.abs([*parameters, *fixed]) <= _FARTHEST_MM * 100).all():
        msg = f"the transform '{name}' holds numbers that are not finite, or beyond {_FARTHEST_MM * 100:g}"
        raise DataError(msg, _AGAIN)
    counts = (len(parameters), len(fixed))
    if kind.startswith(_MATRIX_KINDS) and counts != (12, 3):
        msg = f"the matrix '{name}' has {counts[0]} parameters and {counts[1]} fixed ones, expected 12 and 3"
        raise DataError(msg, _AGAIN)


def _text_parts(data: bytes) -> list[_Part]:
    """The transforms in a text file of ITK."""
    text = data.decode("ascii")
    if not text.startswith(_TITLE):
        raise ValueError(_TITLE)
    found: list[_Part] = []
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key == "Transform":
            found.append(_Part(value.strip(), [], []))
        elif key == "Parameters" and found:
            found[-1].parameters.extend(map(float, value.split()))
        elif key == "FixedParameters" and found:
            found[-1].fixed.extend(map(float, value.split()))
    return found


def _mat_parts(data: bytes) -> list[_Part]:
    """The transforms in a file of MATLAB 4: for each a column named by its kind, then one named "fixed"."""
    columns: list[tuple[str, list[float]]] = []
    at = 0
    while at < len(data):
        # A header of five numbers, the name with a zero at its end, the column.
        order = "<" if data[at + 2 : at + 4] == b"\0\0" else ">"
        code, rows, width, imaginary, length = struct.unpack_from(f"{order}5i", data, at)
        kind = _MAT_TYPES.get(code)
        if kind is None or width != 1 or imaginary or not 0 <= rows <= len(data) or length < 1:
            raise ValueError(code)
        name = struct.unpack_from(f"{length}s", data, at + 20)[0].rstrip(b"\0").decode("ascii")
        at += 20 + length
        columns.append((name, list(struct.unpack_from(f"{order}{rows}{kind}", data, at))))
        at += rows * struct.calcsize(kind)
    kinds, fixed = columns[::2], columns[1::2]
    if len(kinds) != len(fixed) or any(name != "fixed" for name, _ in fixed):
        raise ValueError([name for name, _ in columns])
    return [_Part(name, of, to) for (name, of), (_, to) in zip(kinds, fixed, strict=True)]
