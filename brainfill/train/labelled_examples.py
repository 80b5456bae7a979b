"""Training examples of a segmenter: a crop of a scan or painted map, changed in place, shape and looks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from brainfill.core.config import check_ranges, option
from brainfill.segmentation._base import SegmenterConfig, normalised
from brainfill.train.labelled import LabelledPack
from brainfill.train.scanners import (
    biased,
    coarser,
    cut_beside,
    no_head,
    noisy,
    painted,
    recoloured,
    stripped,
    with_lesions,
    with_spots,
    without_slices,
)
from brainfill.train.warps import WarpConfig, draw_warp, sampled


@dataclass(frozen=True, kw_only=True)
class LooksConfig:
    """How often images are changed in each way."""

    warp: WarpConfig = option(WarpConfig(), "changes of place and shape")
    painted: float = option(0.25, "probability of a map of regions", low=0.0, high=1.0)
    contrast: float = option(0.6, "of another contrast, for scans", low=0.0, high=1.0)
    lesions: float = option(0.3, "of lesions", low=0.0, high=1.0)
    spots: float = option(
        0.0, "of many small lesions in the last class, white matter", low=0.0, high=1.0
    )
    bias: float = option(0.6, "of a smooth intensity field", low=0.0, high=1.0)
    coarse: float = option(0.35, "of a blur or of thick slices", low=0.0, high=1.0)
    noise: float = option(0.5, "of noise", low=0.0, high=1.0)
    cut: float = option(0.4, "of a side without head: neck, face or any", low=0.0, high=1.0)
    cropped: float = option(0.1, "of an image that ends within the head", low=0.0, high=1.0)
    stripped: float = option(0.12, "of nothing but the foreground", low=0.0, high=1.0)
    gaps: float = option(0.05, "of lost slices", low=0.0, high=1.0)
    no_head: float = option(0.04, "of something that is no head", low=0.0, high=1.0)

    def __post_init__(self) -> None:
        check_ranges(self)


def draw_labelled(
    pack: LabelledPack, model: SegmenterConfig, config: LooksConfig, rng: np.random.Generator
) -> Tensor:
    """One normalised crop, and the share of each class but the first: float32 (classes, D, H, W)."""
    is_painted = rng.random() < config.painted
    kind = [i for i, flag in enumerate(pack.painted) if flag == is_painted]
    chosen = int(rng.choice(kind or len(pack.names)))
    classes = pack.classes[chosen]
    inside = np.argwhere(classes[::4, ::4, ::4] > 0) * 4.0
    grid = draw_warp(classes.shape, inside.mean(axis=0), model.crop_vox, config.warp, rng)
    one_hot = np.stack([classes == k for k in range(1, len(model.classes))])
    truth = torch.from_numpy(one_hot).float()
    values = torch.from_numpy(pack.images[chosen])[None].float()
    if pack.painted[chosen]:
        shares = sampled(truth, grid)
        image = painted(sampled(values, grid, "nearest"), rng)
    else:
        image, shares = sampled(torch.cat([values / 255, truth]), grid).tensor_split([1])
        if rng.random() < config.contrast:
            image = recoloured(image, shares.sum(0, keepdim=True), rng)
    image, shares = _looks(image, shares, config, rng)
    shown = torch.from_numpy(normalised(image[0].numpy()))
    return torch.cat([shown[None], shares])


def _looks(
    image: Tensor, shares: Tensor, config: LooksConfig, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Everything that follows the choice of contrast; shares change where the image loses tissue."""
    foreground = shares.sum(0, keepdim=True)
    image = _diseased(image, shares, config, rng)
    if rng.random() < config.bias:
        image = biased(image, rng)
    if rng.random() < config.coarse:
        image = coarser(image, rng)
    if rng.random() < config.stripped:
        image, left = stripped(image, foreground, rng)
        shares = shares * (left > 0)
    elif rng.random() < config.cut:
        image = cut_beside(image, foreground, rng)
    if rng.random() < config.cropped:
        kept = _field_of_view(image, rng)
        image, shares = image * kept, shares * kept
    if rng.random() < config.gaps:
        image = without_slices(image, rng)
    if rng.random() < config.no_head:
        image, shares = no_head(image, rng), torch.zeros_like(shares)
    if rng.random() < config.noise:
        image = noisy(image, rng)
    return image, shares


def _diseased(
    image: Tensor, shares: Tensor, config: LooksConfig, rng: np.random.Generator
) -> Tensor:
    if rng.random() < config.lesions:
        image = with_lesions(image, shares.sum(0, keepdim=True), rng)
    if rng.random() < config.spots:
        image = with_spots(image, shares[-1:], rng)
    return image


def _field_of_view(image: Tensor, rng: np.random.Generator) -> Tensor:
    """1 in the part of the crop that was scanned: up to a third is lost at one end of one axis."""
    kept = torch.ones_like(image)
    axis = int(rng.integers(1, 4))
    lost = int(rng.uniform(0, 1 / 3) * image.shape[axis])
    first = 0 if rng.random() < 0.5 else image.shape[axis] - lost
    kept.narrow(axis, first, lost).zero_()
    return kept
