"""Non-local patch filling: similar patches of the neighbourhood predict each voxel, border first.

The idea of filling a lesion from its border inwards with similar patches of the same scan is that of
Prados et al. 2016, https://doi.org/10.1016/j.neuroimage.2016.07.053. Where they average the centres of
the best candidates, we fit a local linear prediction through them, as non-local Bayes does
for noise (Lebrun et al. 2013, https://doi.org/10.1137/120874989): the average moves with the difference
that is left between patch and candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from brainfill.core.companion import Companion
from brainfill.core.config import check_ranges, option
from brainfill.core.context import Context
from brainfill.core.grid import Box, FloatArray, Index3
from brainfill.core.threads import torch_threads
from brainfill.core.volume import Mask, Volume
from brainfill.interpolation.companion_patches import Beside, beside
from brainfill.interpolation.patches import Library, Stencil, collect, stencil
from brainfill.interpolation.prediction import DOUBTS, predict
from brainfill.interpolation.sites import Site, fill_sites, warn_of
from brainfill.interpolation.smooth import smooth_mean

_SMALLER_RADII_VOX = (1.5, 1.0)
_FEW_CANDIDATES = 60
# Where patches lie within what was filled: one of so many candidates, but no fewer than these.
_THINNED_DEEP, _ENOUGH_DEEP = 8, 1000
_NO_PATCHES = "no whole patches of tissue nearby, filled with a local mean"


@dataclass(frozen=True, kw_only=True)
class PatchConfig:
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
    candidates: int = option(20000, "most candidates of one lesion", low=100, high=1_000_000)

    def __post_init__(self) -> None:
        check_ranges(self)


class _Layer(NamedTuple):
    """Voxels (N, 3) of a hole that lie equally deep: number of their shell from 1, as thick as the finest voxel side."""

    shell: int
    voxels: NDArray[np.intp]


def patch_fill(
    image: Volume,
    hole: Mask,
    config: PatchConfig,
    ctx: Context,
    companions: Sequence[Companion] = (),
) -> FloatArray:
    """Predict hole voxels layer by layer from similar patches nearby.

    Args:
        image: any unit, orientation and voxel size; never read inside the hole.
        hole: any number of lesions.
        config: options.
        ctx: gives seed and device; told about lesions without whole patches around them.
        companions: other images of the person on the grid of `image`; where they are known, patches are compared in them,
            too, and they help to predict.

    Returns:
        float32 (X, Y, Z), the image with its hole filled.

    Raises:
        GeometryError: image and hole are not on one grid.
    """
    return patch_fill_with_doubts(image, hole, config, ctx, companions=companions)[0]


def patch_fill_with_doubts(
    image: Volume,
    hole: Mask,
    config: PatchConfig,
    ctx: Context,
    background: float | None = None,
    *,
    drawn: bool = False,
    companions: Sequence[Companion] = (),
) -> tuple[FloatArray, FloatArray]:
    """The fill of `patch_fill`, and what speaks against it.

    Args:
        image: as for `patch_fill`.
        hole: as for `patch_fill`.
        config: options.
        ctx: as for `patch_fill`.
        background: the value that is no tissue; None takes `flat_value`.
        drawn: give each voxel a normal deviate of its standard deviation, on which the next ones
            depend: the fill is then one of many that could be, with the grain of tissue, and not
            their mean. The seed decides which.
        companions: as for `patch_fill`.

    Returns:
        The filled image (X, Y, Z), and float32 (3, X, Y, Z), zero outside the hole, in the unit of
        the image: how a stiffer prediction differs, how the mean of the candidates differs, and the
        standard deviation of the candidates around the prediction.

    Raises:
        GeometryError: image and hole are not on one grid.
    """
    spacing = image.grid.spacing()
    patch_mm = np.max(np.array(stencil(config.radius_vox, spacing).reach) * spacing)
    # Apple's GPUs lack the solver.
    device = "cpu" if ctx.device == "mps" else ctx.device
    # What to warn of, with the lesions concerned, which end in any order.
    troubles: dict[str, list[tuple[Index3, str]]] = {}
    doubts = np.zeros((DOUBTS, *image.grid.shape), np.float32)

    def fill_one(site: Site) -> FloatArray:
        found, left_out = _fill(site, companions, config, ctx.seed, device, parts.map, drawn=drawn)
        for name in left_out:
            trouble = f"{name} shows too little around, and is not used"
            troubles.setdefault(trouble, []).append((site.box.start, site.name))
        if found is None:
            troubles.setdefault(_NO_PATCHES, []).append((site.box.start, site.name))
            return smooth_mean(site, site.tissue.astype(np.float32), min(spacing))
        here = (slice(None), *site.box.slices)
        doubts[here][:, site.hole] = found[1:, site.hole]
        filled: FloatArray = found[0]
        return filled

    reach_mm = config.search_mm + float(patch_mm)
    # One thread for each lesion, and for each part of a layer, is faster than many for one operation, and
    # gives the same bytes whatever their number. Parts end first, so that an interrupted run ends soon.
    threads = torch.get_num_threads() if device == "cpu" else 1
    with (
        torch_threads(replace(ctx, threads=1)),
        ThreadPoolExecutor(threads) as sites,
        ThreadPoolExecutor(threads) as parts,
    ):
        filled = fill_sites(image, hole, ctx, reach_mm, fill_one, background, sites.map)
    for trouble, where in sorted(troubles.items()):
        warn_of([name for _, name in sorted(where)], trouble, ctx)
    return filled, doubts


@torch.inference_mode()
def _fill(
    site: Site,
    companions: Sequence[Companion],
    config: PatchConfig,
    seed: int,
    device: str,
    run: Callable[..., Iterable[Any]],
    *,
    drawn: bool,
) -> tuple[FloatArray | None, list[str]]:
    """The filled site and its doubts (4, X, Y, Z), and the companions that were of no use.

    None instead of the fill when there are too few patches even of the smallest size.
    """
    layers = _layers(site)
    for radius in (config.radius_vox, *(r for r in _SMALLER_RADII_VOX if r < config.radius_vox)):
        shape = stencil(radius, site.grid.spacing())
        rng = site.rng(seed)
        others, left_out = beside(site, shape, companions, _FEW_CANDIDATES, device)
        library = collect(
            *(site, shape, config.search_mm, config.candidates, rng, device, others),
            shuffled=_is_deep(layers[-1], shape, others),
        )
        if len(library.patches) >= _FEW_CANDIDATES:
            draw = rng if drawn else None
            filled = _from_border_inwards(site, layers, shape, library, others, config, run, draw)
            return filled, left_out
    return None, []


def _from_border_inwards(
    site: Site,
    layers: Sequence[_Layer],
    shape: Stencil,
    library: Library,
    others: Beside | None,
    config: PatchConfig,
    run: Callable[..., Iterable[Any]],
    rng: np.random.Generator | None,
) -> FloatArray:
    """Fill the voxels nearest to known ones first; filled voxels help to predict the next.

    With `rng` they are drawn, else each is the mean of what it could be. `run` is like `map`.
    """
    padded = shape.pad(site.known)
    values = np.where(padded, (shape.pad(site.image) - library.mean) / library.sd, 0)
    device = library.patches.device
    image = torch.from_numpy(values.astype(np.float32).ravel()).to(device)
    known = torch.from_numpy(padded.ravel()).to(device)
    steps = torch.from_numpy(shape.steps(padded.shape)).to(device)
    weights = torch.from_numpy(shape.weights).to(device)
    doubts = torch.zeros((DOUBTS, len(image)), device=device)
    thinned = library.first(max(_ENOUGH_DEEP, len(library.patches) // _THINNED_DEEP))
    fewer = replace(config, neighbours=max(1, config.neighbours // 2))

    @torch.inference_mode()
    def predicted(part: Tensor, library: Library, config: PatchConfig) -> tuple[Tensor, Tensor]:
        around = part[:, None] + steps
        patches, support = image[around], known[around] * weights
        if others is not None:
            entries, more = others.entries(part)
            patches, support = torch.cat([patches, entries], 1), torch.cat([support, more], 1)
        return predict(patches, support, library, config)

    for each in layers:
        numbers = np.ravel_multi_index(tuple((each.voxels + np.array(shape.reach)).T), padded.shape)
        layer = torch.from_numpy(numbers).to(device)
        deep = _is_deep(each, shape, others)
        books, options = (thinned, fewer) if deep else (library, config)
        parts = layer.tensor_split(_parts(len(layer), len(books.patches)))
        found_by_part = run(partial(predicted, library=books, config=options), parts)
        for part, (found, against) in zip(parts, found_by_part, strict=True):
            image[part], doubts[:, part] = found, against
            if rng is not None:
                deviates = torch.from_numpy(rng.standard_normal(len(part), np.float32)).to(device)
                image[part] = (found + deviates * against[-1]).clamp(*library.range)
        known[layer] = True
    whole = torch.cat([image[None] + library.mean / library.sd, doubts]).cpu().numpy()
    inner = (slice(None), *shape.inner)
    return np.asarray(whole.reshape(-1, *padded.shape)[inner] * library.sd, np.float32)


def _layers(site: Site) -> list[_Layer]:
    """The hole in shells, from its border inwards."""
    finest = min(site.grid.spacing())
    # The known voxels nearest to a lesion touch it.
    near = Box.around(site.hole).grow((1, 1, 1)).within(site.grid.shape)
    unknown = ~site.known[near.slices]
    depth = ndimage.distance_transform_edt(unknown, sampling=site.grid.spacing())
    voxels = site.voxels()
    shell = np.ceil(depth[tuple((voxels - near.start).T)] / finest - 1e-3).astype(int)
    return [_Layer(int(s), voxels[shell == s]) for s in np.unique(shell)]


def _is_deep(layer: _Layer, shape: Stencil, others: Beside | None) -> bool:
    """Whether patches there hold nothing but what was filled: many candidates tell no more than few."""
    return others is None and layer.shell > max(shape.reach)


def _parts(targets: int, candidates: int) -> int:
    """Into how many parts a layer is cut so that no table exceeds some tens of megabytes."""
    return max(1, -(-targets // 256), targets * candidates // 2_000_000)
