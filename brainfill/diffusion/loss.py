"""Published weights of noise levels, all expressed in clean space."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Weighting = Literal["uniform", "snr", "min_snr"]


def level_weight(snr: Tensor, weighting: Weighting, gamma: float = 5.0) -> Tensor:
    """Weight of the squared error of the clean estimate, by signal-to-noise ratio (B,).

    "snr" equals the plain error of predicted noise; "min_snr" is min(SNR, gamma), which equals the
    published noise, image and velocity forms (Hang et al. 2023, https://arxiv.org/abs/2303.09556).
    """
    if weighting == "uniform":
        return torch.ones_like(snr)
    return snr if weighting == "snr" else snr.clamp(max=gamma)
