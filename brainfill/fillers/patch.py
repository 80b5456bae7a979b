"""Non-local patch filling: similar patches of the neighbourhood predict each voxel, border first.

The idea of filling a lesion from its border inwards with similar patches of the same scan is that of
Prados et al. 2016, https://doi.org/10.1016/j.neuroimage.2016.07.053. Where they average the centres of
the best candidates, this filler fits a local linear prediction through them, as non-local Bayes does
for noise (Lebrun et al. 2013, https://doi.org/10.1137/120874989): the average moves with the difference
that is left between patch and candidates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from brainfill.core.config import check_ranges, option
from brainfill.core.context import Context
from brainfill.core.grid import FloatArray, Index3
from brainfill.core.volume import Mask, Volume
from brainfill.fillers._base import Filler, Filling
from brainfill.fillers._patches import Library, Stencil, collect, stencil
from brainfill.fillers._sites import Site, fill_sites, warn_of
from brainfill.fillers._smooth import smooth_mean

_SMALLER_RADII_VOX = (1.5, 1.0)
_FEW_CANDIDATES = 60
_FLAT = 1e-4


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of patch filling."""

    radius_vox: float = option(
        2.5, "radius of a patch, in voxels of the finest axis", unit="voxels", low=1, high=5
    )
    search_mm: float = option(
        10.0, "how far from a lesion candidates are taken", unit="mm", low=2, high=100
    )
    neighbours: int = option(320, "candidates that predict a voxel", low=5, high=5000)
    ridge: float = option(
        0.003, "penalty of the linear prediction, in noise variances", low=0, high=1e6
    )
    level_free: float = option(
        0.5, "share of the difference in mean that does not count as unlike", low=0, high=1
    )
    candidates: int = option(20000, "most candidates of one lesion", low=100)

    def __post_init__(self) -> None:
        check_ranges(self)


def build(config: Config) -> Filler:
    """A filler that predicts hole voxels layer by layer from similar patches nearby."""

    def fill(image: Volume, hole: Mask, ctx: Context) -> Filling:
        spacing = image.grid.spacing()
        patch_mm = np.max(np.array(stencil(config.radius_vox, spacing).reach) * spacing)
        reach_mm = config.search_mm + float(patch_mm)
        without: list[str] = []

        def fill_one(site: Site) -> FloatArray:
            filled = _fill(site, config, ctx.seed)
            if filled is None:
                without.append(site.name)
                weights = site.tissue.astype(np.float32)
                filled = smooth_mean(site, weights, min(site.grid.spacing()))
            return filled

        filling = fill_sites(image, hole, ctx, reach_mm, fill_one)
        if without:
            warn_of(without, "no whole patches of tissue nearby, filled with a local mean", ctx)
        return filling

    return fill


def _fill(site: Site, config: Config, seed: int) -> FloatArray | None:
    """The filled site; None when there are too few patches even of the smallest size."""
    for radius in (config.radius_vox, *(r for r in _SMALLER_RADII_VOX if r < config.radius_vox)):
        shape = stencil(radius, site.grid.spacing())
        library = collect(site, shape, config.search_mm, config.candidates, site.rng(seed))
        if len(library.patches) >= _FEW_CANDIDATES:
            return _from_border_inwards(site, shape, library, config)
    return None


def _from_border_inwards(
    site: Site, shape: Stencil, library: Library, config: Config
) -> FloatArray:
    """Fill the voxels nearest to known ones first; filled voxels help to predict the next."""
    known = shape.pad(site.known)
    image = np.where(known, (shape.pad(site.image) - library.mean) / library.sd, 0)
    image = np.ascontiguousarray(image, dtype=np.float32)
    steps = shape.steps(image.shape)
    flat_image, flat_known = image.ravel(), known.ravel()
    for layer in _layers(site, known.shape, shape.reach):
        for part in np.array_split(layer, _parts(len(layer), len(library.patches))):
            around = part[:, None] + steps
            support = flat_known[around] * shape.weights
            flat_image[part] = predict(flat_image[around], support, library, config)
        flat_known[layer] = True
    return np.asarray(image[shape.inner] * library.sd + library.mean)


