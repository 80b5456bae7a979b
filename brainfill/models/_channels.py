"""What a network sees besides the noisy residual: the first fill, the hole, fine detail and doubts."""

from __future__ import annotations

import torch
from torch import Tensor

from brainfill.models._blur import blurred
from brainfill.models._config import FamilyConfig


def channels(
    first: Tensor, hole: Tensor, config: FamilyConfig, before: Tensor | None = None
) -> Tensor:
    """What the network sees besides the noisy residual, (B, C, D, H, W).

    Args:
        first: first fill and doubts (B, N + C, D, H, W).
        hole: (B, 1, D, H, W), 1 where unknown.
        config: of the family.
        before: of a family that follows, the slice before each (B, N, D, H, W); None if there is none.
    """
    fill, doubts = first.tensor_split([len(config.contrasts)], dim=1)
    # Tissue spans about 0 .. 1; networks like values around 0. The grain of white matter is lost in
    # that range, so it is shown once more on the scale of the residual.
    fine = [fill - blurred(fill, width) for width in config.details]
    scaled = torch.cat([*fine, doubts], dim=1) / config.residual_scale
    shown = [2 * fill - 1, 2 * hole - 1, scaled]
    if config.follows:
        shown.append(2 * (torch.zeros_like(fill) if before is None else before) - 1)
    return torch.cat(shown, dim=1)


def one_before(image: Tensor) -> Tensor:
    """The slice before each slice of (B, N, D, H, W); there is none before the first, which gets 0."""
    return torch.cat([torch.zeros_like(image[:, :, :1]), image[:, :, :-1]], dim=2)
