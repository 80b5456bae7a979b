"""Blocks: 3D convolutions with additive skips, which halve the memory of the way up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from brainfill.core.config import option
from brainfill.models._config import FamilyConfig
from brainfill.models._inpainter import Inpainter, inpainter
from brainfill.nets.unet import UNetConfig


@dataclass(frozen=True, kw_only=True)
class Config(FamilyConfig):
    """A 3D family; defaults are the preset "small"."""

    first_fill: Literal["patch", "harmonic", "zero"] = option(
        "patch", "what the fill is relative to"
    )
    residual_scale: float = option(
        0.05, "typical size of fill minus first fill", unit="of white matter", low=1e-3, high=10
    )

    details: tuple[float, ...] = option(
        (0.7, 2.0),
        "widths of the blurs whose difference to the first fill is shown as well",
        unit="voxels",
        low=0,
        high=100,
    )
    unet: UNetConfig = option(
        UNetConfig(
            kind="3d",
            width=16,
            mult=(1, 2, 4, 6),
            blocks=1,
            groups=8,
            heads=4,
            skips="add",
        ),
        "the network",
    )
    crop_vox: tuple[int, int, int] = option(
        (32, 32, 32), "training crop (D, H, W)", unit="voxels", low=0, high=1024
    )


PRESETS = {
    "tiny": Config(
        unet=UNetConfig(
            kind="3d",
            width=8,
            mult=(1, 2),
            blocks=1,
            groups=4,
            skips="add",
            middle_attention=False,
        ),
        crop_vox=(16, 16, 16),
    ),
    "small": Config(),
    # Durrer et al. 2024, https://arxiv.org/abs/2403.14499: 24,256,384 parameters; trained on patches as Bieder et al.
    # 2023 do, https://arxiv.org/abs/2303.15288.
    "paper": Config(
        prediction="eps",
        first_fill="zero",
        details=(),
        residual_scale=0.5,
        weighting="snr",
        unet=UNetConfig(
            kind="3d",
            width=29,
            mult=(1, 3, 4, 4, 4, 4, 4),
            groups=29,
            skips="add",
            middle_attention=False,
        ),
        crop_vox=(128, 128, 128),
    ),
}


def build(config: Config) -> Inpainter:
    """The family with an untrained network."""
    return inpainter(config)
