"""What all segmentation networks share: their classes, normalisation, loss and use on a whole volume.

Everything works on tensors (B, C, D, H, W) of RAS voxels: D inferior to superior, H left to right,
W posterior to anterior.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from brainfill.core.config import check_ranges, option
from brainfill.core.errors import ConfigError
from brainfill.core.grid import FloatArray
from brainfill.nets.unet import UNetConfig

_RANGE_PCT = (1.0, 99.0)
_BRIGHTEST = 1.5  # in units of that range; fat and vessels beyond it carry no information


@dataclass(frozen=True, kw_only=True)
class SegmenterConfig:
    """Everything that must be known to use a set of weights."""

    classes: tuple[str, ...] = option(("background", "brain"), "what voxels may be, in order")
    unet: UNetConfig = option(UNetConfig(), "the network")
    crop_vox: tuple[int, int, int] = option(
        (96, 88, 112), "training crop (D, H, W)", unit="voxels", low=0, high=1024
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        problem = ""
        if len(self.classes) < 2:
            problem = f"classes must name at least two, got {self.classes}"
        elif min(self.crop_vox) < 1:
            problem = f"crop_vox must hold numbers from 1 on, got {self.crop_vox}"
        if problem:
            raise ConfigError(problem)


@dataclass(frozen=True)
class Segmenter:
    """A network and how to use it.

    Args:
        config: classes and sizes.
        net: normalised images (B, 1, D, H, W) to logits (B, classes - 1, D, H, W); that of the
            first class is 0.
    """

    config: SegmenterConfig
    net: nn.Module

    def loss(self, image: Tensor, shares: Tensor) -> Tensor:
        """Cross-entropy plus Dice loss of the classes other than the first.

        Args:
            image: normalised crops (B, 1, D, H, W).
            shares: true share of each class but the first in every voxel (B, classes - 1, D, H, W).

        Returns:
            A scalar.
        """
        logits = self.net(image).float()
        total = _log_total(logits)
        entropy = (total - (shares * logits).sum(1, keepdim=True)).mean()
        found = (logits - total).exp()
        dims = (2, 3, 4)
        # One voxel on either side, so that an absent class that is not found costs nothing.
        dice = (2 * (found * shares).sum(dims) + 1) / (found.sum(dims) + shares.sum(dims) + 1)
        return entropy + (1 - dice).mean()

    @torch.inference_mode()
    def shares(self, image: Tensor) -> Tensor:
        """Probability of each class but the first, the mean over the image and its mirror image.

        Args:
            image: normalised (B, 1, D, H, W), any size.

        Returns:
            (B, classes - 1, D, H, W), in [0, 1].
        """
        return (self._shares(image) + self._shares(image.flip(3)).flip(3)) / 2

    def _shares(self, image: Tensor) -> Tensor:
        logits = self.net(image).float()
        return (logits - _log_total(logits)).exp()


def _log_total(logits: Tensor) -> Tensor:
    """Logarithm of the sum of all classes' exponentials, the first one's logit being 0."""
    return F.softplus(logits.logsumexp(1, keepdim=True))


def normalised(image: FloatArray) -> FloatArray:
    """The image with its robust range brought to [0, 1], cut to [0, 1.5].

    Args:
        image: float (D, H, W), any unit; air below, or 0 as in a stripped brain.

    Returns:
        float32, same shape; 0 everywhere for a constant image.
    """
    some = image[::2, ::2, ::2]
    low, _ = np.percentile(some, _RANGE_PCT)
    bright = some[some > low]
    high = float(np.percentile(bright, _RANGE_PCT[1])) if bright.size else low
    if not high > low:
        return np.zeros(image.shape, np.float32)
    return np.clip((image - low) / (high - low), 0.0, _BRIGHTEST).astype(np.float32)
