"""What a network sees besides the noisy residual: the first fill, the hole, fine detail and doubts."""

from __future__ import annotations

import torch
from torch import Tensor

from brainfill.models._blur import blurred
from brainfill.models._config import FamilyConfig


def channels(first: Tensor, hole: Tensor, config: FamilyConfig) -> Tensor:
    """What the network sees besides the noisy residual, (B, C, D, H, W)."""
    fill, doubts = first.tensor_split([len(config.contrasts)], dim=1)
    # Tissue spans about 0 .. 1; networks like values around 0. The grain of white matter is lost in
    # that range, so it is shown once more on the scale of the residual.
    fine = [fill - blurred(fill, width) for width in config.details]
    scaled = torch.cat([*fine, doubts], dim=1) / config.residual_scale
    return torch.cat([2 * fill - 1, 2 * hole - 1, scaled], dim=1)
