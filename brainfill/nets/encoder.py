"""The encoder half of the U-Net with a few numbers at its end: classifiers and regressors of noisy images."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from brainfill.core.config import option
from brainfill.core.errors import ConfigError
from brainfill.nets.blocks import by_head
from brainfill.nets.convs import GroupNorm, as_slab, as_slices, channels_last
from brainfill.nets.stages import LevelsConfig, WayDown, res_block


@dataclass(frozen=True, kw_only=True)
class EncoderConfig(LevelsConfig):
    """Size and shape of an encoder."""

    grid: tuple[int, ...] = option(
        (8, 8), "voxels of the coarsest level along each axis, in training", low=1, high=256
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        axes = 3 if self.kind == "3d" else 2
        coarsest = self.width * self.mult[-1]
        if len(self.grid) != axes:
            msg = f"grid must hold {axes} numbers for a {self.kind} network, got {self.grid}"
            raise ConfigError(msg)
        if coarsest % (self.head_width or self.heads):
            msg = f"heads must divide the {coarsest} channels of the coarsest level"
            raise ConfigError(msg)


class Encoder(WayDown):
    """x (B, inputs, *S) and a noise index to (B, outputs): Dhariwal and Nichol 2021, section 4.

    https://arxiv.org/abs/2105.05233. S may be any size; a slab seen by a "2d" or "pseudo3d" network
    gives (B, outputs, D), an answer for every slice.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__(config, lambda n: res_block(config, n, n, halves=True))
        self.config = c = config
        top = self.skips[-1]
        heads = top // c.head_width if c.head_width else c.heads
        self.last_norm = GroupNorm(c.groups, top)
        self.pool = AttentionPool(top, heads, c.grid, c.outputs)
        for parameter in self.parameters():
            parameter.data = channels_last(parameter.data)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """The numbers for x (B, inputs, *S) at noise index t (B,)."""
        slab = self.config.kind != "3d" and x.ndim == 5
        depth = x.shape[2] if slab else 1
        x = as_slices(x) if slab else x
        emb = self.embedded(t).repeat_interleave(depth, dim=0)
        h, _ = self.descend(channels_last(x), emb, depth)
        out: Tensor = self.pool(F.silu(self.last_norm(h)))
        return as_slab(out, depth) if slab else out


class AttentionPool(nn.Module):
    """One token, the mean of all voxels, attends to itself and to every voxel.

    Radford et al. 2021, section 2.4, https://arxiv.org/abs/2103.00020. Each voxel of the grid has a
    learnt position, interpolated for grids of another size.
    """

    def __init__(self, channels: int, heads: int, grid: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.heads = heads
        spread = 1 / math.sqrt(channels)
        self.mean_position = nn.Parameter(spread * torch.randn(channels, 1))
        self.position = nn.Parameter(spread * torch.randn(channels, *grid))
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """x (N, C, *S) to (N, outputs)."""
        mode = "bilinear" if x.ndim == 4 else "trilinear"
        position = self.position[None]
        if position.shape[2:] != x.shape[2:]:
            position = F.interpolate(position, size=x.shape[2:], mode=mode, align_corners=False)
        mean = x.flatten(2).mean(2, keepdim=True) + self.mean_position
        tokens = torch.cat([mean, (x + position).flatten(2)], dim=2).transpose(1, 2)
        q, k, v = by_head(self.qkv(tokens), self.heads)
        gathered = F.scaled_dot_product_attention(q[:, :, :1], k, v)
        pooled: Tensor = self.out(gathered.transpose(1, 2).flatten(1))
        return pooled
