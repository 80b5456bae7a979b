"""Scalar fields in space [mm]: template maps and smooth random fields, sampled anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Field:
    """Values on an axis-aligned lattice: `values` (X, Y, Z), first voxel at `origin`, `step` apart [mm].

    Args:
        values: float32 or float64 (X, Y, Z); spline coefficients where `order` is 3.
        origin: (3,) position of voxel (0, 0, 0) [mm].
        step: voxel size [mm].
        order: 1 linear, 3 cubic.
    """

    values: Array
    origin: Array
    step: float
    order: int = 1

    def at(self, points: Array) -> Array:
        """Values (N,) at `points` (N, 3) [mm]; the border value beyond the lattice."""
        index = ((points - self.origin) / self.step).T
        return ndimage.map_coordinates(
            self.values, index, order=self.order, mode="nearest", prefilter=False
        )


def cubic(values: Array, origin: Array, step: float) -> Field:
    """A field read with cubic splines, for maps whose sharpness matters."""
    return Field(ndimage.spline_filter(values, order=3, mode="nearest"), origin, step, order=3)


def noise_field(rng: np.random.Generator, low: Array, high: Array, sigma: float) -> Field:
    """White noise smoothed by a Gaussian of `sigma` mm: mean near 0, standard deviation 1.

    Args:
        rng: source of the noise.
        low: (3,) corner of the box the field covers [mm].
        high: (3,) opposite corner [mm].
        sigma: smoothness [mm].
    """
    step = max(sigma / 3, 1.8)
    shape = tuple(np.ceil((high - low) / step).astype(int) + 1)
    values = ndimage.gaussian_filter(rng.standard_normal(shape), sigma / step, mode="wrap")
    return Field((values / values.std()).astype(np.float32), low, step)


def ramp(x: Array) -> Array:
    """0 below -0.5, 1 above 0.5, straight between: an edge with partial volume."""
    return np.clip(x + 0.5, 0.0, 1.0)


def rotation(degrees: Sequence[float]) -> Array:
    """(3, 3) rotation about x, then y, then z by `degrees`."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x
