"""Random values drawn from the intensities around each lesion, blended in at its border.

Written from the functional description in METHODS 22.2 of a widely used lesion filling method: the
inside of a lesion is drawn from the distribution of its outer border, the inner border is a mean of
both sides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from brainfill.core.config import check_ranges, option
from brainfill.core.context import Context
from brainfill.core.grid import BoolArray, FloatArray
from brainfill.core.volume import Mask, Volume
from brainfill.fillers._base import Filler, Filling
from brainfill.interpolation.sites import Site, fill_sites

_BLOCK = np.ones((3, 3, 3))
_SIDE_WEIGHT = 0.7
_EVERY = 5
_MAD_TO_SD = 1.4826


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of histogram filling."""

    border_vox: int = option(1, "thickness of the outer border", unit="voxels", low=1, high=10)
    class_sd: float = option(
        2.0, "border voxels farther from its main class are left out", unit="sd", low=0.5, high=100
    )
    reach_mm: float = option(4.0, "how far tissue is looked for", unit="mm", low=2, high=100)

    def __post_init__(self) -> None:
        check_ranges(self)


def build(config: Config) -> Filler:
    """A filler that repeats the distribution of the tissue at each lesion's border."""

    def fill(image: Volume, hole: Mask, ctx: Context) -> Filling:
        return Filling(
            fill_sites(image, hole, ctx, config.reach_mm, lambda s: _fill(s, config, ctx.seed))
        )

    return fill


def _fill(site: Site, config: Config, seed: int) -> FloatArray:
    border = _outer_border(site, config)
    inner_border = site.hole & ~ndimage.binary_erosion(site.hole, _BLOCK)
    region = site.hole & ~inner_border
    filled: FloatArray = site.image.copy()
    voxels = tuple(site.voxels().T)
    filled[voxels] = _draw(site.image[border], len(voxels[0]), site.rng(seed))
    near = _mean_of(filled, region | border)[inner_border]
    every = _mean_of(filled, site.tissue | region)[inner_border]
    filled[inner_border] = _halves(near, every, filled[inner_border])
    return filled


def _halves(one: FloatArray, other: FloatArray, otherwise: FloatArray) -> FloatArray:
    """Mean of two values, or the one that is not NaN, or neither's."""
    both = (one + other) / 2
    single = np.where(np.isnan(one), other, one)
    mean = np.where(np.isnan(both), single, both)
    return np.where(np.isnan(mean), otherwise, mean)


def _outer_border(site: Site, config: Config) -> BoolArray:
    """Tissue voxels of the main class right around the lesion, or as near as there are any."""
    border: BoolArray = np.zeros(site.grid.shape, bool)
    grown: BoolArray = site.hole
    while not border.any():
        grown = np.asarray(ndimage.binary_dilation(grown, _BLOCK, iterations=config.border_vox))
        border = grown & site.tissue
    values = site.image[border]
    middle = _shorth(values)
    away = np.abs(values - middle)
    # At least the voxel nearest to the middle stays, even if all are alike.
    width = max(config.class_sd * _MAD_TO_SD * float(np.median(away)), float(away.min()))
    return np.asarray(border & (np.abs(site.image - middle) <= width))


def _shorth(values: FloatArray) -> float:
    """Mean of the shortest half: the middle of the main class, whatever tails the border has."""
    ordered = np.sort(values)
    half = (len(ordered) + 1) // 2
    start = int((ordered[half - 1 :] - ordered[: len(ordered) - half + 1]).argmin())
    return float(ordered[start : start + half].mean())


def _draw(values: FloatArray, count: int, rng: np.random.Generator) -> FloatArray:
    """Random values by inverse sampling of the sorted border intensities, every fifth of them."""
    ordered = np.sort(values)
    ordered = ordered[::_EVERY] if len(ordered) >= 2 * _EVERY else ordered
    place = rng.random(count) * (len(ordered) - 1)
    return np.interp(place, np.arange(len(ordered)), ordered).astype(np.float32)


def _mean_of(image: FloatArray, where: BoolArray) -> FloatArray:
    """Mean over the 26 neighbours that lie in `where`, face neighbours counting most; else NaN."""
    kernel = np.array([_SIDE_WEIGHT, 1, _SIDE_WEIGHT])
    total, weight = np.where(where, image, 0).astype(np.float32), where.astype(np.float32)
    for axis in range(3):
        total = ndimage.correlate1d(total, kernel, axis=axis, mode="constant")
        weight = ndimage.correlate1d(weight, kernel, axis=axis, mode="constant")
    return np.where(weight > 0, total / np.where(weight > 0, weight, 1), np.nan)
