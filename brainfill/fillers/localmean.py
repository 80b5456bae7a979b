"""Gaussian-weighted mean of the normal-appearing tissue around each lesion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from brainfill.core.config import check_ranges, option
from brainfill.core.context import Context
from brainfill.core.grid import FloatArray
from brainfill.core.volume import Mask, Volume
from brainfill.fillers._base import Filler, Filling
from brainfill.interpolation.sites import Site, fill_sites
from brainfill.interpolation.smooth import noise_sd, smooth_mean

_BINS = 128
_KERNEL_SHARE = 0.05
_RANGE_PCT = (0.5, 99.5)


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of the local mean."""

    sigma_mm: float = option(0.5, "narrowest Gaussian", unit="mm", low=0.1, high=20)
    reach_mm: float = option(8.0, "how far tissue is looked for", unit="mm", low=2, high=100)
    near_mm: float = option(
        3.0,
        "distance at which tissue counts 1/e in the choice of its class",
        unit="mm",
        low=0.1,
        high=1000,
    )
    class_width: float = option(
        0.11, "width of the class, as a share of the local intensity range", low=0.01, high=10
    )
    other_weight: float = option(
        0.01, "weight of tissue of other classes against that of the class", low=0, high=1
    )

    def __post_init__(self) -> None:
        check_ranges(self)


def build(config: Config) -> Filler:
    """A filler that gives every voxel a mean of nearby tissue of the class the lesion lies in.

    The class is the most frequent intensity around the lesion, near voxels counting more. Each tissue
    voxel is weighted by how well it fits the class, and each hole voxel takes the mean of the nearest
    ones, so that slow trends across a lesion are followed.
    """

    def fill(image: Volume, hole: Mask, ctx: Context) -> Filling:
        return Filling(fill_sites(image, hole, ctx, config.reach_mm, lambda s: _fill(s, config)))

    return fill


def _fill(site: Site, config: Config) -> FloatArray:
    values = site.image[site.tissue]
    low, high = (float(v) for v in np.percentile(values, _RANGE_PCT))
    if high <= low:
        return np.full(site.grid.shape, values.mean(), np.float32)
    middle = _dominant(site, low, high, config.near_mm)
    # The class cannot be narrower than the noise in it.
    width = max(config.class_width * (high - low), 2 * noise_sd(site.image, site.tissue))
    fit = np.exp(-0.5 * ((site.image - middle) / width) ** 2)
    weights = site.tissue * (config.other_weight + (1 - config.other_weight) * fit)
    return smooth_mean(site, weights.astype(np.float32), config.sigma_mm)


def _dominant(site: Site, low: float, high: float, near_mm: float) -> float:
    """The intensity most frequent around the lesion: the top of a smoothed, weighted histogram."""
    away = ndimage.distance_transform_edt(~site.hole, sampling=site.grid.spacing())
    # Counted from the nearest tissue on: lesions may lie deep in background.
    away = away[site.tissue] - away[site.tissue].min()
    # Bins can be narrower than what single precision tells apart.
    values = site.image[site.tissue].astype(np.float64)
    counts, edges = np.histogram(values, _BINS, (low, high), weights=np.exp(-away / near_mm))
    density = ndimage.gaussian_filter1d(counts, _KERNEL_SHARE * _BINS, mode="constant")
    top = int(density.argmax())
    return float(edges[top] + edges[top + 1]) / 2
