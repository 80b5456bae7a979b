"""Slabs of slices: in-plane convolutions, mixed along the slice axis (pseudo-3D)."""

from __future__ import annotations

from dataclasses import dataclass

from brainfill.core.config import option
from brainfill.models._config import FamilyConfig
from brainfill.models._inpainter import Inpainter, inpainter
from brainfill.nets.unet import UNetConfig


@dataclass(frozen=True, kw_only=True)
class Config(FamilyConfig):
    """A pseudo-3D family; defaults are the preset "small"."""

    unet: UNetConfig = option(
        UNetConfig(
            kind="pseudo3d",
            width=32,
            mult=(1, 2, 4),
            blocks=1,
            groups=8,
            heads=4,
        ),
        "the network",
    )
    window_vox: int = option(
        48, "slices sampled at a time; 0 is all", unit="voxels", low=0, high=1024
    )


PRESETS = {
    "tiny": Config(
        unet=UNetConfig(
            kind="pseudo3d", width=8, mult=(1, 2), blocks=1, groups=4, middle_attention=False
        ),
        crop_vox=(8, 24, 24),
    ),
    "small": Config(),
    # Uhr et al. 2025, https://arxiv.org/abs/2503.20571: 134,332,673 parameters.
    "paper": Config(
        prediction="eps",
        first_fill="zero",
        residual_scale=0.5,
        weighting="snr",
        unet=UNetConfig(
            kind="pseudo3d",
            width=128,
            mult=(1, 1, 2, 2, 4, 4),
            attention=(4,),
            heads=64,
            through_plane_middle=False,
        ),
        crop_vox=(32, 256, 256),
        window_vox=32,
        overlap_vox=4,
    ),
}


def build(config: Config) -> Inpainter:
    """The family with an untrained network."""
    return inpainter(config)
