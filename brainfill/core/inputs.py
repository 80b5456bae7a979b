"""Whether a path that was given as an input is a file at all."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from brainfill.core.errors import InputMissingError

UNSET = "an empty path means this too: is a shell variable unset?"


def check_input(path: Path) -> None:
    """Refuse an input that is not a file on a disk.

    Raises:
        InputMissingError: it is not there, cannot be reached, or is a folder, a pipe or a device.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        what, hint = _trouble(path, error)
        msg = f"'{path}' {what}"
        raise InputMissingError(msg, hint) from error
    if stat.S_ISDIR(mode):
        msg = f"'{path}' is a folder, expected a file"
        raise InputMissingError(msg, UNSET if path == Path() else "name the file inside it")
    # The standard input may be a file of its own, but has no name that an output could be named after.
    if not stat.S_ISREG(mode) or (path.parts[:2] == ("/", "dev") and path.parts[2:3] != ("shm",)):
        msg = f"'{path}' is a pipe or a device, expected a file on a disk"
        raise InputMissingError(msg, "write what comes through it to a file first, and name that")


def is_file(path: Path) -> bool:
    """Whether a file is there and can be reached; `Path.is_file` raises where a folder may not be entered."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: Path) -> bool:
    """Whether a folder is there and can be reached, as `is_file`."""
    return os.path.isdir(path)  # noqa: PTH112


def unexpanded_home(path: Path) -> bool:
    """Whether the path begins with a `~` that no shell has replaced, as in `--out=~/x`."""
    return bool(path.parts) and path.parts[0].startswith("~") and not Path(path.parts[0]).exists()


def tilde_hint(path: Path) -> str:
    """What to write instead of such a path."""
    return f"the shell replaces '~' only at the start of a word: leave a blank before {path}, or write $HOME"


def _trouble(path: Path, error: OSError) -> tuple[str, str]:
    if error.errno == errno.ELOOP:
        return "is a link that leads back to itself", "repair the link"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "lies in a folder that may not be entered", "ask for access to the folder"
    if error.errno == errno.ENOENT and path.is_symlink():
        hint = "fetch it first (datalad get, git annex get) or repair the link"
        return "is a link to a file that is not there", hint
    if error.errno not in (errno.ENOENT, errno.ENOTDIR):
        return f"cannot be read: {error.strerror}", "check the path"
    return "does not exist", tilde_hint(path) if unexpanded_home(path) else "check the path"
