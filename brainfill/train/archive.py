"""Opening packed training data: one compressed array file, never pickle."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from brainfill.core.errors import DataError, InputMissingError
from brainfill.core.grid import BoolArray

FORMAT = 1
_DAMAGE = (zipfile.BadZipFile, zlib.error, AttributeError, RuntimeError)


@contextmanager
def opened(path: Path, what: str, how: str) -> Iterator[tuple[dict[str, Any], Mapping[str, Any]]]:
    """What a pack says of itself and its arrays by name, as long as the file is open.

    Args:
        path: the file.
        what: it ought to be, for messages.
        how: it is made, for hints.

    Raises:
        InputMissingError: the file is not there.
        DataError: it is of another kind or format, cut short or damaged.
    """
    if not path.is_file():
        msg = f"no packed training data at '{path}'"
        raise InputMissingError(msg, how)
    try:
        # Opened by us, since numpy leaves a file open that turns out not to be a zip archive.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            about = json.loads(bytes(file["about"]))
            if about["format"] != FORMAT:
                msg = f"'{path}' has pack format {about['format']}, expected {FORMAT}"
                raise DataError(msg, "pack the data again with this version")
            yield about, file
    # What numpy, zipfile, zlib and json raise for files of another kind, cut short or damaged.
    except (OSError, EOFError, KeyError, TypeError, ValueError, *_DAMAGE) as error:
        msg = f"'{path}' is not {what}: {error}"
        raise DataError(msg, how) from error


def kind_of(path: Path) -> str:
    """What a pack says it holds; "" for volumes that any hole may be cut into.

    Raises:
        InputMissingError: the file is not there.
        DataError: it is no pack.
    """
    with opened(
        path, "packed training data", "make it with: brainfill train pack DATA -o PACK.npz"
    ) as (about, _):
        return str(about.get("kind", ""))


def shape_arrays(shapes: Sequence[BoolArray]) -> dict[str, np.ndarray]:
    """Arrays (D, H, W) of flags as members of a pack."""
    # One bit per voxel in one array: thousands of tiny members would make the file slow to open.
    bits = [s.ravel() for s in shapes] or [np.zeros(0, bool)]
    sizes = np.array([s.shape for s in shapes], dtype=np.int32).reshape(-1, 3)
    return {"shape_sizes": sizes, "shape_bits": np.packbits(np.concatenate(bits))}


def shapes_of(file: Mapping[str, Any]) -> list[BoolArray]:
    """What `shape_arrays` made members of."""
    sizes, bits = file["shape_sizes"], file["shape_bits"]
    ends = np.cumsum(sizes.prod(axis=1))
    flat = np.unpackbits(bits, count=int(ends[-1]) if len(ends) else 0).astype(bool)
    return [part.reshape(s) for part, s in zip(np.split(flat, ends[:-1]), sizes, strict=False)]
