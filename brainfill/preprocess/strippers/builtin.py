"""The network that comes with brainfill: heads of any contrast and orientation, at 2 mm, in seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from brainfill.bundles.store import WEIGHTS, SegmenterBundle, find, load_segmenter
from brainfill.core.config import check_ranges, option
from brainfill.core.context import Context
from brainfill.core.errors import DataError, UnavailableError
from brainfill.core.grid import FloatArray
from brainfill.core.volume import Mask, Volume
from brainfill.preprocess.pieces import solid
from brainfill.preprocess.steps.reorient import reoriented_grid
from brainfill.preprocess.steps.resample import resample_to, resampled_grid
from brainfill.preprocess.strippers._base import Stripper

_BRAIN = "brain"


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
    """A stripper that loads its network when it is called."""

    def strip(image: Volume, ctx: Context) -> Mask:
        bundle = _load(config)
        ctx.progress("finding the brain", 0, 1)
        coarse = resampled_grid(reoriented_grid(image.grid, "RAS"), bundle.card.spacing_mm)
        chance = _probability(bundle, resample_to(image.data, image.grid, coarse, 1), ctx)
        # Probabilities, unlike flags, are smooth, and so is where they cross the threshold.
        fine = resample_to(chance, coarse, image.grid, 1)
        brain = Mask(solid(fine > config.threshold), image.grid)
        ctx.progress("finding the brain", 1, 1)
        return _checked(brain, config)

    return strip


def _load(config: Config) -> SegmenterBundle:
    return load_segmenter(find(config.model))


def _probability(bundle: SegmenterBundle, image: FloatArray, ctx: Context) -> FloatArray:
    """Probability of brain in each voxel of a RAS image (X, Y, Z), any unit; same shape."""
    import torch

    from brainfill.segmentation._base import normalised

    segmenter = bundle.segmenter
    shown = normalised(image.transpose(2, 0, 1))
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
