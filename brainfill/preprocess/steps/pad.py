"""Add voxels around the scan until its sides suit a network; no value changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainfill.core.config import check_ranges, option
from brainfill.core.context import Context
from brainfill.core.grid import Box, Index3
from brainfill.core.volume import Scan
from brainfill.preprocess._base import ArrayUndo, Step, Undo, map_scan


@dataclass(frozen=True)
class Config:
    """Size of the output."""

    multiple: int = option(
        16, "each side becomes a multiple of this", unit="voxels", low=1, high=1024
    )
    at_least: int = option(1, "no side is shorter than this", unit="voxels", low=1, high=2048)
    value: float = option(0.0, "intensity of the added voxels above background", low=-1e6, high=1e6)

    def __post_init__(self) -> None:
        check_ranges(self)


def build(config: Config) -> Step:
    """A step that pads evenly on both sides; its undo is exact."""

    def step(scan: Scan, ctx: Context) -> tuple[Scan, Undo]:  # noqa: ARG001 - the protocol of steps
        before = scan.grid
        box = _padded_box(before.shape, config)
        inner = tuple(slice(-a, n - a) for a, n in zip(box.start, before.shape, strict=True))
        changed = map_scan(
            scan, before.crop(box), _padder(box, config.value), _padder(box, 0), _padder(box, 0)
        )
        undo = ArrayUndo(before, changed.grid, lambda a: a[inner], lambda a: a[inner])
        return changed, undo

    return step


def _padded_box(shape: Index3, config: Config) -> Box:
    wanted = [-(-max(n, config.at_least) // config.multiple) * config.multiple for n in shape]
    x, y, z = ((w - n) // 2 for w, n in zip(wanted, shape, strict=True))
    ex, ey, ez = (w - s for w, s in zip(wanted, (x, y, z), strict=True))
    return Box((-x, -y, -z), (ex, ey, ez))


def _padder(box: Box, value: float) -> Callable[[NDArray[Any]], NDArray[Any]]:
    def pad(data: NDArray[Any]) -> NDArray[Any]:
        widths = [(-a, b - n) for a, b, n in zip(box.start, box.stop, data.shape, strict=True)]
        return np.pad(data, widths, constant_values=value)

    return pad
