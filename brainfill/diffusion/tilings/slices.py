"""Every slice on its own, as items of one batch; for networks of single slices."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from brainfill.core.config import check_ranges, option
from brainfill.diffusion.denoiser import Condition, Denoiser, Estimate
from brainfill.diffusion.levels import Level
from brainfill.diffusion.tilings._base import AtOnce
from brainfill.nets.convs import as_slab, as_slices


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of cutting into slices."""

    batch: int = option(0, "slices of each crop in one network call; 0 is all", low=0, high=4096)

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True)
class Slices(AtOnce):
    """Axial slices, drawn at the same time and without knowledge of each other."""

    config: Config

    def wrap(self, denoiser: Denoiser) -> Denoiser:
        """A denoiser of (B, C, D, H, W) from one of (B * n, C, H, W), each slice with its condition."""

        def run(x: Tensor, level: Level, cond: Condition, *, turn: int = 0) -> Estimate:
            said = []
            for part in chunks(x.shape[2], self.config.batch):
                some = x[:, :, part]
                told = _of_slices(cond.cut(part), some.shape[2])
                estimate = denoiser(as_slices(some), level, told, turn=turn)
                said.append([as_slab(field, some.shape[2]) for field in estimate.given()])
            return Estimate(*(torch.cat(fields, dim=2) for fields in zip(*said, strict=True)))

        return run


def chunks(depth: int, most: int) -> list[slice]:
    """Slices one after another, `most` at a time; 0 takes all.

    >>> chunks(5, 2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return [slice(k, min(k + (most or depth), depth)) for k in range(0, depth, most or depth)]


def _of_slices(cond: Condition, depth: int) -> Condition:
    """What each slice of a slab is told."""
    return Condition(
        None if cond.channels is None else as_slices(cond.channels),
        None if cond.label is None else cond.label.repeat_interleave(depth),
        None if cond.position is None else cond.position.flatten(),
    )


def build(config: Config) -> Slices:
    """The tiling."""
    return Slices(config)
