"""Cortical regions of a brain: a network tells which region, the nearest white matter on which side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from brainfill.bundles.store import SEGMENTERS, Bundle, find, load_bundle
from brainfill.core.context import Context
from brainfill.core.errors import ConfigError
from brainfill.core.grid import BoolArray, FloatArray, Grid
from brainfill.core.volume import LabelMap, Mask, Volume
from brainfill.preprocess.network import grid_around, shares_of, shown_on
from brainfill.preprocess.registration import Registration
from brainfill.preprocess.steps.resample import resampled_grid
from brainfill.preprocess.template import MNI, load_template
from brainfill.preprocess.transforms import carry
from brainfill.thickness.regions import CLASSES, FIRST, load_names, region_names

if TYPE_CHECKING:
    from brainfill.segmentation._base import Segmenter

MODEL = "regions"
_MARGIN_VOX = 4
_COORDINATE_MM = 8.0


@dataclass(frozen=True, eq=False)
class Parcels:
    """Where the brain has which region, without sides.

    Args:
        grid: RAS, coarser than the scan.
        shares: of every class but the first, float32 (classes - 1, X, Y, Z) in [0, 1].
    """

    grid: Grid
    shares: FloatArray

    def classes(self, where: Mask) -> LabelMap:
        """The likeliest class of each voxel of a mask, 0 outside it, on the grid of the mask.

        In the mask there is no 0, since who gives it knows what is brain.
        """
        voxels = np.argwhere(where.data)
        way = np.linalg.inv(self.grid.affine) @ where.grid.affine
        places = (voxels @ way[:3, :3].T + way[:3, 3]).T
        found = np.zeros(len(voxels), np.float32)
        most = np.full(len(voxels), -1.0, np.float32)
        for number, share in enumerate(self.shares, start=1):
            here = ndimage.map_coordinates(share, places, order=1, mode="nearest")
            better = here > most
            found[better], most[better] = number, here[better]
        out = np.zeros(where.grid.shape, np.float32)
        out[where.data] = found
        return LabelMap(out, where.grid, dict(enumerate((*CLASSES, *region_names()))))


def parcels(image: Volume, brain: Mask, model: str, ctx: Context) -> Parcels:
    """Regions of a stripped brain.

    Args:
        image: T1-weighted, 0 outside the brain.
        brain: on its grid.
        model: name of a shipped segmentation model, or its folder.
        ctx: device, progress.

    Raises:
        UnavailableError: no such model.
        ConfigError: it tells other classes apart.
    """
    bundle = _loaded(model)
    ctx.progress("telling regions apart", 0, 1)
    grid = grid_around(brain, bundle, _MARGIN_VOX)
    shares = shares_of(bundle, shown_on(image, grid), ctx)
    ctx.progress("telling regions apart", 1, 1)
    return Parcels(grid, shares)


def left_half(inner: Mask, found: Registration, ctx: Context) -> BoolArray:
    """Voxels of the left half of a brain.

    A voxel lies on the side of the nearest voxel inside, that of the template: cortex of both sides touches between
    the hemispheres, white matter hardly does.

    Args:
        inner: voxels that cortex lies on, such as white matter.
        found: the scan laid on the template.
        ctx: threads.
    """
    left = _left_of_template(inner.grid, found, ctx)
    if not inner.data.any():
        return left
    nearest = ndimage.distance_transform_edt(
        ~inner.data, inner.grid.spacing(), return_distances=False, return_indices=True
    )
    side: BoolArray = left[tuple(nearest)]
    return side


def numbered(classes: LabelMap, left: BoolArray) -> LabelMap:
    """Cortical labels of Neuromorphometrics for classes without sides, 0 where there is no cortex.

    Args:
        classes: as of `Parcels.classes`.
        left: voxels of the left half, same shape.
    """
    names, order = load_names(), region_names()
    table = np.zeros((2, FIRST + len(order)), np.int32)
    for label, name in names.items():
        table[int(name.hemisphere == "left"), FIRST + order.index(name.region)] = label
    labels = table[left.astype(np.intp), classes.data]  # 0 for classes before the first region
    return LabelMap(
        labels, classes.grid, {n: f"{v.hemisphere} {v.region}" for n, v in names.items()}
    )


def _left_of_template(grid: Grid, found: Registration, ctx: Context) -> BoolArray:
    """Voxels of a scan that lie left of the template's middle."""
    # A coordinate is exact between voxels of any size, and few voxels are carried sooner.
    there = resampled_grid(load_template(MNI, ctx.read).image.grid, _COORDINATE_MM)
    steps = zip(there.affine[0], np.ogrid[tuple(map(slice, there.shape))], strict=False)
    x_mm = sum((step * place for step, place in steps), start=there.affine[0, 3])
    return carry(x_mm.astype(np.float32), there, grid, [found.backward], "linear", ctx) < 0


@cache
def _loaded(model: str) -> Bundle[Segmenter]:
    """The bundle, whose classes must be those of the table of regions.

    Raises:
        UnavailableError, ConfigError: as `parcels`.
    """
    bundle = load_bundle(find(model), SEGMENTERS)
    if bundle.model.config.classes != (wanted := (*CLASSES, *region_names())):
        msg = f"model '{model}' does not tell {len(wanted) - 1} parts of the brain apart as this backend expects"
        raise ConfigError(msg, "see: brainfill list models")
    return bundle
