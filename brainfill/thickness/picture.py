"""Pictures of a result: the map on slices of the brain, or the regions as dots."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from brainfill.core.background import from_background
from brainfill.core.grid import Box, FloatArray
from brainfill.core.volume import Volume
from brainfill.preprocess.crops import working_grid
from brainfill.preprocess.steps.resample import resample_to
from brainfill.thickness._base import SIDES, Thickness

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_THICKEST_MM = 5.0
_MARGIN_VOX = 3
_PLACES = (0.35, 0.5, 0.65)
_COLOURS = {"left": "#0072B2", "right": "#D55E00"}  # told apart with any colour vision


def picture(found: Thickness, t1: Volume) -> bytes:
    """A PNG of a result: its map where it has one, otherwise its regions."""
    if found.map is not None and (found.map.data > 0).any():
        figure = _map_figure(found.map, t1)
    else:
        figure = _region_figure(found)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110, metadata={"Software": None})
    return out.getvalue()


def _map_figure(thickness: Volume, t1: Volume) -> Figure:
    """Nine slices, three of each direction; nothing but the brain is shown."""
    from matplotlib.figure import Figure

    shown, brain = _boxed(thickness, t1)
    figure = Figure(figsize=(8.6, 8.2), layout="constrained", facecolor="black")
    axes = figure.subplots(3, 3)
    grey = tuple(np.percentile(brain[brain > 0], [1, 99])) if (brain > 0).any() else (0, 1)
    for row, axis in zip(axes, (2, 1, 0), strict=True):
        for ax, place in zip(row, _PLACES, strict=True):
            index = int(place * shown.shape[axis])
            below, above = (np.take(a, index, axis=axis).T for a in (brain, shown))
            ax.imshow(below, cmap="gray", origin="lower", vmin=grey[0], vmax=grey[1])
            coloured = ax.imshow(
                np.where(above > 0, above, np.nan),
                cmap="viridis",
                origin="lower",
                vmin=0,
                vmax=_THICKEST_MM,
                interpolation="nearest",
            )
            ax.set_axis_off()
    bar = figure.colorbar(coloured, ax=axes, shrink=0.5)
    bar.set_label("thickness [mm]", color="white")
    bar.ax.tick_params(colors="white")
    return figure


def _boxed(thickness: Volume, t1: Volume) -> tuple[FloatArray, FloatArray]:
    """Map and image in RAS voxels of 1 mm around the cortex; the image is 0 outside the brain."""
    whole = working_grid(thickness.grid, 1.0)
    values = resample_to(thickness.data, thickness.grid, whole, 0)
    box = Box.around(values > 0).grow((_MARGIN_VOX,) * 3).within(whole.shape)
    values = values[box.slices]
    image = resample_to(from_background(t1)[0].data, t1.grid, whole.crop(box), 1)
    inside = ndimage.binary_closing(np.pad(values > 0, 9), iterations=8)[(slice(9, -9),) * 3]
    inside = ndimage.binary_dilation(inside, iterations=2)
    # Cortex is a ring in axial slices, though a cup as a whole.
    rings = [ndimage.binary_fill_holes(inside[:, :, k]) for k in range(inside.shape[2])]
    return values, np.where(np.stack(rings, axis=2), image, 0)


def _region_figure(found: Thickness) -> Figure:
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(row.region for row in found.regions))
    figure = Figure(figsize=(6.4, 1.2 + 0.2 * len(names)), layout="constrained")
    ax: Axes = figure.subplots()
    for side in SIDES:
        rows = [r for r in found.regions if r.hemisphere == side and r.mean_mm is not None]
        places = [names.index(r.region) for r in rows]
        ax.errorbar(
            [r.mean_mm or 0.0 for r in rows],
            np.add(places, -0.15 if side == "left" else 0.15),
            xerr=[r.sd_mm or 0.0 for r in rows],
            fmt="o",
            markersize=4,
            linewidth=0.8,
            color=_COLOURS[side],
            label=side,
        )
    ax.set_yticks(range(len(names)), names, fontsize=8)
    ax.invert_yaxis()
    ax.set_xlim(0, _THICKEST_MM)
    ax.set_xlabel("thickness [mm], with its standard deviation")
    ax.legend(frameon=False, fontsize=8)
    return figure
