"""The folder of temporary files of one run, which takes along what any library leaves there."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

# Where matplotlib, which ANTsPy and pages load, keeps its list of fonts: else it would be the home folder.
_MATPLOTLIB = "MPLCONFIGDIR"


@contextlib.contextmanager
def own_temporary_folder() -> Iterator[None]:
    """Until the block ends, temporary files of this process and of its children lie in one folder; it goes with them.

    Nothing is left in the home folder either; a folder that the user chose for matplotlib is used.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="brainfill-", ignore_cleanup_errors=True)
    except OSError:  # there is none to be had, and most commands need none
        yield
        return
    with contextlib.ExitStack() as last:
        for _ in range(2):  # Ctrl-C may come in the midst of the first
            last.callback(folder.cleanup)
        last.callback(
            _point_to, tempfile.tempdir, {n: os.environ.get(n) for n in ("TMPDIR", _MATPLOTLIB)}
        )
        fonts = os.environ.get(_MATPLOTLIB, str(Path(folder.name) / "matplotlib"))
        _point_to(folder.name, {"TMPDIR": folder.name, _MATPLOTLIB: fonts})
        yield


def _point_to(folder: str | None, variables: Mapping[str, str | None]) -> None:
    """Say where temporary files go: to this process, and to its children."""
    tempfile.tempdir = folder
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
