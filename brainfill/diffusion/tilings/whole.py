"""The whole crop in one network call."""

from __future__ import annotations

from dataclasses import dataclass

from brainfill.diffusion.denoiser import Denoiser
from brainfill.diffusion.tilings._base import AtOnce


@dataclass(frozen=True, kw_only=True)
class Config:
    """The whole has no options."""


class Whole(AtOnce):
    """Nothing is cut."""

    def wrap(self, denoiser: Denoiser) -> Denoiser:
        """The denoiser itself."""
        return denoiser


def build(config: Config) -> Whole:  # noqa: ARG001 - registry signature
    """The tiling."""
    return Whole()
