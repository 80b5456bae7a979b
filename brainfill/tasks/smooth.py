"""Smooth away the stripes of a fill that was made slice by slice."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from brainfill.core.config import check_ranges, option
from brainfill.core.errors import ConfigError, DataError
from brainfill.tasks._base import Result

if TYPE_CHECKING:
    from brainfill.core.context import Context
    from brainfill.core.grid import BoolArray, Grid
    from brainfill.core.volume import Scan, Volume

AXES = ("x", "y", "z")
_SIGMA_VOX = 1.075  # METHODS 8


@dataclass(frozen=True, kw_only=True)
class SmoothConfig:
    """Along which axis, and how widely.

    Raises:
        ConfigError: a number out of range, or two widths.
    """

    axis: Literal["auto", "x", "y", "z", "all"] = option(
        "auto",
        "world axis across the slices: x left-right, y back-front, z up-down; auto takes that of the largest "
        "stripe index, all smooths along every axis",
    )
    sigma_vox: float = option(
        _SIGMA_VOX, "standard deviation of the Gaussian", unit="voxels", low=0.1, high=20.0
    )
    sigma_mm: tuple[float, ...] = option(
        (),
        "the same in millimetres: one number, or one for each of x,y,z; 0 to 50",
        unit="mm",
        low=0,
        high=50,
    )
    only_if: float | None = option(
        None, "change nothing unless the stripe index is above this", low=0.0, high=100.0
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if len(self.sigma_mm) not in (0, 1, 3) or any(not 0 <= s <= 50 for s in self.sigma_mm):
            found = ",".join(f"{s:g}" for s in self.sigma_mm)
            msg = f"sigma_mm must be one number or three, between 0 and 50, got {found}"
            raise ConfigError(msg, "for example --sigma-mm 1.2, or --sigma-mm 1,1,3")
        if self.sigma_mm and self.sigma_vox != _SIGMA_VOX:
            msg = "--sigma-mm and --sigma-vox are both given"
            raise ConfigError(msg, "leave one of them out")


def run(scan: Scan, config: SmoothConfig, ctx: Context) -> Result:
    """Smooth a scan inside its mask, or inside the head if it has none.

    Args:
        scan: with the image "T1w" (any contrast), and as `lesion` the voxels to smooth.
        config: what to do.
        ctx: progress and warnings.

    Returns:
        volumes "smoothed" and "where", the voxels that may differ; facts with the stripe index before and
        after on the axes x, y and z, None where it is not defined. If there is no stripe by `only_if`, "smoothed"
        is the scan itself.

    Raises:
        DataError: there is nothing to smooth, or no telling where the slices lie.
    """
    from brainfill.core.volume import Mask
    from brainfill.filters.stripes import smooth_along
    from brainfill.preprocess.foreground import foreground

    image, shown = scan.images["T1w"], foreground(scan.images["T1w"])
    # Background inside the mask, where it reaches beyond a stripped brain, stays background.
    where = shown if scan.lesion is None else scan.lesion.data & shown
    if not where.any():
        what = "shows no head" if not shown.any() else "has a mask that is empty or off the head"
        msg = f"'{scan.subject}' {what}: there is nothing to smooth"
        raise DataError(msg, "check that it is the right file")
    measure = partial(stripe_indices, whole=scan.lesion is None)
    ctx.progress("looking for stripes", 0, 1)
    before = measure(image, where)
    axes = _chosen(before, config, scan.subject)
    largest = max((before[a] or 0.0 for a in axes), default=0.0)
    wanted = config.only_if is None or largest > config.only_if
    ctx.progress("looking for stripes", 1, 1)
    if wanted and largest <= 1:
        ctx.warn(
            f"no stripes across {', '.join(axes)} in '{scan.subject}' (index {largest:.2f}): smoothing only "
            "blurs; --only-if leaves such images alone"
        )
    widths = _widths_vox(image.grid, axes, config)
    smoothed = image.like(smooth_along(image.data, where, shown, widths)) if wanted else image
    facts = {
        "Smoothed": wanted,
        "Axis": list(axes),
        "SigmaVox": _by_axis(image.grid, widths),
        "SigmaMM": _by_axis(image.grid, _products(widths, image.grid.spacing())),
        "StripeIndex": {"Before": before, "After": measure(smoothed, where)},
        "StripeIndexAgainst": "the other axes" if scan.lesion is None else "similar tissue around",
    }
    return Result({"smoothed": smoothed, "where": Mask(where, image.grid)}, facts=facts)


def stripe_indices(image: Volume, where: BoolArray, *, whole: bool) -> dict[str, float | None]:
    """The stripe index by world axis x, y, z; None where it is not defined.

    Args:
        image: with a fill, or a whole head.
        where: (X, Y, Z), the fill or the head.
        whole: a head has no surroundings to compare with; the plain ratio of changes is given.
    """
    from brainfill.core.figures import figure
    from brainfill.metrics.texture import step_ratios, stripe_index

    found = (step_ratios if whole else stripe_index)(image.data, where)
    by_axis = _by_axis(image.grid, found)
    return {a: figure(value) if math.isfinite(value) else None for a, value in by_axis.items()}


def _chosen(
    index: Mapping[str, float | None], config: SmoothConfig, subject: str
) -> tuple[str, ...]:
    """The world axes to smooth along."""
    wanted = AXES if config.axis in ("auto", "all") else (config.axis,)
    known = {axis: value for axis in wanted if (value := index[axis]) is not None}
    if not known and (config.axis == "auto" or config.only_if is not None):
        msg = f"the stripe index of '{subject}' is not defined: its mask is too thin, or nothing like it lies around"
        raise DataError(msg, "say how to smooth: --axis x, y, z or all, without --only-if")
    return (max(known, key=known.__getitem__),) if config.axis == "auto" else wanted


def _widths_vox(grid: Grid, axes: Sequence[str], config: SmoothConfig) -> tuple[float, ...]:
    """Width of the Gaussian along each array axis [voxels]; 0 along those that are left alone."""
    each_mm = config.sigma_mm * 3 if len(config.sigma_mm) == 1 else config.sigma_mm
    return tuple(
        0.0
        if AXES[world] not in axes
        else each_mm[world] / spacing_mm
        if each_mm
        else config.sigma_vox
        for world, spacing_mm in zip(grid.world_axes(), grid.spacing(), strict=True)
    )


def _products(a: Sequence[float], b: Sequence[float]) -> list[float]:
    return [x * y for x, y in zip(a, b, strict=True)]


def _by_axis(grid: Grid, values: Sequence[float]) -> dict[str, float]:
    """Values of the array axes by the name of the world axis they run along."""
    found = {AXES[world]: float(v) for world, v in zip(grid.world_axes(), values, strict=True)}
    return {axis: found[axis] for axis in AXES}
