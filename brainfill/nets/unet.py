"""The one U-Net of the project: 2D, 3D or pseudo-3D, skips concatenated or added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from brainfill.core.config import option
from brainfill.core.errors import ConfigError
from brainfill.nets.blocks import Upsample
from brainfill.nets.convs import GroupNorm, as_slab, as_slices, channels_last, conv, zeroed
from brainfill.nets.embed import NO_CLASS
from brainfill.nets.stages import LevelsConfig, Stage, WayDown, attend, res_block, stages

MOST_PARAMETERS = 500_000_000


@dataclass(frozen=True, kw_only=True)
class UNetConfig(LevelsConfig):
    """Size and shape of a U-Net."""

    skips: Literal["concat", "add"] = option("concat", "how skips join the way up")
    classes: int = option(
        0, "kinds of image that the network is told apart; 0 tells none", low=0, high=1000
    )
    position: bool = option(False, "the network is told the number of each slice")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.position and self.kind == "3d":
            msg = "position numbers slices, and a 3d network sees none"
            raise ConfigError(msg, "show it coordinates as channels")


class UNet(WayDown):
    """x (B, inputs, *S) and one number per item to (B, outputs, *S).

    S is (D, H, W), or (H, W) for one slice of "2d", which treats the slices of a slab one by one;
    any size, odd ones too. The way up enlarges to the size
    of each skip. Additive skips are averaged and cost half the memory of concatenated ones
    (Bieder et al. 2023, https://arxiv.org/abs/2303.15288). Layout after Ho et al. 2020 and
    Nichol and Dhariwal 2021, https://arxiv.org/abs/2102.09672.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__(config, lambda n: conv(config.kind, n, n, stride=2))
        self.config = c = config
        self.up, top = _way_up(c, self.skips)
        self.last_norm = GroupNorm(c.groups, top)
        self.last = zeroed(conv(c.kind, top, c.outputs))
        self.embed_class = nn.Embedding(c.classes, 4 * c.width) if c.classes else None
        for parameter in self.parameters():
            parameter.data = channels_last(parameter.data)

    def forward(
        self,
        x: Tensor,
        t: Tensor,
        label: Tensor | None = None,
        position: Tensor | None = None,
    ) -> Tensor:
        """Network output.

        Args:
            x: (B, inputs, *S).
            t: time or noise index (B,).
            label: class (B,) of each item, `NO_CLASS` where it is not told, which None means for all.
            position: number of each slice, (B, D) for slabs and (B,) for single slices.

        Raises:
            ConfigError: the network was not made to be told a label or a position, or needs the latter.
        """
        if (label is not None and self.embed_class is None) or (
            (position is not None) != self.config.position
        ):
            msg = "the network is told what it was not made for, or not told what it needs"
            raise ConfigError(msg, "see unet.classes and unet.position of its configuration")
        slab = self.config.kind != "3d" and x.ndim == 5
        depth = x.shape[2] if slab else 1
        x = as_slices(x) if slab else x
        emb = self.embedded(t)
        if label is not None and self.embed_class is not None:
            told = (label != NO_CLASS)[:, None]
            emb = emb + self.embed_class(label.clamp(min=0)) * told
        emb = emb.repeat_interleave(depth, dim=0)
        if position is not None:
            emb = emb + self.embedded(position.flatten())

        h, skips = self.descend(channels_last(x), emb, depth)
        for stage in stages(self.up):
            for res, attention in stage.pairs():
                h = attention(self.run(res, self._join(h, skips.pop()), emb, depth))
            if stage.resize is not None:
                h = stage.resize(h, like=skips[-1])

        out: Tensor = self.last(F.silu(self.last_norm(h)))
        return as_slab(out, depth) if slab else out

    def _join(self, h: Tensor, skip: Tensor) -> Tensor:
        return torch.cat([h, skip], dim=1) if self.config.skips == "concat" else (h + skip) / 2


def _way_up(c: UNetConfig, skips: list[int]) -> tuple[nn.ModuleList, int]:
    """The levels on the way up, coarsest first, and the channels at the top."""
    levels = nn.ModuleList()
    skips = skips.copy()
    channels = skips[-1]
    for level, mult in reversed(list(enumerate(c.mult))):
        stage = Stage()
        for _ in range(c.blocks + 1):
            skip = skips.pop()
            if c.skips == "concat":
                inputs, width = channels + skip, c.width * mult
            else:  # the next skip is added to this block's output, so the channels must agree
                inputs, width = channels, skips[-1] if skips else c.width
            stage.add(res_block(c, inputs, width), attend(c, width, level in c.attention))
            channels = width
        if level > 0:
            stage.resize = Upsample(c.kind, channels)
        levels.append(stage)
    return levels, channels


def build_unet(config: UNetConfig) -> UNet:
    """An untrained U-Net, unless it would be larger than any that is used.

    Raises:
        ConfigError: it would have more than `MOST_PARAMETERS`.
    """
    with torch.device("meta"):  # counted without memory for a single one
        parameters = count_parameters(UNet(config))
    if parameters > MOST_PARAMETERS:
        msg = (
            f"the network would have {parameters / 1e6:.0f} million parameters, "
            f"expected at most {MOST_PARAMETERS / 1e6:.0f} million"
        )
        raise ConfigError(msg, "take a smaller unet.width, unet.mult or unet.blocks")
    return UNet(config)


def count_parameters(net: nn.Module) -> int:
    """Number of trained values."""
    return sum(p.numel() for p in net.parameters())
