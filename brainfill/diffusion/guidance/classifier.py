"""Towards a class that a classifier of noisy images knows."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from brainfill.diffusion.guidance._base import GradientConfig, Guide, Judge, climbing
from brainfill.diffusion.levels import Level


@dataclass(frozen=True, kw_only=True)
class Config(GradientConfig):
    """Options of classifier guidance."""


def build(config: Config, judge: Judge, wanted: Tensor) -> Guide:
    """Dhariwal and Nichol 2021, section 4, https://arxiv.org/abs/2105.05233.

    Args:
        config: strength and scale.
        judge: logits (B, K), or (B, K, D) for every slice of a slab.
        wanted: class (B,) of each item.
    """

    def likelihood(x: Tensor, level: Level) -> Tensor:
        each = judge(x, level).log_softmax(dim=1)
        return each[torch.arange(len(x), device=x.device), wanted]

    return climbing(likelihood, config)
