"""Slices in order: each is filled knowing its number and the finished slice before it."""

from __future__ import annotations

from dataclasses import dataclass

from brainfill.core.config import option
from brainfill.models._config import FamilyConfig
from brainfill.models._inpainter import Inpainter, inpainter
from brainfill.nets.unet import UNetConfig


@dataclass(frozen=True, kw_only=True)
class Config(FamilyConfig):
    """A sequential 2D family; defaults are the preset "small".

    In training the slice before is the true one (Durrer et al. 2024, https://arxiv.org/abs/2403.14499).
    """

    unet: UNetConfig = option(
        UNetConfig(
            kind="2d",
            width=32,
            mult=(1, 2, 4),
            blocks=1,
            groups=8,
            heads=4,
            position=True,
        ),
        "the network",
    )
    follows: bool = option(
        True, "each slice is shown the finished one before it, as the tiling 'sequential' gives it"
    )
    tiling: str = option(
        "sequential",
        "how crops are cut and joined, see: brainfill list tilings; empty is slabs of window_vox",
    )
    crop_vox: tuple[int, int, int] = option(
        (8, 64, 64), "training crop (D, H, W)", unit="voxels", low=0, high=1024
    )


PRESETS = {
    "tiny": Config(
        unet=UNetConfig(
            width=8, mult=(1, 2), blocks=1, groups=4, middle_attention=False, position=True
        ),
        crop_vox=(4, 24, 24),
    ),
    "small": Config(),
    # Durrer et al. 2024, https://arxiv.org/abs/2403.14499: 113,673,218 parameters.
    "paper": Config(
        prediction="eps",
        learned_variance=True,
        first_fill="zero",
        residual_scale=0.5,
        weighting="snr",
        unet=UNetConfig(width=128, mult=(1, 1, 2, 2, 4, 4), attention=(4,), position=True),
        crop_vox=(16, 224, 224),
    ),
}


def build(config: Config) -> Inpainter:
    """The family with an untrained network."""
    return inpainter(config)
