"""Residual block, self-attention, and the changes of resolution between levels."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from brainfill.nets.convs import GroupNorm, Kind, ThroughPlane, conv, zeroed


class ResBlock(nn.Module):
    """Two convolutions around an added noise-level embedding, plus a skip connection.

    Ho et al. 2020, https://arxiv.org/abs/2006.11239; pseudo-3D placement as METHODS 1.6: after
    each in-plane convolution, before the embedding and before the skip are added.
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
    ) -> None:
        super().__init__()
        self.norm1 = GroupNorm(groups, inputs)
        self.conv1 = conv(kind, inputs, outputs)
        self.embed = nn.Linear(embedding, outputs)
        self.norm2 = GroupNorm(groups, outputs)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = zeroed(conv(kind, outputs, outputs))
        self.mix1 = ThroughPlane(outputs) if through_plane else None
        self.mix2 = ThroughPlane(outputs) if through_plane else None
        self.skip = nn.Identity() if inputs == outputs else conv(kind, inputs, outputs, size=1)

    def forward(self, x: Tensor, emb: Tensor, depth: int) -> Tensor:
        """x (N, inputs, *S) and emb (N, embedding) to (N, outputs, *S); N = B * depth."""
        h = self.conv1(F.silu(self.norm1(x)))
        if self.mix1 is not None:
            h = self.mix1(h, depth)
        e = self.embed(F.silu(emb)).to(h.dtype)
        h = h + e.reshape(*e.shape, *(1,) * (h.ndim - 2))
        h = self.conv2(self.dropout(F.silu(self.norm2(h))))
        if self.mix2 is not None:
            h = self.mix2(h, depth)
        shortcut: Tensor = self.skip(x)
        return shortcut + h


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
        n, length, channels = tokens.shape
        split = self.qkv(tokens).reshape(n, length, 3, self.heads, channels // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4)
        gathered = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        return x + self.out(gathered).transpose(1, 2).reshape(x.shape)


class Upsample(nn.Module):
    """Nearest-neighbour enlargement to a given size, then a convolution."""

    def __init__(self, kind: Kind, channels: int) -> None:
        super().__init__()
        self.conv = conv(kind, channels, channels)

    def forward(self, x: Tensor, like: Tensor) -> Tensor:
        """x (N, C, *s) to the spatial size of `like`, which may be odd."""
        enlarged: Tensor = self.conv(F.interpolate(x, size=like.shape[2:], mode="nearest"))
        return enlarged
