"""Flip and permute the axes to a given orientation; no value changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainfill.core.config import option
from brainfill.core.context import Context
from brainfill.core.errors import ConfigError
from brainfill.core.grid import Grid
from brainfill.core.volume import Mask, Scan
from brainfill.preprocess._base import ArrayUndo, Step, Undo, map_scan

_AXIS_OF = {"L": 0, "R": 0, "P": 1, "A": 1, "I": 2, "S": 2}


@dataclass(frozen=True)
class Config:
    """Orientation of the output.

    Raises:
        ConfigError: the letters do not name three different axes.
    """

    axcodes: str = option("RAS", "directions the three array axes point to, such as RAS or LPS")

    def __post_init__(self) -> None:
        if sorted(_AXIS_OF.get(code, -1) for code in self.axcodes) != [0, 1, 2]:
            msg = f"axcodes must hold one each of L/R, P/A and I/S, got '{self.axcodes}'"
            raise ConfigError(msg, "for example axcodes=RAS")


def build(config: Config) -> Step:
    """A step that reorients; its undo is exact."""

    def step(scan: Scan, ctx: Context) -> tuple[Scan, Undo]:  # noqa: ARG001 - the protocol of steps
        before = scan.grid
        order, flips = _turn(before.axcodes(), config.axcodes)
        after = _turned_grid(before, order, flips)
        there = _turner(order, flips)
        back = _turner(*_turn(after.axcodes(), before.axcodes()))
        changed = map_scan(scan, after, there, there, there)
        return changed, ArrayUndo(before, after, back, back)

    return step


def reoriented_grid(grid: Grid, axcodes: str) -> Grid:
    """The grid with its axes flipped and permuted to `axcodes`; the voxels stay where they are."""
    return _turned_grid(grid, *_turn(grid.axcodes(), axcodes))


def reoriented_mask(mask: Mask, axcodes: str) -> Mask:
    """The same voxels as a mask whose axes point to `axcodes`."""
    turn = _turner(*_turn(mask.grid.axcodes(), axcodes))
    return Mask(turn(mask.data), reoriented_grid(mask.grid, axcodes))


def _turn(found: str, wanted: str) -> tuple[tuple[int, ...], tuple[bool, ...]]:
    """For each new axis: the old axis it is, and whether it runs the other way."""
    order = tuple([_AXIS_OF[c] for c in found].index(_AXIS_OF[code]) for code in wanted)
    return order, tuple(found[o] != code for o, code in zip(order, wanted, strict=True))


def _turner(
    order: tuple[int, ...], flips: tuple[bool, ...]
) -> Callable[[NDArray[Any]], NDArray[Any]]:
    steps = tuple(slice(None, None, -1 if flip else 1) for flip in flips)
    # Contiguous, because torch takes no array that runs backwards.
    return lambda data: np.ascontiguousarray(np.transpose(data, order)[steps])


def _turned_grid(grid: Grid, order: tuple[int, ...], flips: tuple[bool, ...]) -> Grid:
    turn = np.zeros((4, 4))  # new index to old index
    turn[3, 3] = 1
    for new, (old, flip) in enumerate(zip(order, flips, strict=True)):
        turn[old, new] = -1 if flip else 1
        turn[old, 3] = grid.shape[old] - 1 if flip else 0
    x, y, z = (grid.shape[old] for old in order)
    return Grid((x, y, z), grid.affine @ turn)
