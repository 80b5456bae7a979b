"""The three kinds of convolution: in a plane, in a volume, and pseudo-3D."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Kind = Literal["2d", "3d", "pseudo3d"]


def conv(kind: Kind, inputs: int, outputs: int, size: int = 3, stride: int = 1) -> nn.Module:
    """A convolution that keeps the grid (stride 1) or halves it, rounding up (stride 2).

    Pseudo-3D networks convolve within the plane here; `ThroughPlane` adds the third axis.
    """
    make = Conv3d if kind == "3d" else nn.Conv2d
    return make(inputs, outputs, size, stride=stride, padding=size // 2)


def zeroed(module: nn.Module) -> nn.Module:
    """The module with all parameters set to zero, so that it starts by adding nothing."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module


def channels_last(x: Tensor) -> Tensor:
    """The tensor laid out with channels innermost, in which convolutions are fastest."""
    if x.ndim == 4:
        return x.contiguous(memory_format=torch.channels_last)
    return x.contiguous(memory_format=torch.channels_last_3d) if x.ndim == 5 else x


def padded(x: Tensor, factor: int) -> Tensor:
    """x (N, C, *S) with every side brought up to a multiple of `factor`; ends are repeated."""
    ends = [p for side in reversed(x.shape[2:]) for p in (0, -side % factor)]
    return F.pad(x, ends, mode="replicate") if any(ends) else x


def as_slices(x: Tensor) -> Tensor:
    """A slab (B, C, D, H, W) as slices (B * D, C, H, W)."""
    return x.transpose(1, 2).flatten(0, 1)


def as_slab(x: Tensor, depth: int) -> Tensor:
    """What slices (B * depth, C, ...) are together: (B, C, depth, ...)."""
    return x.reshape(-1, depth, *x.shape[1:]).transpose(1, 2)


class Conv3d(nn.Conv3d):
    """A 3D convolution that always takes oneDNN on a CPU.

    For one small float32 item torch would choose its own kernel, which is ten times slower.
    """

    def forward(self, x: Tensor) -> Tensor:
        """x (B, inputs, D, H, W) to (B, outputs, d, h, w)."""
        small = x.device.type == "cpu" and x.shape[0] == 1
        training = torch.is_grad_enabled() or torch.is_autocast_enabled("cpu")
        if small and not training and torch.backends.mkldnn.enabled:
            return torch.ops.aten.mkldnn_convolution(
                x, self.weight, self.bias, self.padding, self.stride, self.dilation, self.groups
            )
        return super().forward(x)


class GroupNorm(nn.GroupNorm):
    """Group normalisation computed in float32, whatever the precision around it.

    Besides being exact, on a CPU its bfloat16 channels-last backward pass is several times slower.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x (B, C, *S); returns the type of x."""
        with torch.autocast(x.device.type, enabled=False):
            y = F.group_norm(x.float(), self.num_groups, self.weight, self.bias, self.eps)
        return y.to(x.dtype)


class ThroughPlane(nn.Module):
    """The second half of a pseudo-3D convolution: three taps along the slice axis.

    Starts as the identity, so a network with 2D weights gives the 2D answer slice by slice.
    After Zhu et al. 2023, https://arxiv.org/abs/2307.10094 (Make-A-Volume).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(channels, channels, (3, 1, 1), padding=(1, 0, 0))
        nn.init.dirac_(self.conv.weight)
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, depth: int) -> Tensor:
        """Mix neighbouring slices of x (B * depth, C, H, W); same shape."""
        return as_slices(self.conv(as_slab(x, depth)))
