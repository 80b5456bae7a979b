"""Wavelets: 3D convolutions with additive skips on the eight Haar bands of a block, at half its resolution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from brainfill.core.config import option
from brainfill.diffusion.levels import ScheduleConfig
from brainfill.models._config import FamilyConfig
from brainfill.models._inpainter import Inpainter, inpainter
from brainfill.nets.unet import UNetConfig


@dataclass(frozen=True, kw_only=True)
class Config(FamilyConfig):
    """A wavelet family; defaults are the preset "small".

    Taught two noise levels, it fills in two network calls (Durrer et al. 2025,
    https://arxiv.org/abs/2507.13146).
    """

    schedule: ScheduleConfig = option(ScheduleConfig(name="vp"), "noise levels of training")
    levels: int = option(
        2, "noise levels that the network is taught, evenly in time; 0 is all", low=0, high=1000
    )
    codec: str = option(
        "haar", "what images become before they are noised; see: brainfill list codecs"
    )
    codec_options: dict[str, Any] = option(
        {"divisor": math.sqrt(8)}, "options of the codec, such as its divisor"
    )
    unet: UNetConfig = option(
        UNetConfig(
            kind="3d",
            width=32,
            mult=(1, 2, 4),
            blocks=1,
            groups=8,
            skips="add",
            middle_attention=False,
        ),
        "the network",
    )
    crop_vox: tuple[int, int, int] = option(
        (48, 48, 48), "training crop (D, H, W)", unit="voxels", low=0, high=1024
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
    # Friedrich et al. 2024, https://arxiv.org/abs/2402.19043, made to fill holes: 73,681,864 parameters. Noise levels,
    # bands and error as they are there; recipes choose those of the faster model.
    "paper": Config(
        schedule=ScheduleConfig(),
        levels=0,
        codec_options={"low_divisor": 3.0},
        first_fill="zero",
        residual_scale=0.5,
        unet=UNetConfig(
            kind="3d",
            width=64,
            mult=(1, 2, 2, 4, 4, 4),
            skips="add",
            middle_attention=False,
        ),
        crop_vox=(256, 256, 256),
    ),
}


def build(config: Config) -> Inpainter:
    """The family with an untrained network."""
    return inpainter(config)
