"""One slice after another, each shown the finished one before it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from brainfill.core.config import option
from brainfill.diffusion.denoiser import Denoiser
from brainfill.diffusion.tilings._base import SamplePart


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of going slice by slice."""

    both_ends: bool = option(
        False, "draw upwards and downwards, and fade from one to the other, against drift"
    )


@dataclass(frozen=True)
class Sequential:
    """Slices with a hole, in order; those without are known and are never drawn.

    A model of single slices becomes one of volumes, p(x_1) p(x_2 | x_1) ..., if it knows the
    distribution of a slice given the one before.
    """

    config: Config

    def wrap(self, denoiser: Denoiser) -> Denoiser:
        """The denoiser itself, which sees one slice (B, C, 1, H, W) at a time."""
        return denoiser

    def draw(self, known: Tensor, hole: Tensor, sample: SamplePart) -> Tensor:
        """The crop (B, N, D, H, W), one call of `sample` for every slice with a hole (two from both ends).

        The slice before the first may be known and is shown then; there is none before the crop's own.
        """
        unknown = hole.amax(dim=(0, 1, 3, 4)) > 0
        here = [k for k in range(len(unknown)) if unknown[k]]
        upwards = _passed(known, here, -1, sample)
        if not self.config.both_ends:
            return upwards
        downwards = _passed(known, here[::-1], 1, sample)
        share = fading(unknown).to(known)[:, None, None]
        return torch.where(unknown[:, None, None], torch.lerp(upwards, downwards, share), known)


def _passed(known: Tensor, order: Iterable[int], beside: int, sample: SamplePart) -> Tensor:
    """The crop with its slices drawn in this order, each shown the one `beside` it."""
    done = known.clone()
    for k in order:
        before = k + beside
        inside = 0 <= before < known.shape[2]
        shown = done[:, :, before : before + 1] if inside else None
        done[:, :, k : k + 1] = sample(slice(k, k + 1), shown)
    return done


def fading(unknown: Tensor) -> Tensor:
    """From near 0 to near 1 over every run of unknown slices (D,): the share of what comes from its end.

    >>> fading(torch.tensor([False, True, True, True, False, True])).tolist()
    [0.0, 0.25, 0.5, 0.75, 0.0, 0.5]
    """
    share = torch.zeros(len(unknown))
    start = 0
    for k in range(1, len(unknown) + 1):
        if k == len(unknown) or unknown[k] != unknown[start]:
            if unknown[start]:
                share[start:k] = torch.arange(1, k - start + 1) / (k - start + 1)
            start = k
    return share


def build(config: Config) -> Sequential:
    """The tiling."""
    return Sequential(config)
