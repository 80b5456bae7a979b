"""Towards a number, such as an age or a lesion load, that a regressor of noisy images tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from brainfill.core.config import option
from brainfill.diffusion.guidance._base import GradientConfig, Guide, Judge, climbing
from brainfill.diffusion.levels import Level


@dataclass(frozen=True, kw_only=True)
class Config(GradientConfig):
    """Options of regression guidance."""

    aim: Literal["value", "more", "less"] = option(
        "value", "the wanted number, or steadily more or less of it"
    )


def build(config: Config, judge: Judge, wanted: Tensor) -> Guide:
    """Wolleb et al. 2022, https://arxiv.org/abs/2204.02641.

    Towards a value the push is the distance that is left, so that it ends there by itself.

    Args:
        config: strength, scale and aim.
        judge: one number (B, 1), or (B, 1, D) for every slice of a slab.
        wanted: the number (B,) of each item; with the aim "more" or "less" it is not read.
    """

    def likelihood(x: Tensor, level: Level) -> Tensor:
        told = judge(x, level)
        if config.aim == "value":
            left = wanted.reshape(-1, *(1,) * (told.ndim - 1)) - told
            return -left.square() / 2
        return told if config.aim == "more" else -told

    return climbing(likelihood, config)
