"""Keep a box around the lesion, the brain, the head or the middle; no value changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from brainfill.core.config import check_ranges, option
from brainfill.core.context import Context
from brainfill.core.errors import ConfigError, DataError
from brainfill.core.grid import BoolArray, Box
from brainfill.core.volume import Scan
from brainfill.preprocess._base import ArrayUndo, Step, Undo, map_scan
from brainfill.preprocess.foreground import foreground


@dataclass(frozen=True)
class Config:
    """What to keep.

    Raises:
        ConfigError: a size that is not empty or three positive numbers, or "image" without one.
    """

    around: Literal["foreground", "brain", "lesion", "image"] = option(
        "foreground", "what the box holds, or is centred on"
    )
    margin_mm: float = option(5.0, "added on every side", unit="mm", low=0, high=500)
    size: tuple[int, ...] = option(
        (),
        "exact sides of the box, centred and padded with 0; without it the box fits",
        unit="voxels",
        low=0,
        high=2048,
    )

    centre_mm: tuple[float, ...] = option(
        (),
        "world position of the middle of a box with a size, instead of `around`",
        unit="mm",
        low=-1000,
        high=1000,
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.centre_mm and (len(self.centre_mm) != 3 or not self.size):
            msg = f"centre_mm must be three numbers beside a size, got {list(self.centre_mm)}"
            raise ConfigError(msg, "for example size=[160,192,160] centre_mm=[0,-17,5]")
        if self.size and (len(self.size) != 3 or min(self.size) < 1):
            msg = f"size must be three positive numbers of voxels, got {list(self.size)}"
            raise ConfigError(msg, "for example size=[160,192,160]")
        if self.around == "image" and not self.size:
            msg = "a crop around the middle of the image needs a size"
            raise ConfigError(msg, "for example size=[224,224,224]")


def build(config: Config) -> Step:
    """A step that crops. Its undo is exact inside the box and gives 0 (false) outside it."""

    def step(scan: Scan, ctx: Context) -> tuple[Scan, Undo]:  # noqa: ARG001 - the protocol of steps
        before = scan.grid
        box = _box(scan, config)
        known = box.within(before.shape)
        inner = _inside(known, box)

        def cut(data: NDArray[Any]) -> NDArray[Any]:
            part = np.zeros(box.shape, data.dtype)
            part[inner] = data[known.slices]
            return part

        def back(data: NDArray[Any]) -> NDArray[Any]:
            whole = np.zeros(before.shape, data.dtype)
            whole[known.slices] = data[inner]
            return whole

        changed = map_scan(scan, before.crop(box), cut, cut, cut)
        return changed, ArrayUndo(before, changed.grid, back, back)

    return step


def _box(scan: Scan, config: Config) -> Box:
    """The box in voxels of the scan; it may reach outside if it has a size."""
    if config.centre_mm:
        centre = scan.grid.to_index(np.array([config.centre_mm]))[0]
        a, b, c = (
            int(np.floor(m - (n - 1) / 2 + 0.5)) for m, n in zip(centre, config.size, strict=True)
        )
        nx, ny, nz = config.size
        return Box((a, b, c), (a + nx, b + ny, c + nz))
    kept = Box((0, 0, 0), scan.grid.shape)
    if config.around != "image":
        margin_mm = 0.0 if config.size else config.margin_mm
        kept = scan.grid.box_around(_kept(scan, config.around), margin_mm)
    if not config.size:
        return kept
    x, y, z = ((a + b - n) // 2 for a, b, n in zip(kept.start, kept.stop, config.size, strict=True))
    nx, ny, nz = config.size
    return Box((x, y, z), (x + nx, y + ny, z + nz))


def _inside(part: Box, whole: Box) -> tuple[slice, slice, slice]:
    """The part as an index into an array of the whole."""
    x, y, z = (
        slice(a - w, b - w) for a, b, w in zip(part.start, part.stop, whole.start, strict=True)
    )
    return x, y, z


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
