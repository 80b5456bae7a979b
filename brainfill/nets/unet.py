"""The one U-Net of the project: 2D, 3D or pseudo-3D, skips concatenated or added."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from brainfill.core.config import check_ranges, option
from brainfill.core.errors import ConfigError
from brainfill.nets.blocks import Attention, ResBlock, Upsample
from brainfill.nets.convs import GroupNorm, Kind, channels_last, conv, zeroed
from brainfill.nets.embed import sinusoidal


@dataclass(frozen=True, kw_only=True)
class UNetConfig:
    """Size and shape of a U-Net."""

    kind: Kind = option("2d", "convolutions: in a plane, in a volume, or pseudo-3D")
    inputs: int = option(3, "input channels", low=1, high=4096)
    outputs: int = option(1, "output channels", low=1, high=4096)
    width: int = option(32, "channels of the first level", low=1, high=1024)
    mult: tuple[int, ...] = option(
        (1, 2, 2), "channels of each level, as multiples of width", low=0, high=64
    )
    blocks: int = option(2, "residual blocks per level on the way down", low=1, high=64)
    attention: tuple[int, ...] = option(
        (), "levels with self-attention, 0 is full resolution", low=0, high=64
    )
    middle_attention: bool = option(True, "self-attention at the coarsest level's middle")
    heads: int = option(1, "attention heads", low=1, high=1024)
    groups: int = option(32, "groups of each normalisation", low=1, high=1024)
    skips: Literal["concat", "add"] = option("concat", "how skips join the way up")
    through_plane_middle: bool = option(True, "pseudo-3D mixing in the middle blocks too")
    dropout: float = option(0.0, "dropout in residual blocks", low=0.0, high=0.9)
    checkpointing: bool = option(False, "recompute activations in training to save memory")

    def __post_init__(self) -> None:
        check_ranges(self)
        last = len(self.mult) - 1
        problem = ""
        if not self.mult or min(self.mult) < 1:
            problem = f"mult must hold numbers from 1 on, got {self.mult}"
        elif any(not 0 <= level <= last for level in self.attention):
            problem = f"attention must name levels 0 to {last}, got {self.attention}"
        elif self.width % self.groups:
            problem = f"groups must divide the width of {self.width}, got {self.groups}"
        elif any(c % self.heads for c in self._attending()):
            problem = (
                f"heads must divide the attending channels {self._attending()}, got {self.heads}"
            )
        if problem:
            raise ConfigError(problem)

    def _attending(self) -> list[int]:
        """Channel counts at which there is self-attention."""
        coarsest = self.mult[-1:] if self.middle_attention else ()
        levels = [self.mult[level] for level in self.attention]
        return sorted({self.width * m for m in (*levels, *coarsest)})


class Stage(nn.Module):
    """One level of the U-Net, down or up: blocks with attention, then a change of resolution."""

    def __init__(self) -> None:
        super().__init__()
        self.res = nn.ModuleList()
        self.attention = nn.ModuleList()
        self.resize: nn.Module | None = None

    def add(self, res: nn.Module, attention: nn.Module) -> None:
        """Append one residual block and what follows it."""
        self.res.append(res)
        self.attention.append(attention)

    def pairs(self) -> Iterator[tuple[nn.Module, nn.Module]]:
        """The blocks in order, each with its attention."""
        return zip(self.res, self.attention, strict=True)


class UNet(nn.Module):
    """x (B, inputs, *S) and one number per item to (B, outputs, *S).

    S is (D, H, W), or (H, W) for one slice of "2d", which treats the slices of a slab one by one;
    any size, odd ones too. The way up enlarges to the size
    of each skip. Additive skips are averaged and cost half the memory of concatenated ones
    (Bieder et al. 2023, https://arxiv.org/abs/2303.15288). Layout after Ho et al. 2020 and
    Nichol and Dhariwal 2021, https://arxiv.org/abs/2102.09672; sizes as METHODS 1.5.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = c = config
        self.embed1 = nn.Linear(c.width, 4 * c.width)
        self.embed2 = nn.Linear(4 * c.width, 4 * c.width)
        self.first = conv(c.kind, c.inputs, c.width)

        self.down, skips = _way_down(c)
        bottom = skips[-1]
        self.middle1 = _res(c, bottom, bottom, mixes=c.through_plane_middle)
        self.middle_attention = _attend(c, bottom, wanted=c.middle_attention)
        self.middle2 = _res(c, bottom, bottom, mixes=c.through_plane_middle)
        self.up, top = _way_up(c, skips)

        self.last_norm = GroupNorm(c.groups, top)
        self.last = zeroed(conv(c.kind, top, c.outputs))
        for parameter in self.parameters():
            parameter.data = channels_last(parameter.data)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Network output for x (B, inputs, *S) at time or noise index t (B,)."""
        slab = self.config.kind != "3d" and x.ndim == 5
        depth = x.shape[2] if slab else 1
        if slab:
            x = x.transpose(1, 2).flatten(0, 1)
        emb = self.embed2(F.silu(self.embed1(sinusoidal(t, self.config.width))))
        emb = emb.repeat_interleave(depth, dim=0)

        h = self.first(channels_last(x))
        skips = [h]
        for stage in _stages(self.down):
            for res, attention in stage.pairs():
                h = attention(self._run(res, h, emb, depth))
                skips.append(h)
            if stage.resize is not None:
                h = stage.resize(h)
                skips.append(h)

        h = self._run(self.middle1, h, emb, depth)
        h = self._run(self.middle2, self.middle_attention(h), emb, depth)

        for stage in _stages(self.up):
            for res, attention in stage.pairs():
                h = attention(self._run(res, self._join(h, skips.pop()), emb, depth))
            if stage.resize is not None:
                h = stage.resize(h, like=skips[-1])

        out: Tensor = self.last(F.silu(self.last_norm(h)))
        if slab:
            out = out.reshape(-1, depth, *out.shape[1:]).transpose(1, 2)
        return out

    def _join(self, h: Tensor, skip: Tensor) -> Tensor:
        return torch.cat([h, skip], dim=1) if self.config.skips == "concat" else (h + skip) / 2

    def _run(self, block: Callable[..., Tensor], *inputs: Tensor | int) -> Tensor:
        if self.config.checkpointing and self.training:
            recomputed: Tensor = checkpoint(block, *inputs, use_reentrant=False)
            return recomputed
        return block(*inputs)


def _way_down(c: UNetConfig) -> tuple[nn.ModuleList, list[int]]:
    """The levels on the way down, and the channels of every tensor kept as a skip."""
    stages = nn.ModuleList()
    skips = [channels := c.width]
    for level, mult in enumerate(c.mult):
        stage = Stage()
        for _ in range(c.blocks):
            width = c.width * mult
            stage.add(_res(c, channels, width), _attend(c, width, wanted=level in c.attention))
            skips.append(channels := width)
        if level < len(c.mult) - 1:
            stage.resize = conv(c.kind, channels, channels, stride=2)
            skips.append(channels)
        stages.append(stage)
    return stages, skips


def _way_up(c: UNetConfig, skips: list[int]) -> tuple[nn.ModuleList, int]:
    """The levels on the way up, coarsest first, and the channels at the top."""
    stages = nn.ModuleList()
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
            stage.add(_res(c, inputs, width), _attend(c, width, wanted=level in c.attention))
            channels = width
        if level > 0:
            stage.resize = Upsample(c.kind, channels)
        stages.append(stage)
    return stages, channels


def _res(c: UNetConfig, inputs: int, outputs: int, *, mixes: bool = True) -> ResBlock:
    mixes = mixes and c.kind == "pseudo3d"
    return ResBlock(
        c.kind, inputs, outputs, 4 * c.width, c.groups, through_plane=mixes, dropout=c.dropout
    )


def _attend(c: UNetConfig, channels: int, *, wanted: bool) -> nn.Module:
    return Attention(channels, c.heads, c.groups) if wanted else nn.Identity()


def _stages(modules: nn.ModuleList) -> list[Stage]:
    return cast("list[Stage]", list(modules))


def count_parameters(net: nn.Module) -> int:
    """Number of trained values."""
    return sum(p.numel() for p in net.parameters())
