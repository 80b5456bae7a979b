"""A segmentation network applied to a part of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from brainfill.bundles.store import WEIGHTS, Bundle, find
from brainfill.core.context import Context
from brainfill.core.errors import UnavailableError
from brainfill.core.grid import Box, FloatArray, Grid
from brainfill.core.threads import torch_threads
from brainfill.core.volume import Mask, Volume
from brainfill.preprocess.steps.reorient import reoriented_grid
from brainfill.preprocess.steps.resample import resample_to, resampled_grid

if TYPE_CHECKING:
    from brainfill.segmentation._base import Segmenter


def lacking(model: str) -> str:
    """What keeps a network from running: its bundle or the weights in it are not there; "" if nothing."""
    try:
        folder = find(model)
    except UnavailableError as error:
        return str(error)
    weights = folder / WEIGHTS
    return "" if weights.is_file() else f"weights of model '{model}': '{weights}'"


def shown_on(image: Volume, grid: Grid) -> FloatArray:
    """What a network sees of an image on a RAS grid: float32 (X, Y, Z) in [0, 1.5]; beyond the image's ends is 0."""
    from brainfill.segmentation._base import normalised

    shown = normalised(resample_to(image.data, image.grid, grid, 1).transpose(2, 0, 1))
    return np.ascontiguousarray(shown.transpose(1, 2, 0))


def shares_of(bundle: Bundle[Segmenter], shown: FloatArray, ctx: Context) -> FloatArray:
    """Probability of every class but the first in each voxel of what is shown: float32 (classes - 1, X, Y, Z)."""
    import torch

    segmenter = bundle.model
    segmenter.net.to(ctx.device)
    seen = torch.from_numpy(np.ascontiguousarray(shown.transpose(2, 0, 1))).to(ctx.device)
    with torch_threads(ctx):
        shares = segmenter.shares(seen[None, None])[0].cpu().numpy()
    return np.ascontiguousarray(shares.transpose(0, 2, 3, 1))


def grid_around(brain: Mask, bundle: Bundle[Segmenter], margin_vox: int) -> Grid:
    """The brain and a margin in RAS voxels of the model's size, no smaller than what it was trained on."""
    whole = resampled_grid(reoriented_grid(brain.grid, "RAS"), bundle.card.spacing_mm)
    flags = resample_to(brain.data.astype(np.float32), brain.grid, whole, 1) > 0
    box = Box.around(flags).grow((margin_vox,) * 3)
    d, h, w = bundle.model.config.crop_vox
    x, y, z = (max(0, -(-(n - m) // 2)) for n, m in zip((h, w, d), box.shape, strict=True))
    return whole.crop(box.grow((x, y, z)))
