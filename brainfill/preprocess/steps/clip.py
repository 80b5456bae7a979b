"""Cut intensities at two percentiles of the foreground."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from brainfill.core.config import check_ranges, option
from brainfill.core.context import Context
from brainfill.core.errors import ConfigError
from brainfill.core.volume import Mask, Scan, Volume
from brainfill.preprocess._base import Step, Undo
from brainfill.preprocess.foreground import foreground


@dataclass(frozen=True)
class Config:
    """Where to cut.

    Raises:
        ConfigError: `low` is not below `high`.
    """

    low: float = option(
        0.1, "percentile that becomes the smallest value", unit="%", low=0, high=100
    )
    high: float = option(
        99.9, "percentile that becomes the largest value", unit="%", low=0, high=100
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.low >= self.high:
            msg = f"low must be smaller than high, got {self.low} and {self.high}"
            raise ConfigError(msg)


@dataclass(frozen=True)
class ClipUndo:
    """Remembers the two numbers; what was cut off is gone, so volumes and masks pass unchanged.

    Args:
        ranges: lowest and highest kept intensity, by contrast.
    """

    ranges: Mapping[str, tuple[float, float]]

    def volume(self, image: Volume) -> Volume:
        """The image itself: values inside the range were never changed."""
        return image

    def mask(self, mask: Mask) -> Mask:
        """The mask itself."""
        return mask


def build(config: Config) -> Step:
    """A step that clips each image to percentiles of its own foreground."""

    def step(scan: Scan, ctx: Context) -> tuple[Scan, Undo]:  # noqa: ARG001 - the protocol of steps
        ranges = {name: _range(image, config) for name, image in scan.images.items()}
        images = {
            name: Volume(np.clip(image.data, *ranges[name]), image.grid)
            for name, image in scan.images.items()
        }
        return Scan(scan.subject, images, scan.lesion, scan.brain, scan.labels), ClipUndo(ranges)

    return step


def _range(image: Volume, config: Config) -> tuple[float, float]:
    inside = foreground(image)
    values = image.data[inside] if inside.any() else image.data.ravel()
    low, high = np.percentile(values, [config.low, config.high])
    return float(low), float(high)
