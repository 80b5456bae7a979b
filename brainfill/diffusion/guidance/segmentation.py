"""Towards a mask that a segmenter of noisy images is to find."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from brainfill.diffusion.guidance._base import GradientConfig, Guide, Judge, climbing
from brainfill.diffusion.levels import Level


@dataclass(frozen=True, kw_only=True)
class Config(GradientConfig):
    """Options of segmentation guidance."""


def build(config: Config, judge: Judge, wanted: Tensor) -> Guide:
    """Wolleb et al. 2022, https://arxiv.org/abs/2204.02641, with the sign that lowers the cross-entropy.

    Args:
        config: strength and scale; the likelihood is the sum over all voxels, not their mean.
        judge: logits (B, K, *S).
        wanted: masks (B, K, *S), 1 where the class shall be found.
    """

    def likelihood(x: Tensor, level: Level) -> Tensor:
        logits = judge(x, level)
        return -F.binary_cross_entropy_with_logits(logits, wanted.to(logits), reduction="none")

    return climbing(likelihood, config)
