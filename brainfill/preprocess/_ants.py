"""The border to ANTsPy: its threads, its images and their LPS coordinates stay behind it."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainfill.core.context import Context
from brainfill.core.grid import Grid

_THREADS = "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"
# Atropos draws a seed of its own, whatever ANTsPy was told, unless it is told not to seed by the clock.
ATROPOS_SEED = "0"
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])  # RAS+ millimetres to ITK's and back


def load_ants(ctx: Context) -> Any:  # noqa: ANN401 - ANTsPy has no types
    """ANTsPy, seeded, with the threads of the run.

    ITK reads its number of threads once per process; a later wish for another number can only be warned about.
    """
    wanted = str(ctx.threads_taken) if ctx.threads_taken else None
    if wanted and os.environ.get(_THREADS) != wanted:
        if "ants" in sys.modules:
            ctx.warn(f"ANTs runs already in this process, and cannot change to {wanted} threads")
        else:
            os.environ[_THREADS] = wanted
    import ants

    # Its seed 0 means the clock. With False nothing but the seed is set.
    ants.config.set_ants_deterministic(False, ctx.seed + 1)
    return ants


def has_one_thread() -> bool:
    """Whether ANTsPy, once loaded, has one thread in this process."""
    return os.environ.get(_THREADS) == "1"


def to_ants(ants: Any, data: NDArray[Any], grid: Grid) -> Any:  # noqa: ANN401 - ANTsPy has no types
    """An ANTs image.

    Args:
        ants: the package.
        data: (X, Y, Z), any real type.
        grid: where `data` is.
    """
    spacing = np.asarray(grid.spacing())
    affine = LPS @ grid.affine
    return ants.from_numpy(
        np.ascontiguousarray(data, np.float32),
        origin=tuple(affine[:3, 3]),
        spacing=tuple(spacing),
        direction=affine[:3, :3] / spacing,
    )


def ants_version() -> str:
    """The version of ANTsPy, without loading it."""
    from importlib.metadata import version

    return version("antspyx")


@contextmanager
def own_temporary_files() -> Iterator[None]:
    """Have what ANTsPy leaves in the folder of temporary files removed."""
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="brainfill-") as folder:
        tempfile.tempdir = folder
        try:
            yield
        finally:
            tempfile.tempdir = before


@contextmanager
def silenced() -> Iterator[None]:
    """Drop what ITK writes straight to the terminal, whoever holds it; what it raises says the same."""
    with open(os.devnull, "wb") as nowhere, ExitStack() as undo:  # noqa: PTH123 - os.devnull is no path of ours
        for stream in (1, 2):
            with suppress(OSError):  # a closed one shows nothing anyway
                kept = os.dup(stream)
                undo.callback(os.close, kept)
                undo.callback(os.dup2, kept, stream)
                os.dup2(nowhere.fileno(), stream)
        yield
