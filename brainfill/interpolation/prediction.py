"""The centre of a patch that is known in part, from the patches of a library most like it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from brainfill.interpolation.nonlocal_patches import PatchConfig
    from brainfill.interpolation.patches import Library

DOUBTS = 3
_FLAT = 1e-4
_STIFFER = 30
# With companions a prediction has more to go by, and gains from twice as many candidates.
_MORE_NEIGHBOURS = 2
_ABREAST = 8


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
