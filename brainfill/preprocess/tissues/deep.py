"""The network that comes with brainfill: tissues at 1 mm in seconds, taught not to take lesions for grey matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from brainfill.bundles.store import WEIGHTS, SegmenterBundle, find, load_segmenter, read_card
from brainfill.core.config import option
from brainfill.core.context import Context
from brainfill.core.errors import ConfigError, UnavailableError
from brainfill.core.grid import Box, FloatArray, Grid
from brainfill.core.volume import Mask, Scan
from brainfill.preprocess.registration import Registration
from brainfill.preprocess.steps.reorient import reoriented_grid
from brainfill.preprocess.steps.resample import resample_to, resampled_grid
from brainfill.preprocess.tissues._base import Segmenter, Tissues, brain_of

CLASSES = ("background", "csf", "grey", "white")
_MARGIN_VOX = 8


@dataclass(frozen=True, kw_only=True)
class Config:
    """Which network."""

    model: str = option("tissues", "name of a shipped segmentation model, or its folder")


def missing(config: Config) -> str:
    """What keeps the network from running: its bundle or the weights in it are not there, or "" if nothing."""
    try:
        folder = find(config.model)
    except UnavailableError as error:
        return str(error)
    weights = folder / WEIGHTS
    return "" if weights.is_file() else f"weights of model '{config.model}': '{weights}'"


def state(config: Config) -> dict[str, Any]:
    """What a result depends on beside images and settings: the weights."""
    return {"Weights": read_card(find(config.model)).weights_sha256}


def build(config: Config) -> Segmenter:
    """A segmenter that loads its network when it is called."""

    def segment(scan: Scan, found: Registration, ctx: Context) -> Tissues:  # noqa: ARG001 - the protocol
        brain = brain_of(scan)
        bundle = _loaded(config)
        ctx.progress("telling tissues apart", 0, 1)
        seen = _grid_around(brain, bundle)
        shares = _shares(bundle, scan, seen, ctx)
        csf, grey, white = (
            np.where(brain.data, resample_to(s, seen, scan.grid, 1), 0).astype(np.float32)
            for s in shares
        )
        ctx.progress("telling tissues apart", 1, 1)
        return Tissues(scan.grid, csf, grey, white)

    return segment


def _loaded(config: Config) -> SegmenterBundle:
    """The bundle, whose classes must be CLASSES.

    Raises:
        UnavailableError: no such model.
        ConfigError: it tells other classes apart.
    """
    try:
        folder = find(config.model)
    except UnavailableError as error:
        hint = "use --segmenter atropos, which needs no model; " + error.hint
        raise UnavailableError(str(error), hint) from error
    bundle = load_segmenter(folder)
    found = bundle.segmenter.config.classes
    if found != CLASSES:
        msg = f"model '{config.model}' has the classes {', '.join(found)}, expected {', '.join(CLASSES)}"
        raise ConfigError(msg, "see: brainfill list models")
    return bundle


def _grid_around(brain: Mask, bundle: SegmenterBundle) -> Grid:
    """The brain and a margin in RAS voxels of the model's size, no smaller than what it was trained on."""
    whole = resampled_grid(reoriented_grid(brain.grid, "RAS"), bundle.card.spacing_mm)
    flags = resample_to(brain.data.astype(np.float32), brain.grid, whole, 1) > 0
    box = Box.around(flags).grow((_MARGIN_VOX,) * 3)
    d, h, w = bundle.segmenter.config.crop_vox
    x, y, z = (max(0, -(-(n - m) // 2)) for n, m in zip((h, w, d), box.shape, strict=True))
    return whole.crop(box.grow((x, y, z)))


def _shares(bundle: SegmenterBundle, scan: Scan, grid: Grid, ctx: Context) -> FloatArray:
    """Shares of the classes but the background on a RAS grid: float32 (3, X, Y, Z)."""
    import torch

    from brainfill.segmentation._base import normalised

    image = scan.images["T1w"]
    above = image.data - min(0.0, float(image.data.min()))  # beyond the image's ends is 0
    shown = normalised(resample_to(above, image.grid, grid, 1).transpose(2, 0, 1))
    bundle.segmenter.net.to(ctx.device)
    seen = torch.from_numpy(np.ascontiguousarray(shown)).to(ctx.device)[None, None]
    shares = bundle.segmenter.shares(seen)[0].cpu().numpy()
    return np.ascontiguousarray(shares.transpose(0, 2, 3, 1))
