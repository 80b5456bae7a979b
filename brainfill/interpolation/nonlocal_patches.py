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
from torch.nn import functional as F

from brainfill.core.companion import Companion
from brainfill.core.config import check_ranges, option
from brainfill.core.context import Context
from brainfill.core.grid import Box, FloatArray, Index3
from brainfill.core.threads import torch_threads
from brainfill.core.volume import Mask, Volume
from brainfill.interpolation.companion_patches import Beside, beside
from brainfill.interpolation.patches import Library, Stencil, collect, stencil
from brainfill.interpolation.sites import Site, fill_sites, warn_of
from brainfill.interpolation.smooth import smooth_mean

_SMALLER_RADII_VOX = (1.5, 1.0)
_FEW_CANDIDATES = 60
_FLAT = 1e-4
_STIFFER = 30
# With companions a prediction has more to go by, and gains from twice as many candidates.
_MORE_NEIGHBOURS = 2
_ABREAST = 8
# Where patches lie within what was filled: one of so many candidates, but no fewer than these.
_THINNED_DEEP, _ENOUGH_DEEP = 8, 1000
_NO_PATCHES = "no whole patches of tissue nearby, filled with a local mean"
DOUBTS = 3


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


def predict(
    patches: Tensor, support: Tensor, library: Library, config: PatchConfig
) -> tuple[Tensor, Tensor]:
    """Centres of patches that are known in part.

    Args:
        patches: float32 (N, P), on the scale of the library.
        support: float32 (N, P), weight of each voxel; 0 where it is not known yet.
        library: candidates.
        config: options.

    Returns:
        float32 (N,), within the range of the candidates used for each, and the doubts (3, N).
    """
    w = support / support.sum(dim=1, keepdim=True).clamp(min=1e-12)
    best, level, trust = _alike(patches, w, library, config)
    shift = config.level_free * level
    centres = library.centres[best] + shift
    around = library.patches.index_select(0, best.flatten()).reshape(*best.shape, -1)
    seen = _known_first(w)
    around = around.gather(2, seen[:, None].expand(-1, best.shape[1], -1))
    around.addcmul_(shift[:, :, None], (seen < library.own)[:, None].to(shift.dtype))
    patches, w = patches.gather(1, seen), w.gather(1, seen)
    ridge = config.ridge * library.noise
    found, stiffer, mean, sd = _linear(patches, w, around, centres, trust, ridge)
    found = found.clamp(centres.amin(dim=1), centres.amax(dim=1))
    # A shift towards background must not leave the range of tissue.
    found = found.clamp(*library.range)
    return found, torch.stack([stiffer - found, mean - found, sd])


def _alike(
    patches: Tensor, w: Tensor, library: Library, config: PatchConfig
) -> tuple[Tensor, Tensor, Tensor]:
    """The candidates most like each patch (N, P), seen with weights `w` of sum 1.

    Returns:
        (N, K) each: which ones, how much lower their level is, and how far each is to be trusted; trusts add to 1.
    """
    weighted, mine = w * patches, w
    if library.beside:
        # Only the image's own level is free: what a companion shows in the hole is the tissue that is there.
        mine = F.pad(w[:, : library.own], (0, w.shape[1] - library.own))
    # A constant is left out of how unlike they are: only differences between candidates count.
    unlike, level = (torch.cat([-2 * weighted, mine]) @ library.patches.T).tensor_split(2)
    level = torch.sub(weighted[:, : library.own].sum(dim=1, keepdim=True), level)
    unlike = torch.addmm(unlike, w, library.squares.T)
    wanted = config.neighbours
    if library.beside:
        share = mine.sum(dim=1, keepdim=True).clamp(min=_FLAT)
        unlike.addcdiv_(level.square(), share, value=-config.level_free)
        level, wanted = level / share, wanted * _MORE_NEIGHBOURS
    else:
        unlike.addcmul_(level, level, value=-config.level_free)
    unlike, best = _smallest(unlike, min(wanted, unlike.shape[1]))
    least = unlike.amin(dim=1, keepdim=True)
    width = (unlike.amax(dim=1, keepdim=True) - least).clamp(min=library.noise + _FLAT)
    return best, level.gather(1, best), torch.softmax((least - unlike) / width, dim=1)


def _smallest(table: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` smallest of each row (N, M), in no order, and where they stand."""
    if table.shape[1] <= _ABREAST * count:
        return table.topk(count, dim=1, largest=False, sorted=False)
    # Each row becomes a block. All that is wanted stands in the `count` columns with the smallest minima.
    block = F.pad(table, (0, -table.shape[1] % _ABREAST), value=torch.inf)
    block = block.reshape(len(table), _ABREAST, -1)
    column = block.amin(dim=1).topk(count, dim=1, largest=False, sorted=False).indices
    few = block.gather(2, column[:, None].expand(-1, _ABREAST, -1)).flatten(1)
    smallest, place = few.topk(count, dim=1, largest=False, sorted=False)
    return smallest, column.gather(1, place % count) + place // count * block.shape[2]


def _known_first(w: Tensor) -> Tensor:
    """Which voxels of each patch are known (N, Q), followed by others where a patch has fewer than the rest."""
    known = w > 0
    most = max(1, int(known.sum(dim=1).amax()))
    return known.to(torch.int8).argsort(dim=1, descending=True, stable=True)[:, :most]


def _linear(
    patches: Tensor, w: Tensor, around: Tensor, centres: Tensor, trust: Tensor, ridge: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Ridge regression of candidate centres (N, K) on what lies around them (N, K, Q).

    Returns:
        At `patches`, (N,) each: the prediction, one with a stiffer penalty, the mean of the candidates
        and their standard deviation around the prediction.
    """
    mean_centre = (trust * centres).sum(dim=1)
    mean_around = (trust[:, None] @ around)[:, 0]
    x = around  # reused: it is the largest array of all
    x -= mean_around[:, None]
    x *= trust.sqrt()[:, :, None]
    y = (centres - mean_centre[:, None]) * trust.sqrt()
    root = w.sqrt()
    gram = (x.mT @ x) * root[:, :, None] * root[:, None]
    common = root * (y[:, None] @ x)[:, 0]
    apart = root * (patches - mean_around)
    diagonal = gram.diagonal(dim1=1, dim2=2)
    diagonal += ridge + 1e-7 * diagonal.sum(dim=1, keepdim=True) + 1e-9
    slope: Tensor = torch.linalg.solve(gram, common)
    sd = (y - ((root * slope)[:, None] @ x.mT)[:, 0]).norm(dim=1)
    found = mean_centre + (slope * apart).sum(dim=1)
    diagonal += (_STIFFER - 1) * ridge
    slope = torch.linalg.solve(gram, common)
    return found, mean_centre + (slope * apart).sum(dim=1), mean_centre, sd


def _parts(targets: int, candidates: int) -> int:
    """Into how many parts a layer is cut so that no table exceeds some tens of megabytes."""
    return max(1, -(-targets // 256), targets * candidates // 2_000_000)
