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
    before, variable = tempfile.tempdir, os.environ.get("TMPDIR")
    with folder as name:
        tempfile.tempdir = os.environ["TMPDIR"] = name
        try:
            yield
        finally:
            tempfile.tempdir = before
            if variable is None:
                del os.environ["TMPDIR"]
            else:
                os.environ["TMPDIR"] = variable
