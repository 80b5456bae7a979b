"""Where voxels are: Grid (shape and affine, RAS+ millimetres) and Box (a range of voxels)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import permutations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainfill.core.errors import GeometryError

FloatArray = NDArray[np.floating[Any]]
BoolArray = NDArray[np.bool_]
Index3 = tuple[int, int, int]

_AXIS_NAMES = (("L", "R"), ("P", "A"), ("I", "S"))
_SINGULAR_MM3 = 1e-9


@dataclass(frozen=True)
class Box:
    """A block of voxels: `start` inclusive, `stop` exclusive, in voxel indices.

    >>> Box((1, 2, 3), (4, 6, 8)).shape
    (3, 4, 5)
    """

    start: Index3
    stop: Index3

    @property
    def shape(self) -> Index3:
        """Number of voxels along each axis."""
        return _index3(b - a for a, b in zip(self.start, self.stop, strict=True))

    @property
    def size(self) -> int:
        """Number of voxels."""
        return math.prod(self.shape)

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """The box as an index into an (X, Y, Z) array; it must lie inside that array."""
        x, y, z = (slice(a, b) for a, b in zip(self.start, self.stop, strict=True))
        return x, y, z

    def grow(self, margin: Index3) -> Box:
        """The box with `margin` voxels added on both sides of each axis; may leave the volume."""
        start = _index3(a - m for a, m in zip(self.start, margin, strict=True))
        return Box(start, _index3(b + m for b, m in zip(self.stop, margin, strict=True)))

    def within(self, shape: Index3) -> Box:
        """The part of the box inside a volume of `shape`."""
        start = _index3(min(max(a, 0), n) for a, n in zip(self.start, shape, strict=True))
        stop = _index3(min(max(b, 0), n) for b, n in zip(self.stop, shape, strict=True))
        return Box(start, stop)

    def moved(self, by: Index3) -> Box:
        """The box, farther along each axis by a number of voxels."""
        start = _index3(a + n for a, n in zip(self.start, by, strict=True))
        return Box(start, _index3(b + n for b, n in zip(self.stop, by, strict=True)))

    def union(self, other: Box) -> Box:
        """The smallest box holding both."""
        return Box(
            _index3(map(min, self.start, other.start)), _index3(map(max, self.stop, other.stop))
        )

    @staticmethod
    def of(slices: tuple[slice, slice, slice]) -> Box:
        """The box that slices with a start and a stop cut out."""
        return Box(_index3(s.start for s in slices), _index3(s.stop for s in slices))

    @staticmethod
    def around(where: BoolArray) -> Box:
        """The tightest box around the true voxels of `where` (X, Y, Z).

        Raises:
            GeometryError: no voxel is true.
        """
        if not where.any():
            msg = "cannot put a box around an empty mask"
            raise GeometryError(msg)
        spans = [np.flatnonzero(where.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
        return Box(_index3(s[0] for s in spans), _index3(s[-1] + 1 for s in spans))


@dataclass(frozen=True, eq=False)
class Grid:
    """A lattice of voxels in space.

    Args:
        shape: voxels along each array axis.
        affine: float64 (4, 4), voxel index to world millimetres, RAS+.

    Raises:
        GeometryError: the affine is not finite, or singular, or a side has no voxels.
    """

    shape: Index3
    affine: FloatArray

    def __post_init__(self) -> None:
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all():
            msg = f"affine must be a finite 4x4 matrix, found {affine.tolist()}"
            raise GeometryError(msg)
        if abs(np.linalg.det(affine[:3, :3])) < _SINGULAR_MM3:
            msg = f"affine is singular: its voxel has no volume, found {affine[:3, :3].tolist()}"
            raise GeometryError(msg, "repair the header, or copy it from the original image")
        shape = _index3(self.shape)
        if min(shape) < 1:
            msg = f"a grid needs at least one voxel along each axis, found {shape}"
            raise GeometryError(msg)
        affine.flags.writeable = False
        object.__setattr__(self, "affine", affine)
        object.__setattr__(self, "shape", shape)

    def spacing(self) -> tuple[float, float, float]:
        """Voxel size along each array axis [mm]."""
        x, y, z = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(x), float(y), float(z)

    def voxel_ml(self) -> float:
        """Volume of one voxel [ml]."""
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000.0

    def axcodes(self) -> str:
        """Direction each array axis points to, such as "RAS" or "LPS".

        >>> Grid((2, 2, 2), np.diag([-1.0, 1, 1, 1])).axcodes()
        'LAS'
        """
        return "".join(
            _AXIS_NAMES[w][int(self.affine[w, i] > 0)] for i, w in enumerate(self.world_axes())
        )

    def world_axes(self) -> Index3:
        """The world axis each array axis runs along, or nearest to: 0 left-right, 1 back-front, 2 up-down.

        >>> Grid((2, 2, 2), np.array([[0, 0, 1.0, 0], [-1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])).world_axes()
        (1, 2, 0)
        """
        cosines = self.affine[:3, :3] / np.asarray(self.spacing())
        return max(
            ((a, b, c) for a, b, c in permutations(range(3))),
            key=lambda p: sum(abs(cosines[p[i], i]) for i in range(3)),
        )

    def to_world(self, ijk: FloatArray) -> FloatArray:
        """Voxel indices (N, 3) to world positions (N, 3) [mm]."""
        return np.asarray(ijk) @ self.affine[:3, :3].T + self.affine[:3, 3]

    def to_index(self, xyz: FloatArray) -> FloatArray:
        """World positions (N, 3) [mm] to fractional voxel indices (N, 3)."""
        return (np.asarray(xyz) - self.affine[:3, 3]) @ np.linalg.inv(self.affine[:3, :3]).T

    def corners(self) -> FloatArray:
        """World positions (8, 3) of the centres of the eight corner voxels [mm]."""
        ends = [(0, n - 1) for n in self.shape]
        return self.to_world(np.array(list(product(*ends)), dtype=np.float64))

    def distance_mm(self, other: Grid) -> float:
        """Largest distance between matching corners of two grids of one shape [mm]."""
        return float(np.linalg.norm(self.corners() - other.corners(), axis=1).max())

    def same_place(self, other: Grid, tol_mm: float = 0.01) -> bool:
        """Whether both grids put every voxel at the same spot, within `tol_mm`."""
        return self.shape == other.shape and self.distance_mm(other) <= tol_mm

    def tolerance_mm(self) -> float:
        """How far two grids may lie apart and still be meant as one: a tenth of the shortest side of a voxel [mm].

        Programs round origins and direction cosines, and ITK removes shears; such grids differ by less.
        """
        return min(self.spacing()) / 10

    def meant_as(self, other: Grid) -> bool:
        """Whether this grid is the `other` but for what programs round away."""
        return self.same_place(other, other.tolerance_mm())

    def box_around(self, where: BoolArray, margin_mm: float) -> Box:
        """The box around the true voxels of `where`, at least `margin_mm` wider on every side, inside the grid.

        Raises:
            GeometryError: no voxel is true.
        """
        x, y, z = (math.ceil(margin_mm / s) for s in self.spacing())
        return Box.around(where).grow((x, y, z)).within(self.shape)

    def crop(self, box: Box) -> Grid:
        """The grid of the voxels in `box`, which may reach outside this grid."""
        affine = self.affine.copy()
        affine[:3, 3] = self.to_world(np.array([box.start], dtype=np.float64))[0]
        return Grid(box.shape, affine)


def _index3(values: Any) -> Index3:  # noqa: ANN401 - any iterable of three whole numbers
    x, y, z = (int(v) for v in values)
    return x, y, z