def _layers(site: Site, padded: Index3, pad: Index3) -> list[NDArray[np.intp]]:
    """Flat indices of the hole in the padded block, in shells as thick as the finest voxel side."""
    finest = min(site.grid.spacing())
    depth = ndimage.distance_transform_edt(~site.known, sampling=site.grid.spacing())
    voxels = site.voxels()
    shell = np.ceil(depth[tuple(voxels.T)] / finest - 1e-3).astype(int)
    flat = np.ravel_multi_index(tuple((voxels + np.array(pad)).T), padded)
    return [flat[shell == s] for s in np.unique(shell)]


def predict(
    patches: FloatArray, support: FloatArray, library: Library, config: Config
) -> FloatArray:
    """Centres of patches that are known in part.

    Args:
        patches: float32 (N, P), on the scale of the library.
        support: float32 (N, P), weight of each voxel; 0 where it is not known yet.
        library: candidates.
        config: options.

    Returns:
        float32 (N,), within the range of the candidates used for each.
    """
    total = support.sum(axis=1, keepdims=True)
    w = support / np.where(total > 0, total, 1)
    level = (w * patches).sum(axis=1, keepdims=True) - w @ library.patches.T
    unlike = (
        (w * patches**2).sum(axis=1, keepdims=True)
        - 2 * ((w * patches) @ library.patches.T)
        + w @ library.squares.T
        - config.level_free * level**2
    )
    count = min(config.neighbours, unlike.shape[1])
    best = np.argpartition(unlike, count - 1, axis=1)[:, :count]
    unlike = np.take_along_axis(unlike, best, axis=1)
    shift = config.level_free * np.take_along_axis(level, best, axis=1)
    least = unlike.min(axis=1, keepdims=True)
    width = np.maximum(unlike.max(axis=1, keepdims=True) - least, library.noise + _FLAT)
    trust = np.exp(-(unlike - least) / width)
    trust /= trust.sum(axis=1, keepdims=True)
    centres = library.centres[best] + shift
    around = library.patches[best] + shift[:, :, None]
    estimate = _linear(patches, w, around, centres, trust, config.ridge * library.noise)
    estimate = np.clip(estimate, centres.min(axis=1), centres.max(axis=1))
    # A shift towards background must not leave the range of tissue.
    return np.asarray(np.clip(estimate, library.centres.min(), library.centres.max()))


def _linear(
    patches: FloatArray,
    w: FloatArray,
    around: FloatArray,
    centres: FloatArray,
    trust: FloatArray,
    ridge: float,
) -> FloatArray:
    """Ridge regression of candidate centres (N, K) on what lies around them (N, K, P), at `patches`."""
    mean_centre = (trust * centres).sum(axis=1)
    mean_around = (trust[:, None] @ around)[:, 0]
    x = around - mean_around[:, None]
    x *= np.sqrt(trust)[:, :, None] * np.sqrt(w)[:, None]
    y = (centres - mean_centre[:, None]) * np.sqrt(trust)
    gram = x.transpose(0, 2, 1) @ x
    diagonal = np.einsum("npp->np", gram)
    diagonal += ridge + 1e-5 * diagonal.mean(axis=1, keepdims=True) + 1e-9
    slope = np.linalg.solve(gram, x.transpose(0, 2, 1) @ y[:, :, None])[:, :, 0]
    return np.asarray(mean_centre + (slope * np.sqrt(w) * (patches - mean_around)).sum(axis=1))


def _parts(targets: int, candidates: int) -> int:
    """Into how many parts a layer is cut so that no table exceeds some tens of megabytes."""
    return max(1, -(-targets // 256), targets * candidates // 2_000_000)
