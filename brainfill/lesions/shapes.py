"""Random holes for training: discs on slices, ellipsoids, and shapes of real lesions.

Arrays are (D, H, W): slices first. Everything is drawn from the generator handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from brainfill.core.config import check_ranges, option
from brainfill.core.errors import ConfigError, DataError
from brainfill.core.grid import BoolArray, FloatArray, Index3

# Planes of the source, and what was drawn in them [pixels of 1 mm] (METHODS 3.1).
PLANE = 256
CENTRE_SD = 30.0
RADIUS = (3.0, 50.0)


class Disc(NamedTuple):
    """A disc on a slice: number of the slice, centre in its plane, radius."""

    slice: int
    centre: tuple[float, float]
    radius: float


@dataclass(frozen=True, kw_only=True)
class HoleMix:
    """How often each kind of hole is drawn, as relative weights."""

    circles: float = option(0.5, "discs, one per slice around a common centre", low=0.0, high=1000)
    lesions: float = option(0.5, "shapes of real lesions", low=0.0, high=1000)
    ellipsoids: float = option(0.0, "bumpy ellipsoids, up to tumour size", low=0.0, high=1000)
    dilate_half: float = option(0.5, "probability of one more voxel all around", low=0.0, high=1.0)

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.circles + self.lesions + self.ellipsoids <= 0:
            msg = "at least one of circles, lesions and ellipsoids needs a weight above 0"
            raise ConfigError(msg)


def draw_hole(
    tissue: BoolArray, mix: HoleMix, library: Sequence[BoolArray], rng: np.random.Generator
) -> BoolArray:
    """One random hole that holds tissue (METHODS 3.1 to 3.3).

    Args:
        tissue: (D, H, W), where there is something to learn.
        mix: how often each kind is drawn.
        library: lesion shapes; needed when `mix.lesions` is above 0.
        rng: source of all draws.

    Returns:
        bool (D, H, W) with at least one true voxel inside `tissue`.

    Raises:
        DataError: no lesion shapes although they are asked for, or no tissue at all.
    """
    if mix.lesions > 0 and not library:
        msg = "the hole mix asks for lesion shapes but the library is empty"
        raise DataError(msg, "pack the training data with --lesions, or set train.masks.lesions=0")
    if not tissue.any():
        msg = "cannot draw a hole: the crop holds no tissue"
        raise DataError(msg)
    weights = np.array([mix.circles, mix.lesions, mix.ellipsoids])
    kind = rng.choice(3, p=weights / weights.sum())
    for _ in range(20):
        if kind == 0:
            hole = slice_circles(tissue.shape, rng)
        elif kind == 1:
            hole = lesions(tissue.shape, library, rng)
        else:
            hole = ellipsoid(tissue.shape, rng)
        if rng.random() < mix.dilate_half:
            hole = ndimage.binary_dilation(hole)
        if (hole & tissue).any():
            return hole
    # Nothing hit the tissue: open a single voxel of it, which always does.
    hole = np.zeros_like(tissue)
    hole[tuple(rng.choice(np.argwhere(tissue)))] = True
    return hole


def slice_circles(
    shape: Index3, rng: np.random.Generator, *, same_centre: bool = True
) -> BoolArray:
    """A disc on every slice of a random run of slices: a bumpy tube (METHODS 3.1).

    Centres are Gaussian around the middle of the plane, radii uniform, both in proportion to the
    256-pixel planes of the source (SD 30, radius 3 to 50 pixels).
    """
    depth, height, width = shape
    plane = np.array([height, width])
    scale = plane / PLANE
    first, last = np.sort(rng.integers(0, depth, size=2))
    discs = draw_discs(
        range(first, last + 1),
        plane / 2,
        CENTRE_SD * scale,
        max(scale.max(), 0.2),
        rng,
        same_centre=same_centre,
    )
    return paint_discs(shape, discs)


def draw_discs(
    slices: Iterable[int],
    middle: FloatArray,
    sd: FloatArray,
    scale: float,
    rng: np.random.Generator,
    *,
    same_centre: bool,
) -> list[Disc]:
    """One disc per slice, with a common centre or with centres of their own (METHODS 3.1).

    Args:
        slices: their numbers.
        middle: (2,) of the plane.
        sd: (2,) of the centres, in the unit of `middle`.
        scale: this unit per pixel of the source, for the radii.
        rng: source of all draws.
        same_centre: whether the discs share their centre.
    """
    common = rng.normal(middle, sd)
    discs = []
    for k in slices:
        a, b = common if same_centre else rng.normal(middle, sd)
        discs.append(Disc(int(k), (float(a), float(b)), rng.uniform(*RADIUS) * scale))
    return discs


def paint_discs(
    shape: Index3, discs: Iterable[Disc], spacing: Sequence[float] = (1.0, 1.0)
) -> BoolArray:
    """Discs on the slices of an array (D, H, W): pixels nearer to the centre than the radius.

    Args:
        shape: of the array.
        discs: in the unit of `spacing`, measured from the first pixel of the plane.
        spacing: distance of neighbouring pixels along H and W.
    """
    _, height, width = shape
    along_h, along_w = np.arange(height) * spacing[0], np.arange(width) * spacing[1]
    hole = np.zeros(shape, bool)
    for k, (a, b), radius in discs:
        hole[k] |= np.hypot(along_h[:, None] - a, along_w[None] - b) < radius
    return hole


def ellipsoid(shape: Index3, rng: np.random.Generator) -> BoolArray:
    """An ellipsoid with a bumpy surface near the middle of the crop (METHODS 3.1, 3D generator).

    Radii are drawn log-uniformly, from 2 voxels to a third of the crop's shortest side, so small
    holes are as common as large ones.
    """
    radius = np.exp(rng.uniform(np.log(2), np.log(max(min(shape) / 3, 3))))
    axes = radius * rng.uniform(0.6, 1.4, size=3)
    centre = rng.normal(np.array(shape) / 2, np.array(shape) / 12)
    return bumpy_ellipsoid(shape, centre, axes, radius, rng)


def bumpy_ellipsoid(
    shape: Index3,
    centre: FloatArray,
    axes: FloatArray,
    radius: float,
    rng: np.random.Generator,
    spacing: Sequence[float] = (1.0, 1.0, 1.0),
    rotation: FloatArray | None = None,
) -> BoolArray:
    """An ellipsoid whose surface lies a fifth nearer or farther here and there, smoothly.

    Args:
        shape: (D, H, W) of the array it is drawn in.
        centre: (3,) in voxels.
        axes: (3,) half axes, in the unit of `spacing`.
        radius: mean half axis; bumps are about a quarter of it wide.
        rng: source of the bumps.
        spacing: voxel size along each axis.
        rotation: (3, 3) that turns the half axes, in the order of the array's axes.

    Returns:
        bool, `shape`; a small bump may be a piece of its own.
    """
    offset = np.indices(shape).reshape(3, -1).T - centre
    turned_back = offset * np.asarray(spacing) @ (np.eye(3) if rotation is None else rotation)
    distance = np.linalg.norm(turned_back / axes, axis=1).reshape(shape)
    width = np.maximum(radius / 4 / np.asarray(spacing), 1.0)
    bumps = ndimage.gaussian_filter(rng.standard_normal(shape), width)
    return np.asarray(distance < 1 + 0.2 * bumps / max(float(bumps.std()), 1e-6))


def lesions(shape: Index3, library: Sequence[BoolArray], rng: np.random.Generator) -> BoolArray:
    """One to twelve lesion shapes, the first in the middle, turned and mirrored at random."""
    hole = np.zeros(shape, bool)
    for i in range(rng.integers(1, 13)):
        component = turned(library[int(rng.integers(len(library)))], rng)
        spread = np.array(shape) / (12 if i == 0 else 4)
        centre = rng.normal(np.array(shape) / 2, spread).round().astype(int)
        _stamp(hole, component, centre - np.array(component.shape) // 2)
    return hole


def turned(component: BoolArray, rng: np.random.Generator) -> BoolArray:
    """The shape with its axes permuted and mirrored at random."""
    component = component.transpose(rng.permutation(3))
    return component[tuple(slice(None, None, int(s)) for s in rng.choice([-1, 1], size=3))]


def _stamp(hole: BoolArray, component: BoolArray, start: np.ndarray) -> None:
    low = np.maximum(start, 0)
    high = np.minimum(start + component.shape, hole.shape)
    if (high <= low).any():
        return
    into = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    part = tuple(slice(a, b) for a, b in zip(low - start, high - start, strict=True))
    hole[into] |= component[part]
