"""What a tiling does: it cuts inside every denoising step, or draws parts of the crop one after another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from torch import Tensor

from brainfill.diffusion.denoiser import Denoiser

SamplePart = Callable[[slice, Tensor | None], Tensor]
"""Draws these slices of the crop (B, N, n, H, W), shown the finished slice (B, N, 1, H, W) they follow, if any."""


class Tiling(Protocol):
    """How crops (B, C, D, H, W) are cut along D and joined."""

    def wrap(self, denoiser: Denoiser) -> Denoiser:
        """A denoiser of what is drawn at a time, made of one of the parts that the network sees."""

    def draw(self, known: Tensor, hole: Tensor, sample: SamplePart) -> Tensor:
        """The crop (B, N, D, H, W), drawn by one call of `sample` or by several.

        Args:
            known: the crop (B, N, D, H, W), any value where unknown.
            hole: (B, 1, D, H, W), 1 where unknown.
            sample: draws a part.
        """


class AtOnce:
    """A tiling that draws the crop by one walk; what it cuts, it cuts inside the steps."""

    def draw(self, known: Tensor, hole: Tensor, sample: SamplePart) -> Tensor:  # noqa: ARG002 - protocol
        """All slices together."""
        return sample(slice(0, known.shape[2]), None)
