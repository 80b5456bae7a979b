"""Bring the scan to the grid of another image, by world coordinates; nothing is registered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from brainfill.core.config import check_ranges, option
from brainfill.core.context import Context
from brainfill.core.errors import ConfigError, GeometryError
from brainfill.core.grid import BoolArray, Grid
from brainfill.core.volume import Scan
from brainfill.preprocess._base import ArrayUndo, Step, Undo, map_scan
from brainfill.preprocess.steps.resample import resample_to


@dataclass(frozen=True)
class Config:
    """Whose grid to take, and how."""

    like: str = option("", "image whose grid is taken")
    order: Literal[0, 1, 3] = option(3, "0 nearest neighbour, 1 linear, 3 cubic spline")
    threshold: float = option(0.5, "share of a voxel above which it is in a mask", low=0, high=1)

    def __post_init__(self) -> None:
        check_ranges(self)


def build(config: Config) -> Step:
    """A step that resamples to the grid of `like`; its undo resamples back."""

    def step(scan: Scan, ctx: Context) -> tuple[Scan, Undo]:
        if not config.like:
            msg = "the step match needs the image whose grid it takes"
            raise ConfigError(msg, "--set match.like=IMAGE")
        before, after = scan.grid, ctx.read(config.like).grid
        _check_overlap(before, after, scan.subject, config.like)
        changed = map_scan(
            scan,
            after,
            lambda a: resample_to(a, before, after, config.order),
            lambda a: _flags(a, before, after, config.threshold),
            lambda a: resample_to(a, before, after, 0).astype(np.int32),
        )
        undo = ArrayUndo(
            before,
            after,
            lambda a: resample_to(a, after, before, config.order),
            lambda a: _flags(a, after, before, config.threshold),
        )
        return changed, undo

    return step


def _flags(flags: BoolArray, source: Grid, target: Grid, threshold: float) -> BoolArray:
    return resample_to(flags, source, target, 1) > threshold  # type: ignore[arg-type]


def _check_overlap(before: Grid, after: Grid, subject: str, like: str) -> None:
    corners = before.to_index(after.corners())
    outside = (corners.max(axis=0) < 0) | (corners.min(axis=0) > np.asarray(before.shape) - 1)
    if outside.any():
        msg = f"'{subject}' and '{like}' do not overlap in space: no voxel would have a value"
        raise GeometryError(msg, "the step match moves nothing; register the images instead")
