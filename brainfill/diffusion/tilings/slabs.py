"""Overlapping slabs of slices, blended at every denoising step."""

from __future__ import annotations

import torch
from torch import Tensor

from brainfill.core.errors import ConfigError
from brainfill.diffusion.denoiser import Condition, Denoiser, Estimate
from brainfill.diffusion.levels import Level


def slabs(denoiser: Denoiser, window: int, overlap: int) -> Denoiser:
    """A denoiser of (B, C, D, H, W) that sees at most `window` slices at a time.

    Because the clean estimates are blended inside each step, neighbouring slabs agree all the way
    down; blending finished samples would smooth the overlaps (METHODS 1.6, window handling).

    Raises:
        ConfigError: the overlap leaves no slice for the window to advance by.
    """
    if not 0 <= overlap < window:
        msg = f"overlap must be at least 0 and below the window of {window} slices, got {overlap}"
        raise ConfigError(msg)

    def run(x: Tensor, level: Level, cond: Condition, *, turn: int = 0) -> Estimate:
        depth = x.shape[2]
        weights = torch.zeros(depth, dtype=x.dtype, device=x.device)
        totals: list[Tensor] = []
        for start in slab_starts(depth, window, overlap):
            part = slice(start, min(start + window, depth))
            said = denoiser(x[:, :, part], level, cond.cut(part), turn=turn)
            weight = slab_weight(said.clean.shape[2], overlap).to(x)
            fields = [field for field in said if field is not None]
            totals = totals or [torch.zeros_like(x) for _ in fields]
            for total, field in zip(totals, fields, strict=True):
                total[:, :, part] += field * weight[:, None, None]
            weights[part] += weight
        return Estimate(*(total / weights[:, None, None] for total in totals))

    return run


def slab_starts(depth: int, window: int, overlap: int) -> list[int]:
    """First slice of each slab; the last slab ends with the crop.

    >>> slab_starts(10, 4, 1)
    [0, 3, 6]
    >>> slab_starts(11, 4, 1)
    [0, 3, 6, 7]
    """
    if depth <= window:
        return [0]
    starts = list(range(0, depth - window, window - overlap))
    return [*starts, depth - window]


def slab_weight(depth: int, overlap: int) -> Tensor:
    """Weight (depth,) of each slice of a slab: ramps over the overlap, 1 in the middle.

    >>> slab_weight(5, 1).tolist()
    [0.5, 1.0, 1.0, 1.0, 0.5]
    """
    ramp = torch.arange(1, depth + 1, dtype=torch.float32) / (overlap + 1)
    return torch.minimum(ramp, ramp.flip(0)).clamp(max=1.0)
