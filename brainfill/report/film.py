"""A scan on film: planes through it as SVG, with pictures and outlines in layers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from html import escape

import numpy as np
from numpy.typing import NDArray

from brainfill.core.grid import BoolArray, FloatArray, Grid
from brainfill.core.volume import Mask, Volume
from brainfill.pictures import PLANES, Plane, edges, grey, outline, plane_grid, png
from brainfill.report.markup import data_uri

_MARGIN_MM = 4.0
# World axes across and down each plane, and the one through it.
_AXES = {"axial": (0, 1, 2), "coronal": (0, 2, 1), "sagittal": (1, 2, 0)}
SIDES = "The person's right is on the left of axial and coronal pictures."
Point = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class View:
    """What of the world is seen.

    Args:
        low_mm: lowest world position that shows something.
        high_mm: highest.
        shown: intensities of black and white.
        pixel_mm: side of a pixel.
    """

    low_mm: Point
    high_mm: Point
    shown: tuple[float, float]
    pixel_mm: float

    def pane(self, plane: Plane, at_mm: Point) -> Pane:
        """The plane through a point, as wide and high as the view."""
        across, down, through = _AXES[plane]
        low, high = np.array(self.low_mm), np.array(self.high_mm)
        centre = (low + high) / 2
        centre[through] = at_mm[through]
        width, height = (int(np.ceil((high - low)[a] / self.pixel_mm)) for a in (across, down))
        pixels = plane_grid(plane, _point(centre), (width, height), self.pixel_mm)
        return Pane(plane, pixels, self.shown)

    def coarse(self) -> View:
        """The same in pixels of at least 1 mm, for pictures that are shown small."""
        return replace(self, pixel_mm=max(self.pixel_mm, 1.0))

    def square(self, plane: Plane, centre_mm: Point, side_mm: float) -> Pane:
        """A part of the plane through a point."""
        n = 2 * int(side_mm / self.pixel_mm / 2) + 1
        return Pane(plane, plane_grid(plane, centre_mm, (n, n), self.pixel_mm), self.shown)


@dataclass(frozen=True, eq=False)
class Pane:
    """A plane of a scan: its pixels, and the intensities of black and white."""

    plane: Plane
    pixels: Grid
    shown: tuple[float, float]

    def picture(self, image: Volume) -> str:
        """An image, as an SVG element."""
        return self.layer(grey(image, self.pixels, self.shown))

    def changes(self, before: Volume, after: Volume) -> str:
        """Only what differs between two images, with the pixels of the second."""
        one, other = (grey(image, self.pixels, self.shown) for image in (before, after))
        return self.layer(np.dstack([other, other, other, 255 * (one != other).astype(np.uint8)]))

    def layer(self, colours: NDArray[np.uint8], name: str = "") -> str:
        """Pixels (rows, columns), perhaps with four colours, as an SVG element."""
        width, height, _ = self.pixels.shape
        kind = f' class="{name}"' if name else ""
        uri = data_uri(png(colours), "image/png")
        return f'<image{kind} width="{width}" height="{height}" href="{uri}"/>'

    def rim(self, where: Mask, kind: str = "") -> str:
        """The outline of a mask; of another colour where `kind` is "second"."""
        path = outline(where, self.pixels)
        return (
            f'<path class="under" d="{path}"/><path class="rim {kind}" d="{path}"/>' if path else ""
        )

    def svg(self, layers: Iterable[str], label: str, letters: bool = True) -> str:
        """The plane with its layers, and the directions at its edges.

        Args:
            layers: SVG, the lowest first.
            label: what is seen, for who cannot see it; plain text.
            letters: whether the edges say which side is which.
        """
        width, height, _ = self.pixels.shape
        said = escape(label, quote=True)
        return (
            f'<svg viewBox="0 0 {width} {height}" style="--w:{width}" role="img" aria-label="{said}">'
            f"{''.join(layers)}{self._letters() if letters else ''}</svg>"
        )

    def _letters(self) -> str:
        width, height, _ = self.pixels.shape
        left, right, top, _ = tuple(edges(self.plane))
        side = 7 / max(self.pixels.spacing()[0], 0.4)
        at = [(left, side, height / 2), (right, width - side, height / 2), (top, width / 2, side)]
        size = 1.1 * side
        return "".join(
            f'<text x="{x:.0f}" y="{y:.0f}" style="font-size:{size:.0f}px">{letter}</text>'
            for letter, x, y in at
        )


def view_of(image: Volume, head: BoolArray, shown: tuple[float, float]) -> View:
    """The view that holds a whole head or brain.

    Args:
        image: the scan.
        head: (X, Y, Z), what of it is not background; all of it is shown if that is nothing.
        shown: intensities of black and white.
    """
    grid = image.grid
    seen = head if head.any() else np.ones(grid.shape, bool)
    corners = grid.crop(grid.box_around(seen, 0)).corners()
    low, high = corners.min(axis=0) - _MARGIN_MM, corners.max(axis=0) + _MARGIN_MM
    pixel_mm = min(1.0, max(0.6, min(grid.spacing()) * 0.7))
    return View(_point(low), _point(high), shown, pixel_mm)


def inner_point(where: Mask) -> Point:
    """The voxel of a mask nearest to its centre of mass, in world millimetres."""
    places = where.grid.to_world(np.argwhere(where.data).astype(float))
    middle = places.mean(axis=0)
    return _point(places[np.linalg.norm(places - middle, axis=1).argmin()])


def strips_through(where: Mask, plane: Plane, number: int, apart_mm: float = 3.0) -> list[Point]:
    """Points through which planes show most of a mask: at even shares of its voxels, some way apart."""
    through = _AXES[plane][2]
    places = where.grid.to_world(np.argwhere(where.data).astype(float))
    shares = (np.arange(number) + 0.5) / number
    found: list[Point] = []
    for depth in np.quantile(places[:, through], shares, method="nearest"):
        if not found or abs(depth - found[-1][through]) >= apart_mm:
            point = np.zeros(3)
            point[through] = depth
            found.append(_point(point))
    return found


def film(panes: Sequence[str], kind: str = "three") -> str:
    """Planes side by side, on one scale."""
    return f'<div class="film {kind}">{"".join(panes)}</div>'


def planes_at(view: View, at_mm: Point) -> list[Pane]:
    """The three planes through a point."""
    return [view.pane(plane, at_mm) for plane in PLANES]


def _point(values: FloatArray) -> Point:
    x, y, z = (float(v) for v in values)
    return x, y, z
