"""Masks of healthy tissue shaped like tumours, for scans with a tumour: the generator of the BraTS inpainting challenge.

METHODS 3.5, after Kofler et al. 2023 (https://arxiv.org/abs/2305.08992). Its voxels were 1 mm wide; here lengths are
millimetres. Three things differ: lesions are turned by their distance maps and keep their volume; the lesion is looked
up in the table sorted by size, as was meant; and no part of the own tumour is too small to keep away from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from brainfill.core.errors import DataError
from brainfill.core.grid import BoolArray, Box, FloatArray, Grid
from brainfill.core.volume import Mask
from brainfill.lesions.placing import turned
from brainfill.lesions.pool import Piece


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a healthy mask must obey.

    Args:
        gap_mm: least distance between tumour and healthy mask [mm]; the tumour also grows by it.
        inside: least share of the healthy mask in the brain.
        window: half width of the ranks that a lesion may have, of 1.
    """

    gap_mm: float = 5.0
    inside: float = 0.75
    window: float = 0.1


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What the rules need to know of a scan.

    Args:
        grid: of all arrays (X, Y, Z).
        brain: where healthy masks may be.
        away_mm: distance to the tumour, 0 in it.
        near: the tumour, grown by the gap.
        volume_ml: of the tumour.
    """

    grid: Grid
    brain: BoolArray
    away_mm: FloatArray
    near: BoolArray
    volume_ml: float


def surroundings(tumour: Mask, brain: Mask, rules: Rules) -> Surroundings:
    """What is known of a scan with a tumour, whose holes belong to it.

    Raises:
        DataError: there is no tumour.
    """
    if not tumour.data.any():
        msg = "the tumour mask is empty"
        raise DataError(msg, "for a scan without a tumour: brainfill masks components")
    solid = ndimage.binary_fill_holes(tumour.data)
    away = ndimage.distance_transform_edt(~solid, sampling=tumour.grid.spacing())
    volume_ml = float(solid.sum()) * tumour.grid.voxel_ml()
    return Surroundings(tumour.grid, brain.data, away, away < rules.gap_mm, volume_ml)


def draw_healthy(
    around: Surroundings,
    pool: Sequence[Piece],
    rules: Rules,
    tries: int,
    rng: np.random.Generator,
) -> tuple[BoolArray, dict[str, Any]]:
    """A lesion of the pool, turned, mirrored and laid into healthy brain, far from the tumour.

    Args:
        around: the scan.
        pool: lesions without holes, at least one.
        rules: what must hold.
        tries: draws before giving up.
        rng: source of all draws.

    Returns:
        bool (X, Y, Z), and what was drawn.

    Raises:
        DataError: nothing obeyed the rules.
        RuntimeError: the mask breaks a rule after all (a bug).
    """
    candidates = window(pool, around.volume_ml, rules.window)
    points = _free_points(around, rules)
    refused: Counter[str] = Counter()
    for number in range(1, tries + 1):
        point = _farther(points, around.away_mm, rng)
        piece = candidates[int(rng.integers(len(candidates)))]
        turn = flips_and_turns(rng)
        shape = turned(piece.mask, turn, around.grid)
        reason, where = _laid(shape, point, around, rules)
        if reason:
            refused[reason] += 1
            continue
        check(where, around, rules)
        facts = {
            "source": piece.source,
            "component": piece.number,
            "source_volume_ml": round(piece.mask.volume_ml(), 6),
            "centre_mm": np.round(around.grid.to_world(point[None])[0], 3).tolist(),
            "rotation": np.round(turn, 5).tolist(),
            "candidates": len(candidates),
            "draws": number,
            "share_in_brain": round(float(around.brain[where].mean()), 4),
            "distance_to_tumour_mm": round(float(around.away_mm[where].min()), 3),
        }
        return where, facts
    why = ", ".join(f"{count} {reason}" for reason, count in refused.most_common())
    msg = f"no healthy mask obeyed the rules in {tries} draws: {why}"
    raise DataError(msg, "give more or smaller masks, raise --tries, or lower --inside")


def window(pool: Sequence[Piece], volume_ml: float, width: float) -> list[Piece]:
    """The lesions whose rank by size is about the inverse of that of a tumour: small ones for a large tumour.

    Ranks run from 0 for the smallest lesion to 1 for the largest.

    Args:
        pool: at least one.
        volume_ml: of the tumour.
        width: how far from the inverse rank lesions may be; the nearest one always counts.
    """
    by_size = sorted(pool, key=lambda piece: piece.mask.volume_ml())
    sizes = np.array([piece.mask.volume_ml() for piece in by_size])
    last = len(sizes) - 1
    ranks = np.arange(len(sizes)) / max(last, 1)
    own = min(int(np.searchsorted(sizes, volume_ml)), last)
    gap = np.abs(ranks - (1 - ranks[own]))
    return [by_size[i] for i in np.flatnonzero(gap <= max(width, gap.min()) + 1e-9)]


def flips_and_turns(rng: np.random.Generator) -> FloatArray:
    """Random mirrors along three axes, then turns in the YZ and in the XY plane by any angle; (3, 3)."""
    a, b = rng.uniform(0, 2 * np.pi, size=2)
    xy = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    yz = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return np.asarray(xy @ yz @ np.diag(rng.choice([-1.0, 1.0], size=3)))


def check(healthy: BoolArray, around: Surroundings, rules: Rules) -> None:
    """Refuse a healthy mask that breaks a rule.

    Raises:
        RuntimeError: says which; the generator would be wrong.
    """
    if not healthy.any():
        msg = "a healthy mask is empty"
    elif (healthy & around.near).any():
        msg = "a healthy mask overlaps the grown tumour"
    elif around.away_mm[healthy].min() < rules.gap_mm:
        msg = f"a healthy mask is nearer to the tumour than {rules.gap_mm:g} mm"
    elif around.brain[healthy].mean() < rules.inside:
        msg = f"less than {100 * rules.inside:g} % of a healthy mask lie in the brain"
    else:
        return
    raise RuntimeError(msg)


def _free_points(around: Surroundings, rules: Rules) -> np.ndarray:
    """Voxels (N, 3) of the brain farther than the gap from the grown tumour."""
    beyond = ndimage.distance_transform_edt(~around.near, sampling=around.grid.spacing())
    points = np.argwhere(around.brain & (beyond > rules.gap_mm))
    if not len(points):
        msg = f"no voxel of the brain is farther than {2 * rules.gap_mm:g} mm from the tumour"
        raise DataError(msg, "do tumour and brain mask belong to this scan?")
    return points


def _farther(points: np.ndarray, away_mm: FloatArray, rng: np.random.Generator) -> np.ndarray:
    first, second = points[rng.integers(len(points), size=2)]
    farther = away_mm[tuple(first)] >= away_mm[tuple(second)]
    return np.asarray(first if farther else second)


def _laid(
    shape: BoolArray | None, point: np.ndarray, around: Surroundings, rules: Rules
) -> tuple[str, BoolArray]:
    """The shape with its middle at a point, or the reason why it must not be there."""
    where = np.zeros(around.brain.shape, bool)
    if shape is None:
        return "fell apart when turned", where
    low = point - np.array(shape.shape) // 2
    high = low + shape.shape
    if (low < 0).any() or (high > where.shape).any():
        return "left the image", where
    (a, b, c), (d, e, f) = low.tolist(), high.tolist()
    where[Box((a, b, c), (d, e, f)).slices] = shape
    if (where & around.near).any():
        return "came too near to the tumour", where
    if around.brain[where].mean() < rules.inside:
        return "left the brain", where
    return "", where
