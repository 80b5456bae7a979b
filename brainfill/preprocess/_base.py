"""What a preprocessing step is, how steps are chained, and how a scan goes through one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from brainfill.core.background import background
from brainfill.core.context import Context
from brainfill.core.errors import GeometryError
from brainfill.core.grid import BoolArray, FloatArray, Grid
from brainfill.core.volume import LabelMap, Mask, Scan, Volume


class Undo(Protocol):
    """Brings results on the grid of a step's output back to the grid of its input."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the step found out, for the record, as JSON can hold it."""

    def volume(self, image: Volume, contrast: str = "T1w") -> Volume:
        """Intensities of one contrast, back on the input's grid and scale."""

    def mask(self, mask: Mask) -> Mask:
        """Voxels, back on the input's grid."""


class Step(Protocol):
    """Turns a scan into another and says how to go back."""

    def __call__(self, scan: Scan, ctx: Context) -> tuple[Scan, Undo]:
        """The changed scan, and its undo."""


@dataclass(frozen=True)
class ArrayUndo:
    """An undo that takes arrays from the grid `after` to the grid `before`.

    Args:
        before: grid of the step's input.
        after: grid of the step's output; what is undone must lie on it.
        values: float32 array on `after` to one on `before`.
        flags: bool array on `after` to one on `before`.
        facts: what the step found out.
    """

    before: Grid
    after: Grid
    values: Callable[[FloatArray], FloatArray]
    flags: Callable[[BoolArray], BoolArray]
    facts: Mapping[str, Any] = field(default_factory=dict)

    def volume(self, image: Volume, contrast: str = "T1w") -> Volume:  # noqa: ARG002 - one for all
        """Intensities, back on the grid `before`.

        Raises:
            GeometryError: the image does not lie on the grid `after`.
        """
        _expect(image.grid, self.after)
        return Volume(self.values(image.data), self.before)

    def mask(self, mask: Mask) -> Mask:
        """Voxels, back on the grid `before`.

        Raises:
            GeometryError: the mask does not lie on the grid `after`.
        """
        _expect(mask.grid, self.after)
        return Mask(self.flags(mask.data), self.before)


@dataclass(frozen=True)
class Chained:
    """The undos of several steps, the first step's first; they are gone through backwards."""

    undos: tuple[Undo, ...]

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the steps found out; of equal names the last."""
        return {name: fact for undo in self.undos for name, fact in undo.facts.items()}

    def volume(self, image: Volume, contrast: str = "T1w") -> Volume:
        """Intensities of one contrast, back before the first step."""
        for undo in reversed(self.undos):
            image = undo.volume(image, contrast)
        return image

    def mask(self, mask: Mask) -> Mask:
        """Voxels, back before the first step."""
        for undo in reversed(self.undos):
            mask = undo.mask(mask)
        return mask


def chain(steps: Sequence[Step], scan: Scan, ctx: Context) -> tuple[Scan, Undo]:
    """Apply steps one after the other; the undo goes back through them in reverse order."""
    undos = []
    for step in steps:
        scan, undo = step(scan, ctx)
        undos.append(undo)
    return scan, Chained(tuple(undos))


def map_scan(
    scan: Scan,
    grid: Grid,
    values: Callable[[FloatArray], FloatArray],
    flags: Callable[[BoolArray], BoolArray],
    labels: Callable[[FloatArray], FloatArray],
) -> Scan:
    """Take every image, mask and label map of a scan to `grid`.

    What lies beyond the ends of an image becomes its background.

    The new volumes have no source: they are not what a file holds, and must not be written as if they were.
    """
    return Scan(
        scan.subject,
        {name: Volume(_moved(image, values, flags), grid) for name, image in scan.images.items()},
        lesion=Mask(flags(scan.lesion.data), grid) if scan.lesion else None,
        brain=Mask(flags(scan.brain.data), grid) if scan.brain else None,
        labels=LabelMap(labels(scan.labels.data), grid, scan.labels.names) if scan.labels else None,
    )


def _moved(
    image: Volume,
    values: Callable[[FloatArray], FloatArray],
    flags: Callable[[BoolArray], BoolArray],
) -> FloatArray:
    moved, level = values(image.data), background(image.data).level
    if level == 0:
        return moved
    beyond = ~flags(np.ones(image.grid.shape, bool))
    return np.where(beyond, moved + np.float32(level), moved)


def _expect(found: Grid, expected: Grid) -> None:
    if not found.same_place(expected):
        msg = (
            f"cannot undo the step: found shape {found.shape} {found.axcodes()}, "
            f"expected {expected.shape} {expected.axcodes()} in the place of the step's output"
        )
        raise GeometryError(msg)
