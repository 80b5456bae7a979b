"""The image itself."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Config:
    """The identity has no options."""


@dataclass(frozen=True)
class Identity:
    """Voxels are diffused as they are."""

    channels: int = 1
    factor: int = 1

    def encode(self, image: Tensor) -> Tensor:
        """The image (B, N, D, H, W)."""
        return image

    def decode(self, code: Tensor) -> Tensor:
        """The image (B, N, D, H, W)."""
        return code


def build(config: Config, net: nn.Module | None = None) -> Identity:  # noqa: ARG001 - registry signature
    """The codec."""
    return Identity()
