"""Checksums of inputs for the record: those of the bytes that were read, though the file may change afterwards."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from brainfill.core.errors import InputMissingError

BLOCK = 1 << 20
_READ: dict[str, str] = {}  # by absolute path; each reading replaces what an earlier one saw


def remember(path: str | Path, digest: str) -> None:
    """Note the checksum of the bytes that were just read from a file."""
    _READ[os.path.abspath(path)] = digest  # noqa: PTH100 - Path.absolute() keeps "..", so one file had two names


def forget() -> None:
    """Begin a run: what an earlier one of this process read may have changed since."""
    _READ.clear()


def sha256_as_read(path: str | Path) -> str:
    """SHA-256 of what this process read last from a file; a file that it has not read is read now.

    Raises:
        InputMissingError: the file was never read, and cannot be.
    """
    if known := _READ.get(os.path.abspath(path)):  # noqa: PTH100
        return known
    digest = hashlib.sha256()
    try:
        with Path(path).open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
    except OSError as error:
        msg = f"'{path}' cannot be read: {error.strerror}"
        raise InputMissingError(msg, "check the path") from error
    return digest.hexdigest()
