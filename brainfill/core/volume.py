"""Values on a grid: Volume, Mask, LabelMap, and Scan, which holds one subject's images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from brainfill.core.errors import GeometryError
from brainfill.core.grid import BoolArray, FloatArray, Grid

_OVERSHOOT = 1.25  # what splines make of a mask of 0 and 1


@dataclass(frozen=True)
class Source:
    """Where a volume came from; only `io` looks inside.

    Args:
        path: file it was read from, or None for an image handed over in memory.
        image: the image object of the file library, untouched.
    """

    path: str | None
    image: Any


@dataclass(frozen=True, eq=False)
class Volume:
    """Intensities on a grid: `data` float32 (X, Y, Z), read-only, any range."""

    data: FloatArray
    grid: Grid
    source: Source | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", _frozen(self.data, np.float32, self.grid))

    def like(self, data: FloatArray) -> Volume:
        """Other values on the same grid."""
        return Volume(data, self.grid, self.source)


@dataclass(frozen=True, eq=False)
class Mask:
    """A set of voxels: `data` bool (X, Y, Z), read-only."""

    data: BoolArray
    grid: Grid

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", _frozen(self.data, np.bool_, self.grid))

    def volume_ml(self) -> float:
        """Volume of the true voxels [ml]."""
        return int(self.data.sum()) * self.grid.voxel_ml()


@dataclass(frozen=True, eq=False)
class LabelMap:
    """Whole-number labels: `data` int32 (X, Y, Z), read-only; `names` of the labels, if known."""

    data: FloatArray
    grid: Grid
    names: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", _frozen(self.data, np.int32, self.grid))


@dataclass(frozen=True, eq=False)
class Scan:
    """One subject on one grid.

    Args:
        subject: name used in messages and tables.
        images: by contrast: "T1w", "FLAIR", ...
        lesion: voxels to be replaced.
        brain: voxels of the brain, if known.
        labels: tissue or region labels, if known.

    Raises:
        GeometryError: the parts do not share one grid, but for what programs round away.
    """

    subject: str
    images: Mapping[str, Volume]
    lesion: Mask | None = None
    brain: Mask | None = None
    labels: LabelMap | None = None

    def __post_init__(self) -> None:
        parts: dict[str, Volume | Mask | LabelMap | None] = dict(self.images)
        parts |= {"lesion mask": self.lesion, "brain mask": self.brain, "labels": self.labels}
        for name, part in parts.items():
            if part is not None and not part.grid.meant_as(self.grid):
                msg = (
                    f"{name} of {self.subject} is not on the grid of its images: found shape "
                    f"{part.grid.shape} {part.grid.axcodes()}, expected {self.grid.shape} "
                    f"{self.grid.axcodes()} in the same place"
                )
                raise GeometryError(msg)

    @property
    def grid(self) -> Grid:
        """The grid shared by all parts."""
        return next(iter(self.images.values())).grid


def mask_threshold(values: FloatArray) -> float:
    """What a voxel must exceed to belong to a mask.

    0.5; where values have fractions and exceed 1, as interpolation makes them of masks of 0 and 255, half of the largest.

    >>> mask_threshold(np.array([0, 0.2, 1])), mask_threshold(np.array([0, 12.7, 254.8]))
    (0.5, 127.4)
    """
    largest = float(values.max())
    if largest <= _OVERSHOOT or bool((values == np.rint(values)).all()):
        return 0.5
    return largest / 2


def _frozen(data: Any, dtype: Any, grid: Grid) -> Any:  # noqa: ANN401 - numpy dtypes vary
    array = np.asarray(data, dtype=dtype)
    if array.shape != grid.shape:
        msg = f"values of shape {array.shape} do not fit a grid of shape {grid.shape}"
        raise GeometryError(msg)
    # A view, so that the caller's own array stays writeable.
    array = array.view()
    array.flags.writeable = False
    return array
