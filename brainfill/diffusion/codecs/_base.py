"""What a codec does: an image becomes the tensor that is noised and denoised, and comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from torch import Tensor
from torch.nn import functional as F

from brainfill.core.errors import ConfigError


class Codec(Protocol):
    """Images (B, N, D, H, W) to (B, N * channels, D / factor, H / factor, W / factor) and back."""

    channels: int
    factor: int

    def encode(self, image: Tensor) -> Tensor:
        """The tensor that the network sees; sides of the image must be multiples of `factor`.

        Raises:
            ConfigError: they are not.
        """

    def decode(self, code: Tensor) -> Tensor:
        """The image of a tensor."""


def clip(codec: Codec, low: float, high: float) -> Callable[[Tensor], Tensor]:
    """A function that brings a tensor to that of its image, cut to [low, high]."""

    def run(code: Tensor) -> Tensor:
        return codec.encode(codec.decode(code).clamp(low, high))

    return run


def coarse_hole(codec: Codec, hole: Tensor) -> Tensor:
    """1 where any voxel behind an element of the tensor is unknown: hole (B, 1, *S) to (B, 1, *S / factor)."""
    check_sides(hole, codec.factor)
    return F.max_pool3d(hole, codec.factor)


def check_sides(image: Tensor, factor: int) -> None:
    """Refuse an image (B, N, D, H, W) with a side that is no multiple of `factor`."""
    sides = tuple(image.shape[2:])
    if any(side % factor for side in sides):
        msg = f"sides must be multiples of {factor} voxels, got {' x '.join(map(str, sides))}"
        raise ConfigError(msg, "pad the crop")
