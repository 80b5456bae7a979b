"""Single slices: every axial slice filled on its own."""

from __future__ import annotations

from dataclasses import dataclass

from brainfill.core.config import option
from brainfill.models._config import FamilyConfig
from brainfill.models._inpainter import Inpainter, inpainter
from brainfill.nets.unet import UNetConfig


@dataclass(frozen=True, kw_only=True)
class Config(FamilyConfig):
    """A 2D family; defaults are the preset "small"."""

    unet: UNetConfig = option(
        UNetConfig(
            kind="2d",
            width=32,
            mult=(1, 2, 4),
            blocks=1,
            groups=8,
            heads=4,
        ),
        "the network",
    )
    crop_vox: tuple[int, int, int] = option(
        (8, 64, 64), "training crop (D, H, W)", unit="voxels", low=0, high=1024
    )


PRESETS = {
    "tiny": Config(
        unet=UNetConfig(width=8, mult=(1, 2), blocks=1, groups=4, middle_attention=False),
        crop_vox=(4, 24, 24),
    ),
    "small": Config(),
    # Uhr et al. 2025, https://arxiv.org/abs/2503.20571: 113,670,913 parameters.
    "paper": Config(
        prediction="eps",
        first_fill="zero",
        residual_scale=0.5,
        weighting="snr",
        unet=UNetConfig(width=128, mult=(1, 1, 2, 2, 4, 4), attention=(4,), heads=64),
        crop_vox=(32, 256, 256),
    ),
}


def build(config: Config) -> Inpainter:
    """The family with an untrained network."""
    return inpainter(config)
