"""The change of each region in colour, on slices and on the outer and inner face of both hemispheres."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from brainfill.core.context import Context
from brainfill.core.grid import BoolArray, Box, FloatArray
from brainfill.core.volume import LabelMap, Mask, Scan, Volume
from brainfill.preprocess.steps import reorient
from brainfill.thickness.figures import CHANGE
from brainfill.thickness.tables import Region

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize
    from matplotlib.figure import Figure

# Sequential, even in brightness, and told apart with any colour vision.
_COLOURS = "viridis"
_SKIPPED, _OTHER = (0.80, 0.80, 0.80), (0.93, 0.93, 0.93)
_PLANES = ("sagittal", "coronal", "axial")
_LIGHT = np.array([0.85, 0.3, 0.45])  # towards the viewer, forward, up
_DARKEST = 0.5
_INNER_MM = 22.0  # what lies deeper behind the inner face is not of it
_MARGIN_VOX = 4


class _Shown(NamedTuple):
    """Everything in RAS: labels, the change of each voxel's region [%], and where that is defined.

    Args:
        labels: int (X, Y, Z).
        percent: (X, Y, Z), NaN where skipped or no region.
        cortex: bool, voxels of any region of the comparison.
        sides: for each voxel -1 left, 1 right, 0 either.
        lesion: bool, or None.
        spacing_mm: of the voxels.
    """

    labels: NDArray[np.int32]
    percent: FloatArray
    cortex: BoolArray
    sides: FloatArray
    lesion: BoolArray | None
    spacing_mm: tuple[float, float, float]


def region_map(
    labels: LabelMap,
    numbers: Mapping[Region, int],
    change_pct: Mapping[Region, float],
    lesion: Mask | None = None,
    title: str = "",
) -> Figure:
    """The change of each region: three slices through the region that changed most, and four views of the surface.

    Views of the surface show, for each line of sight, the first voxel of the cortex that it meets.

    Args:
        labels: the regions, any orientation and voxel size.
        numbers: their numbers in the map.
        change_pct: of each region; NaN or missing where it was skipped, which is drawn grey.
        lesion: outlined in the slices; on the grid of `labels`.
        title: above it all.
    """
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

    shown = _shown(labels, numbers, change_pct, lesion)
    known = np.array([v for v in change_pct.values() if np.isfinite(v)])
    top = float(np.percentile(known, 98)) if known.any() else 1.0
    colours, norm = colormaps[_COLOURS], Normalize(0, top)
    figure = Figure(figsize=(10.5, 6.2), layout="constrained")
    grid = figure.add_gridspec(2, 12, height_ratios=[1.35, 1])
    middle = _middle(shown)
    for i, plane in enumerate(_PLANES):
        ax = figure.add_subplot(grid[0, 4 * i : 4 * i + 4])
        _draw_slice(ax, shown, i, middle[i], colours, norm)
        ax.set_title(plane, fontsize=10)
    for i, (name, side, from_right) in enumerate(_VIEWS):
        ax = figure.add_subplot(grid[1, 3 * i : 3 * i + 3])
        _draw_view(ax, shown, side, from_right, colours, norm)
        ax.set_title(name, fontsize=10)
    bar = figure.colorbar(
        ScalarMappable(norm, colours),
        ax=figure.get_axes(),
        shrink=0.6,
        extend="max" if known.size and known.max() > top else "neither",
    )
    bar.set_label(f"{CHANGE}; grey: skipped")
    figure.suptitle(title, fontsize=11)
    return figure


_VIEWS = (
    ("left, outer face", -1, False),
    ("left, inner face", -1, True),
    ("right, inner face", 1, False),
    ("right, outer face", 1, True),
)


def _shown(
    labels: LabelMap,
    numbers: Mapping[Region, int],
    change_pct: Mapping[Region, float],
    lesion: Mask | None,
) -> _Shown:
    carrier = {"T1w": Volume(labels.data, labels.grid)}
    turned, _ = reorient.build(reorient.Config("RAS"))(
        Scan("", carrier, lesion=lesion, labels=labels), Context()
    )
    whole = turned.images["T1w"].data.astype(np.int32)
    around = Box.around(np.isin(whole, list(numbers.values()))).grow((_MARGIN_VOX,) * 3)
    box = around.within(turned.grid.shape).slices
    data = whole[box]
    highest = max(int(data.max()), *numbers.values())
    percent, sides = np.full(highest + 1, np.nan), np.zeros(highest + 1)
    for region, number in numbers.items():
        percent[number] = change_pct.get(region, np.nan)
        sides[number] = {"left": -1, "right": 1}.get(region.hemisphere, 0)
    return _Shown(
        data,
        percent[data],
        np.isin(data, list(numbers.values())),
        sides[data],
        None if turned.lesion is None else turned.lesion.data[box],
        turned.grid.spacing(),
    )


def _middle(shown: _Shown) -> tuple[int, int, int]:
    """A voxel in the middle of the region that changed most."""
    where = shown.cortex
    if np.isfinite(shown.percent).any():
        where = shown.percent == np.nanmax(shown.percent)
    voxels = np.argwhere(where)
    x, y, z = voxels[np.argmin(np.abs(voxels - np.median(voxels, axis=0)).sum(axis=1))]
    return int(x), int(y), int(z)


def _draw_slice(
    ax: Axes,
    shown: _Shown,
    axis: int,
    at: int,
    colours: Colormap,
    norm: Normalize,
) -> None:
    def cut(values: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(np.take(values, at, axis=axis).T)

    picture = np.ones((*cut(shown.labels).shape, 3))
    picture[cut(shown.labels) > 0] = _OTHER
    _paint(picture, cut(shown.cortex), cut(shown.percent), colours, norm)
    u, v = (s for i, s in enumerate(shown.spacing_mm) if i != axis)
    ax.imshow(picture, origin="lower", aspect=v / u, interpolation="nearest")
    if shown.lesion is not None and cut(shown.lesion).any():
        ax.contour(cut(shown.lesion), [0.5], colors="#D55E00", linewidths=1.2)
    ax.set_axis_off()
    left, right = ("P", "A") if axis == 0 else ("L", "R")
    for text, place in ((left, 0.02), (right, 0.98)):
        ax.text(place, 0.02, text, transform=ax.transAxes, fontsize=9, ha="center", color="0.4")


def _draw_view(
    ax: Axes, shown: _Shown, side: int, from_right: bool, colours: Colormap, norm: Normalize
) -> None:
    """One hemisphere seen along the left-right axis."""
    step = -1 if from_right else 1
    mine = (shown.cortex & (shown.sides != -side))[::step]
    first = mine.argmax(axis=0)
    depth_mm = (first - first[mine.any(axis=0)].min(initial=first.max())) * shown.spacing_mm[0]
    hit = mine.any(axis=0)
    if (side > 0) != from_right:
        hit &= depth_mm <= _INNER_MM
    seen = np.take_along_axis(shown.percent[::step], first[None], axis=0)[0]
    picture = np.ones((*hit.T.shape, 3))
    picture[(shown.labels > 0).any(axis=0).T] = _OTHER
    _paint(picture, hit.T, seen.T, colours, norm)
    picture[hit.T] *= _shading(depth_mm, hit, shown.spacing_mm[1:]).T[hit.T][:, None]
    # The front of the head is on the right for a viewer who looks to the left, and on the left otherwise.
    picture = picture if from_right else picture[:, ::-1]
    aspect = shown.spacing_mm[2] / shown.spacing_mm[1]
    ax.imshow(picture, origin="lower", aspect=aspect, interpolation="nearest")
    ax.set_axis_off()


def _paint(
    picture: FloatArray, where: BoolArray, percent: FloatArray, colours: Colormap, norm: Normalize
) -> None:
    known = where & np.isfinite(percent)
    picture[where] = _SKIPPED
    picture[known] = colours(norm(percent[known]))[:, :3]


def _shading(depth_mm: FloatArray, hit: BoolArray, spacing_mm: tuple[float, ...]) -> FloatArray:
    """Brightness (Y, Z), 1 for what faces the viewer, of a surface lit from above and in front."""
    width = 1 / np.asarray(spacing_mm)
    weight = ndimage.gaussian_filter(hit.astype(float), width)
    depth = ndimage.gaussian_filter(np.where(hit, depth_mm, 0.0), width) / np.maximum(weight, 1e-6)
    forward, up = np.gradient(depth, *spacing_mm)
    normal = np.stack([np.ones_like(depth), forward, up])
    light = np.tensordot(_LIGHT, normal / np.linalg.norm(normal, axis=0), axes=1) / _LIGHT[0]
    return np.asarray(_DARKEST + (1 - _DARKEST) * np.clip(light, 0, 1))
