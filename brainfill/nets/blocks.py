"""Residual block, self-attention, and the changes of resolution between levels."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from brainfill.nets.convs import GroupNorm, Kind, ThroughPlane, conv, padded, zeroed


class ResBlock(nn.Module):
    """Two convolutions around an added noise-level embedding, plus a skip connection.

    Ho et al. 2020, https://arxiv.org/abs/2006.11239. Pseudo-3D mixing follows each in-plane
    convolution, before the embedding and before the skip are added. With `scale_shift` the embedding
    scales and shifts the second normalisation, and with `halves` the block also halves the grid, by
    means (Dhariwal and Nichol 2021, section 3, https://arxiv.org/abs/2105.05233).
    """

    def __init__(
        self,
        kind: Kind,
        inputs: int,
        outputs: int,
        embedding: int,
        groups: int,
        *,
        through_plane: bool,
        dropout: float = 0.0,
        scale_shift: bool = False,
        halves: bool = False,
    ) -> None:
        super().__init__()
        self.norm1 = GroupNorm(groups, inputs)
        self.conv1 = conv(kind, inputs, outputs)
        self.embed = nn.Linear(embedding, 2 * outputs if scale_shift else outputs)
        self.norm2 = GroupNorm(groups, outputs)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = zeroed(conv(kind, outputs, outputs))
        self.mix1 = ThroughPlane(outputs) if through_plane else None
        self.mix2 = ThroughPlane(outputs) if through_plane else None
        self.scale_shift = scale_shift
        self.halves = halves
        self.skip = nn.Identity() if inputs == outputs else conv(kind, inputs, outputs, size=1)

    def forward(self, x: Tensor, emb: Tensor, depth: int) -> Tensor:
        """x (N, inputs, *S) and emb (N, embedding) to (N, outputs, *S); N = B * depth."""
        h = F.silu(self.norm1(x))
        if self.halves:
            x, h = halved(x), halved(h)
        h = self.conv1(h)
        if self.mix1 is not None:
            h = self.mix1(h, depth)
        e = self.embed(F.silu(emb)).to(h.dtype)
        e = e.reshape(*e.shape, *(1,) * (h.ndim - 2))
        if self.scale_shift:
            scale, shift = e.chunk(2, dim=1)
            h = self.norm2(h) * (1 + scale) + shift
        else:
            h = self.norm2(h + e)
        h = self.conv2(self.dropout(F.silu(h)))
        if self.mix2 is not None:
            h = self.mix2(h, depth)
        shortcut: Tensor = self.skip(x)
        return shortcut + h


def halved(x: Tensor) -> Tensor:
    """Means of 2 x 2 (x 2) voxels of x (N, C, *S); what is left over at an odd end is a mean of its own."""
    even = padded(x, 2)
    return F.avg_pool2d(even, 2) if x.ndim == 4 else F.avg_pool3d(even, 2)


class Attention(nn.Module):
    """Multi-head self-attention over all positions of one item (one slice, in pseudo-3D)."""

    def __init__(self, channels: int, heads: int, groups: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = GroupNorm(groups, channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = zeroed(nn.Linear(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        """x (N, C, *S) plus what each position gathers from the others; same shape."""
        tokens = self.norm(x).flatten(2).transpose(1, 2)
        q, k, v = by_head(self.qkv(tokens), self.heads)
        gathered = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        return x + self.out(gathered).transpose(1, 2).reshape(x.shape)


def by_head(projected: Tensor, heads: int) -> Tensor:
    """Queries, keys and values (n, length, 3 C) of every head: (3, n, heads, length, C / heads)."""
    return torch.unflatten(projected, 2, (3, heads, -1)).permute(2, 0, 3, 1, 4)


class Upsample(nn.Module):
    """Nearest-neighbour enlargement to a given size, then a convolution."""

    def __init__(self, kind: Kind, channels: int) -> None:
        super().__init__()
        self.conv = conv(kind, channels, channels)

    def forward(self, x: Tensor, like: Tensor) -> Tensor:
        """x (N, C, *s) to the spatial size of `like`, which may be odd."""
        enlarged: Tensor = self.conv(F.interpolate(x, size=like.shape[2:], mode="nearest"))
        return enlarged
