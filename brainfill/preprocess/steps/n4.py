"""Remove the slow shading of the coil (N4); the field is kept, so that it can be put back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from brainfill.core.background import from_background, without_spikes
from brainfill.core.config import check_ranges, option
from brainfill.core.context import Context
from brainfill.core.errors import DataError
from brainfill.core.figures import figure
from brainfill.core.grid import BoolArray, FloatArray, Grid
from brainfill.core.volume import Mask, Scan, Volume
from brainfill.preprocess._ants import load_ants, to_ants
from brainfill.preprocess._base import Step, Undo
from brainfill.preprocess.foreground import foreground

_SMALLEST_FIELD = 1e-3
_SMALLEST_SIDE = 8
_MARGIN_MM = 5.0


@dataclass(frozen=True)
class Config:
    """Settings of N4 (Tustison 2010, https://doi.org/10.1109/TMI.2010.2046908)."""

    shrink: int = option(
        4, "fit on every n-th voxel, or every n-th mm where voxels are smaller", low=1, high=8
    )
    iterations: int = option(50, "at most, on each of the four levels", low=1, high=500)
    tolerance: float = option(1e-4, "change below which a level ends", low=0, high=1)
    spline_mm: float = option(
        200.0, "distance of the knots on the first level", unit="mm", low=10, high=1000
    )

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True)
class N4Undo:
    """Multiplies the field back in.

    Args:
        fields: by contrast, what each image was divided by.
        levels: by contrast, the background that the image was counted from.
    """

    fields: Mapping[str, Volume]
    levels: Mapping[str, float] = field(default_factory=dict)

    @property
    def facts(self) -> Mapping[str, Any]:
        """Lowest and highest value of each field."""
        spans = {n: [figure(f.data.min()), figure(f.data.max())] for n, f in self.fields.items()}
        return {"BiasFieldRange": spans}

    def volume(self, image: Volume, contrast: str = "T1w") -> Volume:
        """The image with the shading of its contrast."""
        shading, level = self.fields[contrast].data, self.levels.get(contrast, 0.0)
        return Volume((image.data - np.float32(level)) * shading + np.float32(level), image.grid)

    def mask(self, mask: Mask) -> Mask:
        """The mask itself."""
        return mask


def build(config: Config) -> Step:
    """A step that divides each image by its own field, fitted in the brain but not in the lesion."""

    def step(scan: Scan, ctx: Context) -> tuple[Scan, Undo]:
        fields, levels, images = {}, {}, {}
        for number, (name, image) in enumerate(scan.images.items()):
            ctx.progress("correcting the bias field", number, len(scan.images))
            counted, levels[name] = from_background(image)
            fields[name] = Volume(_field(scan, counted, config, ctx), scan.grid)
            lit = counted.data / fields[name].data + np.float32(levels[name])
            images[name] = Volume(lit, scan.grid)
        ctx.progress("correcting the bias field", len(fields), len(fields))
        changed = Scan(scan.subject, images, scan.lesion, scan.brain, scan.labels)
        return changed, N4Undo(fields, levels)

    return step


def _field(scan: Scan, image: Volume, config: Config, ctx: Context) -> FloatArray:
    where = _fitted(scan, image)
    if not where.any():
        msg = (
            f"cannot fit a bias field to '{scan.subject}': no voxel to look at is above background"
        )
        raise DataError(
            msg, "look at the brain mask; N4 takes logarithms and needs positive values"
        )
    box = scan.grid.box_around(where, _MARGIN_MM)
    found = _fit(
        Volume(image.data[box.slices], scan.grid.crop(box)), where[box.slices], config, ctx
    )
    # Nothing was seen beyond the box, and a spline runs away where nothing holds it: there the field stays what it
    # is at the nearest face.
    beyond = [(a, n - b) for a, b, n in zip(box.start, box.stop, scan.grid.shape, strict=True)]
    return np.pad(found, beyond, mode="edge")


def _fit(image: Volume, where: BoolArray, config: Config, ctx: Context) -> FloatArray:
    """The field of a part of an image, fitted at `where`: float32, positive, of geometric mean 1 there."""
    ants = load_ants(ctx)
    found = ants.n4_bias_field_correction(
        to_ants(ants, without_spikes(image.data), image.grid),
        mask=to_ants(ants, where, image.grid),
        shrink_factor=_shrink(image.grid, config.shrink),
        convergence={"iters": [config.iterations] * 4, "tol": config.tolerance},
        spline_param=config.spline_mm,
        return_bias_field=True,
    ).numpy()
    found = np.clip(np.nan_to_num(found, nan=1.0), _SMALLEST_FIELD, None)
    # N4 leaves the mean open; with a mean of 1 intensities stay what they are.
    return np.asarray(found / np.exp(np.log(found[where]).mean()), np.float32)


def _shrink(grid: Grid, wanted: int) -> int:
    # Half the voxel size is eight times the work, and the field is no finer for it.
    fine = round(wanted / max(grid.spacing()))
    return max(1, min(max(wanted, fine), min(grid.shape) // _SMALLEST_SIDE))


def _fitted(scan: Scan, image: Volume) -> BoolArray:
    inside = scan.brain.data if scan.brain else foreground(image)
    healthy = ~scan.lesion.data if scan.lesion else np.True_
    return np.asarray(inside & healthy & (image.data > 0))
