"""Several samples of one thing: their mean, median and spread."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Aggregate = Literal["mean", "median", "first"]


def aggregate(samples: Tensor, how: Aggregate) -> Tensor:
    """One tensor (*S) out of samples (N, *S)."""
    if how == "first":
        return samples[0]
    if how == "mean":
        return samples.mean(dim=0)
    # torch.median takes the lower of the two middle values; torch.quantile limits the size.
    ordered = samples.sort(dim=0).values
    return (ordered[(len(samples) - 1) // 2] + ordered[len(samples) // 2]) / 2


def spread(samples: Tensor) -> Tensor:
    """Voxel-wise standard deviation (*S) of samples (N, *S), N - 1 in the denominator; 0 for N = 1."""
    return samples.std(dim=0) if len(samples) > 1 else torch.zeros_like(samples[0])
