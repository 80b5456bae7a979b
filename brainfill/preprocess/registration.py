"""Registration by ANTs: the transforms that lay one image on another, both ways."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from brainfill.core.context import Context
from brainfill.core.errors import DataError
from brainfill.core.grid import BoolArray, Grid
from brainfill.core.volume import Mask, Volume
from brainfill.preprocess._ants import load_ants, to_ants
from brainfill.preprocess.linear import Pair, linear
from brainfill.preprocess.steps.resample import resample_to, resampled_grid
from brainfill.preprocess.transforms import Transform, linear_transform, matrix_of

Kind = Literal["rigid", "affine", "syn"]
Effort = Literal["fast", "balanced", "best"]

# Iterations at shrink factors 6, 4, 2, 1. On 1 mm brains the third level costs most of the time, and what it adds
# after 100 iterations was below 0.004 of overlap; pipelines/benchmark has the figures.
_LINEAR: dict[Effort, tuple[int, ...]] = {
    "fast": (2100, 1200, 0, 0),
    "balanced": (1000, 500, 100, 0),
    "best": (2100, 1200, 1200, 10),
}
# At shrink factors 4, 2, 1.
_DEFORM: dict[Effort, tuple[int, ...]] = {
    "fast": (40, 10, 0),
    "balanced": (40, 20, 0),
    "best": (100, 70, 20),
}
_REPRODUCIBLE = {"rigid": "r", "affine": "a", "syn": "s"}
# The moving brain needs background around it to slide over: on phantoms laid down by eight seeds, 10 mm halved the
# registrations that succeeded.
_FIXED_MARGIN_MM, _MOVING_MARGIN_MM = 10.0, 20.0
# Tissues fall on each other no better by voxels finer than this, and the pyramids above are made for it.
_FINEST_MM = 1.0
_MUCH_FINER = 0.8


@dataclass(frozen=True)
class Registration:
    """A moving image laid on a fixed one.

    Args:
        forward: carries images from the moving grid to the fixed one.
        backward: carries images from the fixed grid to the moving one.
    """

    forward: Transform
    backward: Transform


def register(
    fixed: Volume,
    fixed_brain: BoolArray | None,
    moving: Volume,
    ignored: Mask | None,
    kind: Kind,
    effort: Effort,
    ctx: Context,
    *,
    same_contrast: bool = True,
) -> Registration:
    """Lay `moving` on `fixed`, first by centres of mass, then by mutual information.

    Args:
        fixed: image that stays; only the part around `fixed_brain` is looked at.
        fixed_brain: (X, Y, Z) on its grid, or None for the whole image.
        moving: image to be moved; of a stripped one only the part around the brain is looked at.
        ignored: voxels of the moving image that have no counterpart, as lesions (cost-function masking, Brett
            2001, https://doi.org/10.1006/nimg.2001.0845).
        kind: rigid, affine, or affine and then SyN.
        effort: how long to iterate.
        ctx: seed, threads, work folder; `deterministic` takes ANTs' reproducible variants, which compare by
            correlation, if both images have `same_contrast`.
        same_contrast: whether equal tissue is equally bright in both.

    Raises:
        DataError: ANTs finds no registration; its files stay in the work folder.
        ExternalError: the process that registers ended early.
    """
    ants = load_ants(ctx)
    target = _seen(fixed, fixed_brain, _FIXED_MARGIN_MM)
    source = _seen(moving, moving.data != 0, _MOVING_MARGIN_MM)
    pair = Pair(target, source, _counted(source.grid, ignored))
    with _folder(ctx) as folder:
        try:
            if ctx.deterministic and same_contrast:
                name = f"antsRegistrationSyNQuickRepro[{_REPRODUCIBLE[kind]}]"
                run = ants.registration(
                    *pair.images(ants),
                    type_of_transform=name,
                    outprefix=f"{folder}/",
                    **pair.masks(ants),
                )
            else:
                run = _by_information(ants, pair, kind, effort, folder, ctx)
        except RuntimeError as error:
            msg = f"the {kind} registration failed: ANTs gives up"
            raise DataError(msg, "look at the images in a viewer; do both show a head?") from error
        return _both_ways(ants, run, fixed.grid, moving.grid, ctx, folder)


def _by_information(
    ants: Any,  # noqa: ANN401 - ANTsPy has no types
    pair: Pair,
    kind: Kind,
    effort: Effort,
    folder: Path,
    ctx: Context,
) -> dict[str, Any]:
    matrix = str(
        linear(pair, "Rigid" if kind == "rigid" else "Affine", _LINEAR[effort], folder, ctx)
    )
    if kind != "syn":
        return {"fwdtransforms": [matrix], "invtransforms": [matrix]}
    deformed: dict[str, Any] = ants.registration(
        *pair.images(ants),
        type_of_transform="SyNOnly",
        initial_transform=[matrix],
        outprefix=f"{folder}/deformed",
        reg_iterations=_DEFORM[effort],
        **pair.masks(ants),
    )
    return deformed


def _both_ways(
    ants: Any,  # noqa: ANN401 - ANTsPy has no types
    run: dict[str, Any],
    fixed: Grid,
    moving: Grid,
    ctx: Context,
    folder: Path,
) -> Registration:
    forward, backward = run["fwdtransforms"], run["invtransforms"]
    if len(forward) == 1:
        matrix = matrix_of(Transform.load(Path(forward[0])), ctx)
        return Registration(linear_transform(matrix), linear_transform(np.linalg.inv(matrix)))
    # The matrix is part of the field, so that either way is a single file.
    there = _field(ants, _coarse_enough(fixed), forward, [False, False], f"{folder}/forward")
    back = _field(ants, _coarse_enough(moving), backward, [True, False], f"{folder}/backward")
    return Registration(there, back)


def _field(
    ants: Any,  # noqa: ANN401 - ANTsPy has no types
    grid: Grid,
    files: list[str],
    invert: list[bool],
    prefix: str,
) -> Transform:
    empty = to_ants(ants, np.zeros(grid.shape, np.float32), grid)
    path = ants.apply_transforms(
        empty, empty, files, whichtoinvert=invert, compose=prefix, singleprecision=True
    )
    return Transform.load(Path(path))


def _seen(image: Volume, where: BoolArray | None, margin_mm: float) -> Volume:
    """The part of an image that is compared, in voxels that are not much finer than 1 mm."""
    grid = image.grid
    if where is not None and where.any():
        grid = grid.crop(grid.box_around(where, margin_mm))
    grid = _coarse_enough(grid)
    return Volume(resample_to(image.data, image.grid, grid, 1), grid)


def _coarse_enough(grid: Grid) -> Grid:
    fine = max(grid.spacing()) < _MUCH_FINER * _FINEST_MM
    return resampled_grid(grid, _FINEST_MM) if fine else grid


def _counted(moving: Grid, ignored: Mask | None) -> BoolArray | None:
    """(X, Y, Z), voxels of the moving image to compare; None for all."""
    if ignored is None or not ignored.data.any():
        return None
    part = resample_to(ignored.data, ignored.grid, moving, 1)  # type: ignore[arg-type]
    return np.asarray(part < 0.5)


@contextlib.contextmanager
def _folder(ctx: Context) -> Iterator[Path]:
    if ctx.work:
        yield Path(tempfile.mkdtemp(prefix="registration-", dir=ctx.work))
        return
    with tempfile.TemporaryDirectory(prefix="brainfill-") as name:
        yield Path(name)
