"""Output files that are either complete or not there, and their folders."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

from brainfill.core.errors import ConfigError

# What the system may refuse: the words for it, and what the user can do.
_REFUSALS = {
    errno.EACCES: ("it is not writable", "choose another folder with -o, or ask for access"),
    errno.EPERM: ("it is not writable", "choose another folder with -o, or ask for access"),
    errno.EROFS: ("its file system is read-only", "choose another folder with -o"),
    errno.ENOSPC: ("the disk is full", "make room, or choose another folder with -o"),
    errno.EDQUOT: ("your disk quota is used up", "make room, or choose another folder with -o"),
    errno.EFBIG: ("the file grew larger than allowed", "choose another folder with -o"),
    errno.ENAMETOOLONG: ("its name is too long", "choose a shorter name"),
}

# Of file systems that have no second name for a file, such as those of memory cards.
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
# Outputs that were not there when the command began, and that it does not have yet: whoever comes first gets the name.
_FREE: set[Path] = set()


def keep_free(outputs: Iterable[Path]) -> None:
    """From now on, refuse to replace these files, which are not there, should another process write them."""
    _FREE.update(outputs)


@contextlib.contextmanager
def all_or_none(paths: Iterable[Path]) -> Iterator[None]:
    """Whatever goes wrong inside, none of the files that were not there before stays behind.

    Files that another process has written meanwhile are left to it.
    """
    with contextlib.ExitStack() as undo:
        for path in paths:
            if not path.exists():
                undo.callback(_unwrite, path)
        yield
        undo.pop_all()


@contextlib.contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """Give a temporary path beside `out`; it becomes `out` when the block ends well.

    Whatever ends the block early, Ctrl-C included, removes the temporary file and leaves an older `out` as it was.

    Args:
        out: the wanted file; its folder must exist. An existing file is replaced, unless `keep_free` said otherwise.

    Yields:
        path of an empty file in the same folder, with the same suffixes.

    Raises:
        ConfigError: the folder is missing or not writable, `out` is a folder, the disk is full, or another process was
            first.
    """
    out = Path(out)
    check_output(out)
    temporary = out.with_name(f".part-{secrets.token_hex(4)}-{out.name}")
    with _sentences(out):
        try:
            _create(temporary, out)
            yield temporary
            _to_disk(temporary)
            _name(temporary, out)
        finally:
            with contextlib.suppress(OSError):  # the reason it was never made is on its way already
                temporary.unlink(missing_ok=True)


def make_folder(folder: Path, hint: str = "choose another folder") -> None:
    """Make a folder, and those above it, unless it is there.

    Args:
        folder: the wanted one.
        hint: what the user can do where it cannot be made.

    Raises:
        ConfigError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"folder '{folder}' cannot be made: {error.strerror}"
        raise ConfigError(msg, hint) from error


def check_output(out: Path) -> None:
    """Refuse an output path whose folder is missing, or that is itself a folder, a device or a pipe.

    Raises:
        ConfigError: says which.
    """
    folder = out.parent
    if out.is_dir():
        msg = f"cannot write '{out}': it is a folder"
        raise ConfigError(msg, "name a file inside it")
    if out.exists() and not out.is_file():  # as root, a file would take the place of /dev/null
        msg = f"cannot write '{out}': it is a device or a pipe, expected a file"
        raise ConfigError(msg, "choose another name; it must be possible to read the output again")
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        msg = f"cannot write '{out}': '{folder}' {what}"
        raise ConfigError(msg, f"create it first: mkdir -p '{folder}'")
    if not os.access(folder, os.W_OK | os.X_OK):
        reason, hint = _REFUSALS[errno.EACCES]
        msg = f"cannot write '{out}': folder '{folder}': {reason}"
        raise ConfigError(msg, hint)


@contextlib.contextmanager
def _sentences(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        reason, hint = _REFUSALS[error.errno]
        msg = f"cannot write '{out}': {reason}"
        raise ConfigError(msg, hint) from error


def _create(temporary: Path, out: Path) -> None:
    try:
        temporary.touch(exist_ok=False)
    except FileNotFoundError as error:  # the folder went away, or is one like /proc
        msg = f"cannot write '{out}': its folder takes no new files"
        raise ConfigError(msg, "choose another folder with -o") from error


def _name(temporary: Path, out: Path) -> None:
    """Give the file its name, which nobody else has got meanwhile if it is to be kept free."""
    if out not in _FREE:
        temporary.replace(out)
        return
    try:
        os.link(temporary, out)
    except OSError as error:
        if error.errno in _NO_LINKS and not out.exists():
            temporary.replace(out)
        elif error.errno in (*_NO_LINKS, errno.EEXIST):
            msg = f"'{out}' was written by another run meanwhile, and is left as it is"
            raise ConfigError(
                msg, "replace it with --force, or choose another name with -o"
            ) from None
        else:
            raise
    _FREE.discard(out)


def _unwrite(path: Path) -> None:
    """Remove an output of this process."""
    if path not in _FREE:
        path.unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    # A network disk or a quota may refuse the bytes only now; better before the file has its name.
    with path.open("rb+") as file:
        os.fsync(file.fileno())
