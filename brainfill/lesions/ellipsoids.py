"""Bumpy ellipsoids in a brain: their sizes in millimetres, their places, none touching another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from brainfill.core.errors import DataError
from brainfill.core.grid import BoolArray, Box, FloatArray, Grid
from brainfill.core.volume import Mask
from brainfill.lesions.components import largest_piece
from brainfill.lesions.placing import Placed, random_rotation, with_margin
from brainfill.lesions.pool import Piece
from brainfill.lesions.shapes import bumpy_ellipsoid

# Half axes as shares of the mean radius, and how far bumps may reach beyond them.
_AXES = (0.6, 1.4)
_REACH = 2.0
_RADIUS_VOX = 6.0  # of those that get their size later


@dataclass(frozen=True, eq=False)
class Ellipsoid:
    """One ellipsoid.

    Args:
        centre_mm: (3,) in the world.
        radius_mm: mean radius that was asked for.
        axes_mm: (3,) half axes.
        rotation: (3, 3) that turns the half axes, from the axes of the world.
        inside: share in the brain.
    """

    centre_mm: FloatArray
    radius_mm: float
    axes_mm: FloatArray
    rotation: FloatArray
    inside: float

    def facts(self) -> dict[str, Any]:
        """What is worth recording, as JSON can hold it."""
        return {
            "centre_mm": np.round(self.centre_mm, 3).tolist(),
            "radius_mm": round(self.radius_mm, 3),
            "axes_mm": np.round(self.axes_mm, 3).tolist(),
            "rotation": np.round(self.rotation, 5).tolist(),
            "share_in_brain": round(self.inside, 4),
        }


def draw_ellipsoids(
    brain: Mask,
    n: int,
    radius_mm: tuple[float, float],
    inside: float,
    tries: int,
    rng: np.random.Generator,
) -> tuple[BoolArray, list[Ellipsoid]]:
    """Ellipsoids with centres anywhere in the box around the brain, drawn again until they fit (METHODS 3.1).

    Radii are log-uniform, so that small lesions are as common as large ones.

    Args:
        brain: where most of them shall be.
        n: how many.
        radius_mm: smallest and largest mean radius [mm].
        inside: least share of the voxels of each that lies in the brain.
        tries: draws for each before giving up.
        rng: source of all draws.

    Returns:
        bool (X, Y, Z) and the ellipsoids; a voxel at least lies between any two of them.

    Raises:
        DataError: one of them found no place.
    """
    mask = np.zeros(brain.grid.shape, bool)
    drawn: list[Ellipsoid] = []
    space = Box.around(brain.data)
    for number in range(1, n + 1):
        for _ in range(tries):
            found = _one(brain, space, radius_mm, rng)
            if found is None:
                continue
            ellipsoid, placed = found
            near = with_margin(placed, brain.grid.shape)
            if ellipsoid.inside < inside or (near.where & mask[near.box.slices]).any():
                continue
            mask[placed.box.slices] |= placed.where
            drawn.append(ellipsoid)
            break
        else:
            msg = (
                f"ellipsoid {number} of {n} found no place in {tries} draws: each must lie in the brain "
                f"by {100 * inside:g} %, apart from the others"
            )
            raise DataError(msg, "ask for fewer or smaller ones (--n, --radius-mm)")
    return mask, drawn


def ellipsoids_of(volumes_ml: Sequence[float], rng: np.random.Generator) -> list[Piece]:
    """Bumpy ellipsoids of given volumes, around the origin.

    Args:
        volumes_ml: one for each [ml].
        rng: source of all draws.
    """
    return [
        Piece("ellipsoid", number, _of_volume(volume_ml, rng))
        for number, volume_ml in enumerate(volumes_ml, start=1)
    ]


def _of_volume(volume_ml: float, rng: np.random.Generator) -> Mask:
    axes = _RADIUS_VOX * rng.uniform(*_AXES, size=3)
    side = int(2 * _REACH * axes.max()) + 1
    middle = np.full(3, (side - 1) / 2)
    where = largest_piece(bumpy_ellipsoid((side, side, side), middle, axes, _RADIUS_VOX, rng))
    where = where[Box.around(where).slices]
    # The voxels are as large as makes the volume right.
    edge_mm = (1000 * volume_ml / where.sum()) ** (1 / 3)
    affine = np.diag([edge_mm] * 3 + [1.0])
    affine[:3, 3] = -edge_mm * (np.array(where.shape) - 1) / 2
    return Mask(where, Grid((*where.shape,), affine))


def _one(
    brain: Mask, space: Box, radius_mm: tuple[float, float], rng: np.random.Generator
) -> tuple[Ellipsoid, Placed] | None:
    """An ellipsoid somewhere in a box, and its voxels; None where there are none."""
    grid = brain.grid
    low, high = np.log(radius_mm)
    radius = float(np.exp(rng.uniform(low, high)))
    axes = radius * rng.uniform(*_AXES, size=3)
    centre = rng.uniform(np.array(space.start) - 0.5, np.array(space.stop) - 0.5)
    rotation = random_rotation(rng)
    reach = _REACH * axes.max() / np.array(grid.spacing())
    a, b, c = (int(v) for v in np.floor(centre - reach))
    d, e, f = (int(v) for v in np.ceil(centre + reach) + 1)
    whole = Box((a, b, c), (d, e, f))
    shape = bumpy_ellipsoid(
        whole.shape, centre - whole.start, axes, radius, rng, grid.spacing(), rotation
    )
    box = whole.within(grid.shape)
    part = Box(
        tuple(p - q for p, q in zip(box.start, whole.start, strict=True)),  # type: ignore[arg-type]
        tuple(p - q for p, q in zip(box.stop, whole.start, strict=True)),  # type: ignore[arg-type]
    )
    where = largest_piece(shape)[part.slices]
    if not where.any():
        return None
    share = float(brain.data[box.slices][where].mean())
    of_world = grid.affine[:3, :3] / np.array(grid.spacing()) @ rotation
    ellipsoid = Ellipsoid(grid.to_world(centre[None])[0], radius, axes, of_world, share)
    return ellipsoid, Placed(where, box)
