"""Blocks: a 3D U-Net that sees blocks of 2 x 2 x 2 voxels as channels, so that it works at half resolution."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from brainfill.core.config import option
from brainfill.nets.convs import padded
from brainfill.nets.unet import UNetConfig, build_unet
from brainfill.segmentation._base import Segmenter, SegmenterConfig

_SIDE = 2
_BLOCK = _SIDE**3


@dataclass(frozen=True, kw_only=True)
class Config(SegmenterConfig):
    """A 3D segmentation network; defaults are the preset "small"."""

    unet: UNetConfig = option(
        UNetConfig(
            kind="3d",
            width=16,
            mult=(1, 2, 4),
            blocks=1,
            groups=4,
            skips="add",
            middle_attention=False,
        ),
        "the network",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        # What the network takes and gives follows from the rest.
        unet = replace(
            self.unet, kind="3d", inputs=_BLOCK, outputs=_BLOCK * (len(self.classes) - 1)
        )
        object.__setattr__(self, "unet", unet)


PRESETS = {
    "tiny": Config(
        unet=UNetConfig(width=8, mult=(1, 2), blocks=1, groups=4, middle_attention=False),
        crop_vox=(16, 16, 16),
    ),
    "small": Config(),
}


class BlockNet(nn.Module):
    """The U-Net between the change of blocks into channels and its reverse.

    At half resolution a convolution costs an eighth and sees twice as far. Sub-pixel outputs after
    Shi et al. 2016, https://arxiv.org/abs/1609.05158.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.unet = build_unet(config)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, 1, D, H, W), any size, to logits (B, classes - 1, D, H, W)."""
        size = x.shape[2:]
        noise_level = torch.zeros(len(x), device=x.device)  # there is none
        return _to_voxels(self.unet(_to_channels(padded(x, _SIDE)), noise_level))[
            :, :, : size[0], : size[1], : size[2]
        ]


def build(config: Config) -> Segmenter:
    """The segmenter with an untrained network."""
    return Segmenter(config, BlockNet(config.unet))


def _to_channels(x: Tensor) -> Tensor:
    """(B, 1, 2D, 2H, 2W) to (B, 8, D, H, W)."""
    b, _, d, h, w = x.shape
    s = _SIDE
    blocks = x.reshape(b, d // s, s, h // s, s, w // s, s).permute(0, 2, 4, 6, 1, 3, 5)
    return blocks.reshape(b, _BLOCK, d // s, h // s, w // s)


def _to_voxels(x: Tensor) -> Tensor:
    """(B, 8 C, D, H, W) to (B, C, 2D, 2H, 2W)."""
    b, c, d, h, w = x.shape
    s = _SIDE
    blocks = x.reshape(b, -1, s, s, s, d, h, w).permute(0, 1, 5, 2, 6, 3, 7, 4)
    return blocks.reshape(b, c // _BLOCK, s * d, s * h, s * w)
