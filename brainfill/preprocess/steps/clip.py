"""Cut intensities at two percentiles, and map them to a fixed range if asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from brainfill.core.background import background
from brainfill.core.config import check_ranges, option
from brainfill.core.context import Context
from brainfill.core.errors import ConfigError
from brainfill.core.grid import BoolArray
from brainfill.core.volume import Mask, Scan, Volume
from brainfill.preprocess._base import Step, Undo
from brainfill.preprocess.foreground import foreground

_RANGES = {"01": (0.0, 1.0), "pm1": (-1.0, 1.0)}


@dataclass(frozen=True)
class Config:
    """Where to cut, and what the kept range becomes.

    Raises:
        ConfigError: `low` is not below `high`.
    """

    low: float = option(
        0.1, "percentile that becomes the smallest value", unit="%", low=0, high=100
    )
    high: float = option(
        99.9, "percentile that becomes the largest value", unit="%", low=0, high=100
    )
    over: Literal["brain", "foreground", "image"] = option(
        "brain", "voxels the percentiles are taken of; the foreground where no brain is known"
    )
    from_zero: bool = option(
        False, "the smallest value is the background (0) instead of a percentile"
    )
    scale: Literal["none", "01", "pm1"] = option(
        "none", "what the kept range becomes: itself, 0 to 1, or -1 to 1"
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.low >= self.high:
            msg = f"low must be smaller than high, got {self.low} and {self.high}"
            raise ConfigError(msg)


@dataclass(frozen=True)
class ClipUndo:
    """Remembers the two numbers of each contrast; what was cut off is gone.

    Args:
        ranges: lowest and highest kept intensity, by contrast.
        scale: what the kept range became.
    """

    ranges: Mapping[str, tuple[float, float]]
    scale: Literal["none", "01", "pm1"] = "none"

    @property
    def facts(self) -> Mapping[str, Any]:
        """The two numbers of each contrast."""
        return {"ClippedTo": {n: list(r) for n, r in self.ranges.items()}, "ScaledTo": self.scale}

    def volume(self, image: Volume, contrast: str = "T1w") -> Volume:
        """The image in the unit it had; itself if it was not scaled."""
        if self.scale == "none":
            return image
        (low, high), (start, end) = self.ranges[contrast], _RANGES[self.scale]
        return Volume((image.data - start) * ((high - low) / (end - start)) + low, image.grid)

    def mask(self, mask: Mask) -> Mask:
        """The mask itself."""
        return mask


def build(config: Config) -> Step:
    """A step that clips each image to percentiles of its own voxels."""

    def step(scan: Scan, ctx: Context) -> tuple[Scan, Undo]:  # noqa: ARG001 - the protocol of steps
        ranges = {name: _range(scan, image, config) for name, image in scan.images.items()}
        images = {n: _clipped(v, ranges[n], config.scale) for n, v in scan.images.items()}
        changed = Scan(scan.subject, images, scan.lesion, scan.brain, scan.labels)
        return changed, ClipUndo(ranges, config.scale)

    return step


def _range(scan: Scan, image: Volume, config: Config) -> tuple[float, float]:
    inside = _inside(scan, image, config.over)
    values = image.data[inside] if inside.any() else image.data.ravel()
    low, high = (float(v) for v in np.percentile(values, [config.low, config.high]))
    return (min(background(image.data).level, high) if config.from_zero else low), high


def _inside(scan: Scan, image: Volume, over: str) -> BoolArray:
    if over == "image":
        return np.ones(image.data.shape, bool)
    return scan.brain.data if over == "brain" and scan.brain else foreground(image)


def _clipped(image: Volume, kept: tuple[float, float], scale: str) -> Volume:
    low, high = kept
    data = np.clip(image.data, low, high)
    if scale != "none":
        start, end = _RANGES[scale]
        # A constant image has no range to map; it becomes the start.
        data = (data - low) * ((end - start) / max(high - low, 1e-12)) + start
    return Volume(data, image.grid)
