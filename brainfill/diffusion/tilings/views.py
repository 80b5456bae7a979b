"""Slices along one axis after another, from step to step, so that no axis keeps stripes."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from brainfill.core.errors import ConfigError
from brainfill.diffusion.denoiser import Condition, Denoiser, Estimate
from brainfill.diffusion.levels import Level
from brainfill.diffusion.tilings._base import AtOnce

_AXES = 3


@dataclass(frozen=True, kw_only=True)
class Config:
    """Views have no options."""


class Views(AtOnce):
    """Axial, coronal, sagittal, axial, ... by the number of the move.

    Each view corrects what slices of the other two do not know of each other (Lee et al. 2023,
    https://arxiv.org/abs/2303.08440, with three views instead of two). The denoiser is told the move's
    number, so that it can choose a network for each view.
    """

    def wrap(self, denoiser: Denoiser) -> Denoiser:
        """A denoiser of (B, C, D, H, W) from one whose third axis is D, H and W in turn.

        Raises:
            ConfigError (when called): slices are told their number, which two of the views do not have.
        """

        def run(x: Tensor, level: Level, cond: Condition, *, turn: int = 0) -> Estimate:
            if cond.position is not None:
                msg = "tiling 'views' knows no slice numbers"
                raise ConfigError(msg, "take a model without position")
            axis = 2 + turn % _AXES
            channels = None if cond.channels is None else cond.channels.movedim(axis, 2)
            seen = Condition(channels, cond.label)
            said = denoiser(x.movedim(axis, 2), level, seen, turn=turn)
            return Estimate(*(field.movedim(2, axis) for field in said.given()))

        return run


def build(config: Config) -> Views:  # noqa: ARG001 - registry signature
    """The tiling."""
    return Views()
