"""The way down that all networks here share: levels of residual blocks, each on half the grid of the one before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from brainfill.core.config import check_ranges, option
from brainfill.core.errors import ConfigError
from brainfill.nets.blocks import Attention, ResBlock
from brainfill.nets.convs import Kind, conv
from brainfill.nets.embed import sinusoidal

_MOST_LEVELS = 8


@dataclass(frozen=True, kw_only=True)
class LevelsConfig:
    """Size and shape of the levels of a network."""

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
    head_width: int = option(
        0, "channels of each attention head, whose number follows; 0 takes heads", low=0, high=1024
    )
    groups: int = option(32, "groups of each normalisation", low=1, high=1024)
    scale_shift: bool = option(
        False, "the noise level also scales features, instead of only shifting them"
    )
    through_plane_middle: bool = option(True, "pseudo-3D mixing in the middle blocks too")
    dropout: float = option(0.0, "dropout in residual blocks", low=0.0, high=0.9)
    checkpointing: bool = option(False, "recompute activations in training to save memory")

    def __post_init__(self) -> None:
        check_ranges(self)
        last = len(self.mult) - 1
        problem = ""
        if not 1 <= len(self.mult) <= _MOST_LEVELS or min(self.mult) < 1:
            problem = f"mult must hold 1 to {_MOST_LEVELS} numbers from 1 on, got {self.mult[: _MOST_LEVELS + 1]}"
        elif any(not 0 <= level <= last for level in self.attention):
            problem = f"attention must name levels 0 to {last}, got {self.attention}"
        elif self.width % self.groups:
            problem = f"groups must divide the width of {self.width}, got {self.groups}"
        elif any(c % (self.head_width or self.heads) for c in self._attending()):
            name, size = (
                ("head_width", self.head_width) if self.head_width else ("heads", self.heads)
            )
            problem = f"{name} must divide the attending channels {self._attending()}, got {size}"
        if problem:
            raise ConfigError(problem)

    def _attending(self) -> list[int]:
        """Channel counts at which there is self-attention."""
        coarsest = self.mult[-1:] if self.middle_attention else ()
        levels = [self.mult[level] for level in self.attention]
        return sorted({self.width * m for m in (*levels, *coarsest)})


class Stage(nn.Module):
    """One level, down or up: blocks with attention, then a change of resolution."""

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


class WayDown(nn.Module):
    """Embedding of the noise level, the levels down to the coarsest, and the middle there.

    Args:
        config: sizes.
        halve: makes what leads from one level to the next, for a number of channels.
    """

    def __init__(self, config: LevelsConfig, halve: Callable[[int], nn.Module]) -> None:
        super().__init__()
        c = config
        self.embed1 = nn.Linear(c.width, 4 * c.width)
        self.embed2 = nn.Linear(4 * c.width, 4 * c.width)
        self.first = conv(c.kind, c.inputs, c.width)

        self.down = nn.ModuleList()
        self.skips = [channels := c.width]  # channels of every tensor met on the way
        for level, mult in enumerate(c.mult):
            stage = Stage()
            for _ in range(c.blocks):
                width = c.width * mult
                stage.add(res_block(c, channels, width), attend(c, width, level in c.attention))
                self.skips.append(channels := width)
            if level < len(c.mult) - 1:
                stage.resize = halve(channels)
                self.skips.append(channels)
            self.down.append(stage)
        self.middle1 = res_block(c, channels, channels, mixes=c.through_plane_middle)
        self.middle_attention = attend(c, channels, c.middle_attention)
        self.middle2 = res_block(c, channels, channels, mixes=c.through_plane_middle)
        self._recomputes = c.checkpointing

    def embedded(self, numbers: Tensor) -> Tensor:
        """Embedding (N, 4 width) of one number for each item, such as a noise index (N,)."""
        waves = sinusoidal(numbers, self.embed1.in_features)
        embedding: Tensor = self.embed2(F.silu(self.embed1(waves)))
        return embedding

    def descend(self, x: Tensor, emb: Tensor, depth: int) -> tuple[Tensor, list[Tensor]]:
        """x (N, inputs, *S) down to the end of the middle, and every tensor met on the way."""
        h = self.first(x)
        met = [h]
        for stage in stages(self.down):
            for res, attention in stage.pairs():
                h = attention(self.run(res, h, emb, depth))
                met.append(h)
            if isinstance(stage.resize, ResBlock):
                h = self.run(stage.resize, h, emb, depth)
                met.append(h)
            elif stage.resize is not None:
                h = stage.resize(h)
                met.append(h)
        h = self.run(self.middle1, h, emb, depth)
        return self.run(self.middle2, self.middle_attention(h), emb, depth), met

    def run(self, block: Callable[..., Tensor], *inputs: Tensor | int) -> Tensor:
        """The block's output; in training its inner values may be forgotten and computed once more."""
        if self._recomputes and self.training:
            recomputed: Tensor = checkpoint(block, *inputs, use_reentrant=False)
            return recomputed
        return block(*inputs)


def res_block(
    c: LevelsConfig, inputs: int, outputs: int, *, mixes: bool = True, halves: bool = False
) -> ResBlock:
    """A residual block of this network; `mixes` allows a pseudo-3D one to mix slices."""
    return ResBlock(
        c.kind,
        inputs,
        outputs,
        4 * c.width,
        c.groups,
        through_plane=mixes and c.kind == "pseudo3d",
        dropout=c.dropout,
        scale_shift=c.scale_shift,
        halves=halves,
    )


def attend(c: LevelsConfig, channels: int, wanted: bool) -> nn.Module:
    """Self-attention over this many channels, or nothing."""
    if not wanted:
        return nn.Identity()
    return Attention(channels, channels // c.head_width if c.head_width else c.heads, c.groups)


def stages(modules: nn.ModuleList) -> list[Stage]:
    """The levels in a list of modules."""
    return cast("list[Stage]", list(modules))
