"""Which lesions of a case are shown to the raters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import ndimage

from brainfill.core.errors import DataError
from brainfill.core.grid import BoolArray, Box
from brainfill.core.volume import Mask
from brainfill.lesions.components import label_lesions
from brainfill.study.config import Kind

Pick = Literal["largest", "similar"]
_TOUCHING = np.ones((3, 3, 3), bool)


@dataclass(frozen=True, eq=False)
class Candidate:
    """One lesion that may be shown.

    Args:
        kind: the truth.
        where: its voxels, on a grid cut out around them with an empty border.
        centre_mm: its voxel nearest to the centre of mass, world position.
    """

    kind: Kind
    where: Mask
    centre_mm: tuple[float, float, float]

    @property
    def volume_ml(self) -> float:
        """Its volume [ml]."""
        return self.where.volume_ml()


def lesions_apart(
    real: Mask | None, synthetic: Mask | None
) -> tuple[list[Candidate], list[Candidate]]:
    """The lesions of both kinds, largest first; real ones that touch a synthetic one are left out.

    A lesion made of both would belong to neither kind.

    Args:
        real: drawn lesions; those inside the synthetic mask do not count.
        synthetic: painted lesions, on the same grid.
    """
    painted = _components(synthetic, "synthetic") if synthetic else []
    if real is None or synthetic is None:
        return (_components(real, "real") if real else []), painted
    near: BoolArray = ndimage.binary_dilation(synthetic.data, _TOUCHING)
    labels = label_lesions(real)
    mixed = np.unique(labels.data[near])
    return _components(Mask(real.data & ~np.isin(labels.data, mixed), real.grid), "real"), painted


def one_among(
    real: Sequence[Candidate], synthetic: Sequence[Candidate], n: int, pick: Pick
) -> list[Candidate]:
    """The largest synthetic lesion, and up to `n` - 1 real ones.

    Args:
        real: largest first.
        synthetic: largest first.
        n: lesions in all, at least 2.
        pick: take the largest real ones, or those most similar in volume.

    Raises:
        DataError: a kind is missing.
    """
    for kind, found in (("real", real), ("synthetic", synthetic)):
        if not found:
            msg = f"it has no {kind} lesion that can be shown"
            hint = "a forced choice needs both kinds, apart from each other; --free does without"
            raise DataError(msg, hint)
    return [synthetic[0], *_picked(real, synthetic[:1], n - 1, pick)]


def both_kinds(
    real: Sequence[Candidate], synthetic: Sequence[Candidate], n: int, pick: Pick
) -> list[Candidate]:
    """Up to `n` lesions to be judged one by one: at most half of them real, the rest synthetic.

    Raises:
        DataError: there is none of either kind.
    """
    painted = list(synthetic[: n - n // 2])
    if not real and not painted:
        msg = "it has no lesion that can be shown"
        raise DataError(msg, "leave the case out, or give its masks")
    return [*painted, *_picked(real, painted, n // 2, pick)]


def _picked(
    real: Sequence[Candidate], shown: Sequence[Candidate], n: int, pick: Pick
) -> list[Candidate]:
    if pick == "largest" or not shown:
        return list(real[:n])

    def unlike(lesion: Candidate) -> float:
        return min(abs(math.log(lesion.volume_ml / other.volume_ml)) for other in shown)

    return sorted(real, key=unlike)[:n]


def _components(mask: Mask, kind: Kind) -> list[Candidate]:
    labels = label_lesions(mask)
    found = []
    for number, slices in enumerate(ndimage.find_objects(labels.data), start=1):
        inside = labels.data[slices] == number
        a, b, c = (s.start for s in slices)
        d, e, f = (s.stop for s in slices)
        grid = mask.grid.crop(Box((a, b, c), (d, e, f)).grow((1, 1, 1)))
        where = Mask(np.pad(inside, 1), grid)
        found.append(Candidate(kind, where, _centre(where)))
    return found


def _centre(where: Mask) -> tuple[float, float, float]:
    xyz = where.grid.to_world(np.argwhere(where.data).astype(np.float64))
    gaps = np.linalg.norm(xyz - xyz.mean(axis=0), axis=1)
    # Rounded, lest the last bit of a header decide between voxels that are equally near.
    x, y, z = xyz[np.argmin(gaps.round(6))]
    return float(x), float(y), float(z)
