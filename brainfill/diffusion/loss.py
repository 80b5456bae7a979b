"""Training loss in clean space, with the published weights of noise levels."""

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


def weighted_error(estimate: Tensor, clean: Tensor, where: Tensor, weight: Tensor) -> Tensor:
    """Mean over items of weight times the squared error averaged over `where`.

    Args:
        estimate: clean estimate (B, C, *S).
        clean: truth, same shape.
        where: non-negative weight of each voxel, broadcastable to the same shape.
        weight: one weight per item (B,).

    Returns:
        A scalar. An item without any weighted voxel counts as zero.
    """
    dims = tuple(range(1, clean.ndim))
    where = where.expand_as(clean)
    error = ((estimate - clean) ** 2 * where).sum(dims) / where.sum(dims).clamp(min=1e-6)
    return (error * weight).mean()
