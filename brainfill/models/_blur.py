"""Gaussian blur of crops; what it takes away is the detail shown to a network."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def blurred(x: Tensor, width_vox: float) -> Tensor:
    """The crops (B, N, D, H, W) after a Gaussian of this standard deviation; ends are repeated."""
    shape_before, x = x.shape, x.flatten(0, 1)[:, None]
    reach = max(1, round(3 * width_vox))
    kernel = torch.arange(-reach, reach + 1, dtype=x.dtype, device=x.device) / width_vox
    kernel = torch.softmax(-0.5 * kernel**2, dim=0)
    for axis in (2, 3, 4):
        shape, pad = [1] * 5, [0] * 6
        shape[axis] = 2 * reach + 1
        pad[8 - 2 * axis] = pad[9 - 2 * axis] = reach
        # Half precision would cost the very detail that is wanted.
        with torch.autocast(x.device.type, enabled=False):
            x = F.conv3d(F.pad(x, pad, mode="replicate"), kernel.reshape(shape))
    return x.reshape(shape_before)
