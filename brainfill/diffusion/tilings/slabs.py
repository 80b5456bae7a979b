"""Overlapping slabs of slices, blended at every denoising step."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from brainfill.core.config import check_ranges, option
from brainfill.core.errors import ConfigError
from brainfill.diffusion.denoiser import Condition, Denoiser, Estimate
from brainfill.diffusion.levels import Level
from brainfill.diffusion.tilings._base import AtOnce


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of cutting into slabs.

    Raises:
        ConfigError: the overlap leaves no slice for the window to advance by.
    """

    window_vox: int = option(32, "slices that the network sees", unit="voxels", low=1, high=1024)
    overlap_vox: int = option(
        4, "slices shared by neighbouring windows", unit="voxels", low=0, high=1024
    )
    short_end: bool = option(
        False, "the last window takes what is left, instead of moving up to stay whole"
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.overlap_vox >= self.window_vox:
            msg = f"overlap_vox must be below window_vox {self.window_vox}, got {self.overlap_vox}"
            raise ConfigError(msg)


@dataclass(frozen=True)
class Slabs(AtOnce):
    """Windows along the slice axis; with no overlap and a short end they are packages cut hard."""

    config: Config

    def wrap(self, denoiser: Denoiser) -> Denoiser:
        """A denoiser of (B, C, D, H, W) from one of windows of it."""
        c = self.config
        return slabs(denoiser, c.window_vox, c.overlap_vox, short_end=c.short_end)


def build(config: Config) -> Slabs:
    """The tiling."""
    return Slabs(config)


def slabs(denoiser: Denoiser, window: int, overlap: int, *, short_end: bool = False) -> Denoiser:
    """A denoiser of (B, C, D, H, W) that sees at most `window` slices at a time.

    Because the clean estimates are blended inside each step, neighbouring slabs agree all the way
    down; blending finished samples would smooth the overlaps.

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
        for start in slab_starts(depth, window, overlap, short_end=short_end):
            part = slice(start, min(start + window, depth))
            said = denoiser(x[:, :, part], level, cond.cut(part), turn=turn)
            weight = slab_weight(said.clean.shape[2], overlap).to(x)
            totals = totals or [torch.zeros_like(x) for _ in said.given()]
            for total, field in zip(totals, said.given(), strict=True):
                total[:, :, part] += field * weight[:, None, None]
            weights[part] += weight
        return Estimate(*(total / weights[:, None, None] for total in totals))

    return run


def slab_starts(depth: int, window: int, overlap: int, *, short_end: bool = False) -> list[int]:
    """First slice of each slab; the last slab ends with the crop, and may be short.

    >>> slab_starts(10, 4, 1)
    [0, 3, 6]
    >>> slab_starts(11, 4, 1)
    [0, 3, 6, 7]
    >>> slab_starts(11, 4, 1, short_end=True)
    [0, 3, 6, 9]
    """
    if depth <= window:
        return [0]
    starts = list(range(0, depth - window, window - overlap))
    return [*starts, starts[-1] + window - overlap if short_end else depth - window]


def slab_weight(depth: int, overlap: int) -> Tensor:
    """Weight (depth,) of each slice of a slab: ramps over the overlap, 1 in the middle.

    >>> slab_weight(5, 1).tolist()
    [0.5, 1.0, 1.0, 1.0, 0.5]
    """
    ramp = torch.arange(1, depth + 1, dtype=torch.float32) / (overlap + 1)
    return torch.minimum(ramp, ramp.flip(0)).clamp(max=1.0)
