"""The network that comes with brainfill: heads of any contrast and orientation, at 2 mm, in seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from brainfill.bundles.store import WEIGHTS, SegmenterBundle, find, load_segmenter
from brainfill.core.config import check_ranges, option
from brainfill.core.context import Context
from brainfill.core.errors import DataError, UnavailableError
from brainfill.core.grid import BoolArray, Box, FloatArray, Grid, Index3
from brainfill.core.volume import Mask, Volume
from brainfill.preprocess.pieces import solid
from brainfill.preprocess.steps.reorient import reoriented_grid
from brainfill.preprocess.steps.resample import resample_to, resampled_grid
from brainfill.preprocess.strippers._base import Stripper

_BRAIN = "brain"
_LOOKS = 2


@dataclass(frozen=True, kw_only=True)
class Config:
    """Which network, and what it must find."""

    model: str = option("brain-mask", "name of a shipped segmentation model, or its folder")
    threshold: float = option(0.5, "probability above which a voxel is brain", low=0.01, high=0.99)
    smallest_ml: float = option(
        50.0, "volume below which what was found is no brain", unit="ml", low=0.0
    )

    def __post_init__(self) -> None:
        check_ranges(self)


def missing(config: Config) -> str:
    """What keeps the network from running: its bundle or the weights in it are not there, or "" if nothing."""
    try:
        folder = find(config.model)
    except UnavailableError as error:
        return str(error)
    weights = folder / WEIGHTS
    return "" if weights.is_file() else f"weights of model '{config.model}': '{weights}'"


def build(config: Config) -> Stripper:
    """A stripper that loads its network when it is called.

    The first look, at the whole image, tells where the brain is; the second sees as much around it as in training.
    """

    def strip(image: Volume, ctx: Context) -> Mask:
        bundle = _load(config)
        ctx.progress("finding the brain", 0, _LOOKS)
        grid = resampled_grid(reoriented_grid(image.grid, "RAS"), bundle.card.spacing_mm)
        chance = _probability(bundle, image, grid, ctx)
        for look in range(1, _LOOKS):
            ctx.progress("finding the brain", look, _LOOKS)
            grid = _around(chance > config.threshold, grid, bundle.segmenter.config.crop_vox)
            chance = _probability(bundle, image, grid, ctx)
        # Probabilities, unlike flags, are smooth, and so is where they cross the threshold.
        fine = resample_to(chance, grid, image.grid, 1)
        brain = Mask(solid(fine > config.threshold), image.grid)
        ctx.progress("finding the brain", _LOOKS, _LOOKS)
        return _checked(brain, config)

    return strip


def _load(config: Config) -> SegmenterBundle:
    return load_segmenter(find(config.model))


def _around(brain: BoolArray, grid: Grid, crop_vox: Index3) -> Grid:
    """The grid of a training crop (D, H, W) around the centre of the brain (X, Y, Z), or of the image."""
    seen = brain if brain.any() else np.ones_like(brain)
    centre = np.argwhere(seen).mean(axis=0)
    d, h, w = crop_vox
    i, j, k = (round(float(c) - n / 2) for c, n in zip(centre, (h, w, d), strict=True))
    return grid.crop(Box((i, j, k), (i + h, j + w, k + d)))


def _probability(bundle: SegmenterBundle, image: Volume, grid: Grid, ctx: Context) -> FloatArray:
    """Probability of brain in each voxel of a RAS grid (X, Y, Z)."""
    import torch

    from brainfill.segmentation._base import normalised

    segmenter = bundle.segmenter
    shown = normalised(resample_to(image.data, image.grid, grid, 1).transpose(2, 0, 1))
    segmenter.net.to(ctx.device)
    shares = segmenter.shares(torch.from_numpy(shown).to(ctx.device)[None, None])
    brain = segmenter.config.classes.index(_BRAIN) - 1  # there is no share of the first class
    return np.ascontiguousarray(shares[0, brain].cpu().numpy().transpose(1, 2, 0))


def _checked(brain: Mask, config: Config) -> Mask:
    if (ml := brain.volume_ml()) < config.smallest_ml:
        msg = (
            f"no brain was found in the image: {ml:.0f} ml look like one, "
            f"expected at least {config.smallest_ml:g} ml"
        )
        raise DataError(msg, "look at the image; a mask of your own can be given instead")
    return brain
