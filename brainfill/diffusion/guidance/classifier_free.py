"""Away from what the network says of no class in particular, towards what it says of the class."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from brainfill.core.config import check_ranges, option
from brainfill.core.errors import ConfigError
from brainfill.diffusion.denoiser import Condition, Estimate
from brainfill.diffusion.guidance._base import Ask, Guide, Judge
from brainfill.diffusion.levels import Level
from brainfill.nets.embed import NO_CLASS


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of guidance without a classifier."""

    strength: float = option(
        1.0, "how far beyond the class's own estimate; 0 is that estimate", low=0.0, high=100.0
    )

    def __post_init__(self) -> None:
        check_ranges(self)


def build(config: Config, judge: Judge | None = None, wanted: Tensor | None = None) -> Guide:  # noqa: ARG001 - registry signature
    """Ho and Salimans 2022, eq. 6, https://arxiv.org/abs/2207.12598.

    The network itself judges; it must have been trained with classes, some of them dropped, and the
    wanted class is the one of its condition.
    """

    def guide(
        x: Tensor,  # noqa: ARG001 - protocol
        level: Level,  # noqa: ARG001 - protocol
        cond: Condition,
        said: Estimate,
        ask: Ask,
    ) -> Tensor:
        if cond.label is None:
            msg = "guidance without a classifier needs a class to draw towards"
            raise ConfigError(msg, "name the wanted class")
        none = replace(cond, label=torch.full_like(cond.label, NO_CLASS))
        return config.strength * (said.clean - ask(none).clean)

    return guide
