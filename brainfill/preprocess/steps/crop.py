"""Keep a box around the lesion, the brain or the head; no value changes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from brainfill.core.config import check_ranges, option
from brainfill.core.context import Context
from brainfill.core.errors import DataError
from brainfill.core.grid import BoolArray, Box
from brainfill.core.volume import Scan
from brainfill.preprocess._base import ArrayUndo, Step, Undo, map_scan
from brainfill.preprocess.foreground import foreground


@dataclass(frozen=True)
class Config:
    """What to keep."""

    around: Literal["foreground", "brain", "lesion"] = option("foreground", "what the box holds")
    margin_mm: float = option(5.0, "added on every side", unit="mm", low=0)

    def __post_init__(self) -> None:
        check_ranges(self)


def build(config: Config) -> Step:
    """A step that crops. Its undo is exact inside the box and gives 0 (false) outside it."""

    def step(scan: Scan, ctx: Context) -> tuple[Scan, Undo]:  # noqa: ARG001 - the protocol of steps
        before = scan.grid
        sx, sy, sz = (math.ceil(config.margin_mm / s) for s in before.spacing())
        box = Box.around(_kept(scan, config.around)).grow((sx, sy, sz)).within(before.shape)

        def cut(data: NDArray[Any]) -> NDArray[Any]:
            return data[box.slices]

        def back(data: NDArray[Any]) -> NDArray[Any]:
            whole = np.zeros(before.shape, data.dtype)
            whole[box.slices] = data
            return whole

        changed = map_scan(scan, before.crop(box), cut, cut, cut)
        return changed, ArrayUndo(before, changed.grid, back, back)

    return step


def _kept(scan: Scan, around: str) -> BoolArray:
    if around == "foreground":
        kept = foreground(next(iter(scan.images.values())))
    else:
        mask = scan.lesion if around == "lesion" else scan.brain
        if mask is None:
            msg = f"cannot crop {scan.subject} around the {around}: it has no {around} mask"
            raise DataError(msg, "crop with around=foreground")
        kept = mask.data
    if not kept.any():
        msg = f"cannot crop {scan.subject} around the {around}: no voxel belongs to it"
        raise DataError(msg, "look at the image and its mask")
    return kept
