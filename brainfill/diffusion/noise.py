"""Gaussian noise from explicit seeds, so that results do not depend on batch size or order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Noise = Callable[[Tensor], Tensor]


def seeded_noise(seeds: Sequence[int]) -> Noise:
    """A source of standard normal tensors, one stream for each item of the batch.

    Drawn on the CPU in float32 whatever the device, so that every device sees the same noise.

    Args:
        seeds: one seed per batch item.
    """
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def draw(like: Tensor) -> Tensor:
        items = [torch.randn(like.shape[1:], generator=g) for g in generators]
        return torch.stack(items).to(device=like.device, dtype=like.dtype)

    return draw
