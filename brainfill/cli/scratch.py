"""The folder of temporary files of one run, which takes along what any library leaves there."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def own_temporary_folder() -> Iterator[None]:
    """Until the block ends, temporary files of this process and of its children lie in one folder; it goes with them."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="brainfill-", ignore_cleanup_errors=True)
    except OSError:  # there is none to be had, and most commands need none
        yield
        return
    with contextlib.ExitStack() as last:
        for _ in range(2):  # Ctrl-C may come in the midst of the first
            last.callback(folder.cleanup)
        last.callback(_point_to, tempfile.tempdir, os.environ.get("TMPDIR"))
        _point_to(folder.name, folder.name)
        yield


def _point_to(folder: str | None, variable: str | None) -> None:
    """Say where temporary files go: to this process, and to its children."""
    tempfile.tempdir = folder
    if variable is None:
        os.environ.pop("TMPDIR", None)
    else:
        os.environ["TMPDIR"] = variable
