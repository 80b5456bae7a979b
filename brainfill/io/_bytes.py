"""The bytes of image files: read whole, unpacked, recognised by content, packed reproducibly."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Literal

from brainfill.core.checksums import BLOCK, remember
from brainfill.core.context import ignore
from brainfill.core.errors import ConfigError, DataError, InputMissingError
from brainfill.core.inputs import UNSET, check_input

Family = Literal["nifti", "mgh"]

_SUFFIXES: dict[str, tuple[Family, bool]] = {
    ".nii": ("nifti", False),
    ".nii.gz": ("nifti", True),
    ".mgz": ("mgh", True),
    ".mgh": ("mgh", False),
}
# On 256^3 int16 heads level 4 took 0.2 to 0.65 s and level 6 took 0.3 to 2.1 s, for files of one size within 2 %.
_GZIP_LEVEL = 4
_GZIP = b"\x1f\x8b"
_WITH_HEADER = 31  # how zlib is told to expect gzip data
_LONGEST_HEADER = 540  # of NIfTI-2
_MOST_AFTER = 16 * 2**20  # MGH files keep tags after the voxels, of some kilobytes
_ANALYZE = (b"\x5c\x01\x00\x00", b"\x00\x00\x01\x5c")
_KNOWN_STARTS = {
    b"BZh": "bzip2 data",
    b"PK\x03\x04": "a zip archive",
    b"\x28\xb5\x2f\xfd": "zstd data",
    b"NRRD": "an NRRD image",
    b"\x89HDF": "HDF5 data, perhaps MINC",
    b"CDF": "NetCDF data, perhaps MINC",
    b"\x89PNG": "a PNG picture",
    b"version https://git-lfs": "a Git LFS pointer, not the file itself",
    b"/annex/objects/": "a git-annex pointer, not the file itself; git annex get fetches it",
}


def read_bytes(path: Path, warn: Callable[[str], None] = ignore) -> bytes:
    """Contents of an image file, unpacked if they are gzip data, whatever the name says.

    No more is unpacked than the header announces, and what may follow the voxels; all the file is read for its checksum.

    Args:
        path: of the file.
        warn: told about bytes that are left out.

    Raises:
        InputMissingError: the file is not there, no file on a disk, or cannot be read.
        DataError: the gzip data are cut short or damaged.
    """
    check_input(path)
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            blocks = _blocks(file, digest)
            first = next(blocks, b"")
            raw = itertools.chain([first], blocks)
            pieces = _unpacked(raw, path, warn) if first.startswith(_GZIP) else raw
            data = _collected(pieces, path, warn)
            for _ in blocks:  # the checksum is that of the whole file
                pass
    except OSError as error:
        msg = f"'{path}' cannot be read: {error.strerror}"
        raise InputMissingError(msg, "check the permissions and the disk") from error
    remember(path, digest.hexdigest())
    return data


def write_bytes(path: Path, data: bytes | bytearray, *, packed: bool) -> None:
    """Write bytes, as gzip data if `packed`; same bytes in, same file out (no name, no time)."""
    with path.open("wb") as file:
        if not packed:
            file.write(data)
            return
        with gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0) as stream:
            stream.write(data)


def family_of(data: bytes) -> Family | None:
    """Which image format the unpacked bytes are in; None for anything else."""
    if data[:4] in _ANALYZE and data[344:348] == b"n+1\0":
        return "nifti"
    if data[:4] in (b"\x1c\x02\x00\x00", b"\x00\x00\x02\x1c") and data[4:8] == b"n+2\0":
        return "nifti"
    return "mgh" if data[:4] == b"\x00\x00\x00\x01" and len(data) >= 284 else None


def output_format(out: Path) -> tuple[Family, bool]:
    """Format and packing that the name of an output file asks for.

    Raises:
        ConfigError: the name ends in none of the known suffixes.
    """
    for suffix, found in _SUFFIXES.items():
        if out.name.lower().endswith(suffix):
            return found
    if out.is_dir():
        msg = f"output '{out}' is a folder, expected the name of a file"
        raise ConfigError(
            msg, UNSET if out == Path() else f"name a file in it: {out / 'NAME.nii.gz'}"
        )
    msg = f"output '{out}' must end in .nii, .nii.gz or .mgz"
    raise ConfigError(msg, f"for example {out.name.split('.')[0]}.nii.gz")


def looks_like(data: bytes) -> str:
    """A few words on what the bytes of a file are that is no image; they quote nothing of it."""
    if not data:
        return "an empty file"
    for start, words in _KNOWN_STARTS.items():
        if data.startswith(start):
            return words
    if data[128:132] == b"DICM":
        return "a DICOM file; convert the series to NIfTI first"
    pair = data[344:348] == b"ni1\0" or data[4:8] == b"ni2\0"
    if pair or (data[:4] in _ANALYZE and len(data) == 348):
        return "the header of a .hdr/.img pair; convert it to one .nii file"
    head = data[:200].decode("latin-1").lstrip()
    if head[:5].lower() in ("<html", "<!doc"):
        return "a web page"
    if all(c.isprintable() or c.isspace() for c in head):
        return "text"
    return "data without the mark of a NIfTI or MGH image"


def _blocks(file: BinaryIO, digest: hashlib._Hash) -> Iterator[bytes]:
    while block := file.read(BLOCK):
        digest.update(block)
        yield block


def _unpacked(blocks: Iterable[bytes], path: Path, warn: Callable[[str], None]) -> Iterator[bytes]:
    """Pieces of all gzip members; what follows them is left out, as gzip does."""
    machine = zlib.decompressobj(_WITH_HEADER)
    for block in blocks:
        rest = block
        while rest:
            if machine.eof:
                rest = rest.lstrip(b"\0")  # padding
                if not rest:
                    break
                if not _GZIP.startswith(rest[:2]):
                    warn(f"'{path}' has other bytes after its gzip data, which were left out")
                    return
                machine = zlib.decompressobj(_WITH_HEADER)
            try:
                yield machine.decompress(rest, BLOCK)
            except zlib.error as error:
                msg = f"'{path}' cannot be unpacked: its gzip data are damaged"
                raise DataError(msg, "copy or download the file again") from error
            rest = machine.unused_data if machine.eof else machine.unconsumed_tail
    if not machine.eof:
        msg = f"'{path}' cannot be unpacked: its gzip data stop too early"
        raise DataError(msg, "copy or download the file again")


def _collected(pieces: Iterable[bytes], path: Path, warn: Callable[[str], None]) -> bytes:
    """The pieces together, up to `_MOST_AFTER` bytes after the last voxel."""
    from brainfill.io._header import announced_bytes  # nibabel is slow to load

    found, size = [], 0
    most: int | None = None
    for piece in pieces:
        found.append(piece)
        size += len(piece)
        if most is None and size >= _LONGEST_HEADER:
            end = announced_bytes(b"".join(found))
            if end is None:  # no image; its start says what it is
                break
            most = end + _MOST_AFTER
        if most is not None and size > most:
            warn(f"'{path}' goes on long after its last voxel; what follows was left out")
            return b"".join(found)[: most - _MOST_AFTER]
    return b"".join(found)
