"""Which files a command will write, and whether it may."""

from __future__ import annotations

import contextlib
import errno
import stat
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from brainfill.core.errors import ConfigError, InputMissingError
from brainfill.io.atomic import check_output, keep_free, make_folder, replacing
from brainfill.io.sidecar import beside
from brainfill.tasks._device import RunConfig


def check_inputs(paths: Sequence[Path]) -> None:
    """Refuse input files that are not there.

    Raises:
        InputMissingError: names the first one missing.
    """
    for path in paths:
        if path.is_symlink() and not path.exists():
            msg = f"'{path}' is a link to a file that is not there"
            raise InputMissingError(msg, "fetch it first (datalad get, git annex get)")
        if not path.is_file():
            msg = f"'{path}' {_what_instead(path)}"
            raise InputMissingError(msg, "check the path")


def check_outputs(outputs: Sequence[Path], inputs: Sequence[Path], *, force: bool) -> None:
    """Refuse outputs that cannot be written, are there already, or would replace an input.

    Args:
        outputs: files to be written.
        inputs: images that must stay as they are; so must the JSON files beside them.
        force: whether files that exist may be replaced.

    Raises:
        ConfigError: says which and why.
    """
    kept = {p.resolve(): p for image in inputs for p in (image, beside(image, ".json"))}
    seen: set[Path] = set()
    for path in outputs:
        check_output(path)
        place = path.resolve()
        if place in kept:
            msg = f"output '{path}' would replace the input '{kept[place]}'"
            raise ConfigError(msg, "choose another name; inputs are never replaced")
        if place in seen:
            msg = f"two outputs have the name '{path}'"
            raise ConfigError(msg, "give each output a name of its own")
        seen.add(place)
        if path.exists() and not force:
            msg = f"output '{path}' exists already"
            raise ConfigError(msg, "replace it with --force, or choose another name with -o")
    if not force:
        keep_free(outputs)


@contextlib.contextmanager
def new_folders(folders: Iterable[Path]) -> Iterator[None]:
    """Make folders; whatever goes wrong inside, those that were not there before go again if they are empty."""
    with contextlib.ExitStack() as undo:
        for folder in folders:
            for missing in [p for p in (*reversed(folder.parents), folder) if not p.exists()]:
                undo.callback(_remove_empty, missing)  # first, for a signal may come in between
                make_folder(missing)
            make_folder(folder)
        yield
        undo.pop_all()


def write_page(html: str, path: Path) -> None:
    """Write a page, completely or not at all.

    Raises:
        ConfigError: the file cannot be written.
    """
    with replacing(path) as temporary:
        # Names that are no text, as of files from old disks, are shown as far as they are.
        temporary.write_text(html, encoding="utf-8", errors="replace")


def command_line() -> list[str]:
    """The words of the command, as they were typed."""
    return ["brainfill", *sys.argv[1:]]


def _what_instead(path: Path) -> str:
    """What is there where a file is expected."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        gone = error.errno in (errno.ENOENT, errno.ENOTDIR)
        return "does not exist" if gone else f"cannot be reached: {error.strerror}"
    if stat.S_ISDIR(mode):
        return "is a folder, expected a file"
    if stat.S_ISFIFO(mode):
        return "is a pipe, expected a file: inputs are read more than once"
    return "is a device or a socket, expected a file"


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # somebody put something there
        folder.rmdir()


def runtime(began: float, run: RunConfig) -> dict[str, float]:
    """What the record says of the time since `began`; nothing if the same run is to write the same bytes."""
    return {} if run.deterministic else {"RuntimeSeconds": round(time.monotonic() - began, 2)}
