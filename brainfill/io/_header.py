"""What the header of an image file announces, and what is put right in it before it is believed."""

from __future__ import annotations

from collections.abc import Callable

import nibabel as nib
import numpy as np

from brainfill.core.errors import DataError
from brainfill.io._bytes import family_of

_UNITS_MM = {
    1: 1000.0,
    2: 1.0,
    3: 0.001,
}  # metre, millimetre, micron; all others mean nothing known
_MGH_OFFSET = 284
_MGH_BYTES = {0: 1, 1: 4, 3: 4, 4: 2, 10: 2}


def nifti_header(data: bytes) -> nib.Nifti1Header | None:
    """The header of a single NIfTI file, unchecked; None for other bytes, or too few."""
    if family_of(data) != "nifti":
        return None
    kind = nib.Nifti1Header if data[344:348] == b"n+1\0" else nib.Nifti2Header
    if len(data) < kind.sizeof_hdr:
        return None
    return kind(data[: kind.sizeof_hdr], "<" if data[0] else ">", check=False)


def announced_bytes(start: bytes) -> int | None:
    """How many bytes a file has up to its last voxel, by the header at its start; None if there is none."""
    if family_of(start) == "mgh":
        *shape, code = np.frombuffer(start, ">i4", 5, 4).tolist()
        return _MGH_OFFSET + _product(shape) * _MGH_BYTES.get(code, 4)
    header = nifti_header(start)
    if header is None:
        return None
    count = min(max(int(header["dim"][0]), 1), 7)
    offset = float(header["vox_offset"])
    first = int(offset) if np.isfinite(offset) else 0
    bytes_each = nib.nifti1.data_type_codes.dtype.get(int(header["datatype"]), np.dtype("f8"))
    voxels = _product(header["dim"][1 : 1 + count].tolist())
    end: int = max(first, header.single_vox_offset) + voxels * np.dtype(bytes_each).itemsize
    return end


def repaired(data: bytes, name: str, warn: Callable[[str], None]) -> bytes:
    """The bytes of an image with two omissions put right that every viewer overlooks.

    A voxel offset of 0 becomes the first possible one, and an axis after the third that has length 0 gets length 1.

    Args:
        data: unpacked contents of a file, of any kind.
        name: of the file, for messages.
        warn: told what was put right.

    Raises:
        DataError: the voxels are said to lie where they cannot.
    """
    header = nifti_header(data)
    if header is None:
        return data
    size, least = header.sizeof_hdr, header.single_vox_offset
    offset = float(header["vox_offset"])
    possible = np.isfinite(offset) and least <= offset <= len(data) and offset == int(offset)
    has_notes = data[size : size + 1] not in (b"", b"\0")
    if offset == 0 and not has_notes:
        header["vox_offset"] = least
        warn(f"the header of '{name}' says that voxels begin at byte 0; byte {least} is taken")
    elif not possible:
        msg = (
            f"the header of '{name}' says that voxels begin at byte {offset:.10g}, "
            f"expected a whole number from {least} to the end of the file, {len(data)}"
        )
        raise DataError(msg, "repair vox_offset in the header, or convert the image again")
    dim = header["dim"]
    empty = [i for i in range(4, min(max(int(dim[0]), 0), 7) + 1) if dim[i] == 0]
    if empty:
        dim[empty] = 1
        warn(f"the header of '{name}' gives axis {empty[0]} the length 0; 1 is taken")
    block = header.binaryblock
    return data if block == data[:size] else block + data[size:]


def unit_mm(header: object) -> float:
    """The unit of length of a header [mm]; 1 where none is known."""
    if not isinstance(header, nib.Nifti1Header):
        return 1.0
    return _UNITS_MM.get(int(header["xyzt_units"]) & 7, 1.0)


def place_is_a_guess(header: object) -> bool:
    """Whether a header does not say which way its axes run."""
    if isinstance(header, nib.Nifti1Header):
        return int(header["qform_code"]) == 0 and int(header["sform_code"]) == 0
    return isinstance(header, nib.freesurfer.mghformat.MGHHeader) and not header["goodRASFlag"]


def _product(lengths: list[int]) -> int:
    total = 1
    for length in lengths:
        total *= max(int(length), 1)
    return total
