"""What a painter is given and what it returns, and how it gets from scans to crops and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from brainfill.bundles.store import Bundle, find, load_bundle
from brainfill.core.context import Context
from brainfill.core.errors import ConfigError
from brainfill.core.grid import BoolArray, Box, FloatArray
from brainfill.core.volume import Mask, Volume
from brainfill.preprocess.crops import (
    Crop,
    as_array,
    as_tensor,
    back,
    bridged,
    cut,
    plan_crops,
    touched,
)

if TYPE_CHECKING:
    from torch import Tensor

_MARGIN_MM = 12.0


@dataclass(frozen=True, eq=False)
class Painting:
    """Values for a lesion.

    Args:
        values: by contrast, float32 (X, Y, Z) in the unit of the image; read inside the lesion only.
        facts: numbers and names for the record, as JSON can hold them.
    """

    values: Mapping[str, FloatArray]
    facts: Mapping[str, Any] = field(default_factory=dict)


class Painter(Protocol):
    """Paints a lesion; never reads the images inside it."""

    def __call__(
        self, images: Mapping[str, Volume], lesion: Mask, extent: Mask, ctx: Context
    ) -> Painting:
        """Values for every voxel of `lesion`, on the one grid of all `images`.

        Args:
            images: by contrast.
            lesion: what to paint.
            extent: `lesion` or more: lesions painted with one extent and seed look alike where they share voxels.
            ctx: device, seed, progress.
        """


@dataclass(frozen=True, eq=False)
class Canvas:
    """One crop as a network sees it.

    Args:
        number: of the crop.
        image: float32 (1, N, D, H, W) in units of the tissue level, with the lesion's voxels bridged.
        lesion: (1, 1, D, H, W), 1 where to paint.
        levels: what a unit is, of each contrast; 0 for one that the scan does not have.
    """

    number: int
    image: Tensor
    lesion: Tensor
    levels: Sequence[float]


Draw = Callable[[Bundle, Canvas], "Tensor"]


def load_painter(name: str, images: Mapping[str, Volume], *, conditional: bool) -> Bundle:
    """The model of a painter.

    Raises:
        UnavailableError: there is no such model.
        ConfigError: it does not know the contrasts, or is of another kind.
    """
    bundle = load_bundle(find(name))
    config = bundle.inpainter.config
    for contrast in images:
        if contrast not in config.contrasts:
            known = ", ".join(config.contrasts)
            msg = f"model '{name}' does not know the contrast {contrast}; it knows {known}"
            raise ConfigError(msg, "leave it out, or choose another --model")
    if config.conditional != conditional or not bundle.card.lesions:
        kind = "that paints lesions into holes" if conditional else "of whole images of patients"
        msg = f"model '{name}' is of the wrong kind: one is needed {kind}"
        raise ConfigError(msg, "see: brainfill list models")
    return bundle


def paint_crops(
    images: Mapping[str, Volume],
    lesion: Mask,
    extent: Mask,
    bundle: Bundle,
    draw: Draw,
    ctx: Context,
) -> dict[str, FloatArray]:
    """Let `draw` paint every crop; the values of each contrast on the scan's own grid.

    Args:
        images: by contrast, on one grid.
        lesion: what to paint.
        extent: what the crops are planned for.
        bundle: the model.
        draw: gives the painted crop (N, D, H, W) in units of the tissue level.
        ctx: told how far the work is.
    """
    grid = lesion.grid
    # What lies in the lesion is never read: the nearest tissue stands there.
    known = {name: bridged(image.data, lesion.data) for name, image in images.items()}
    values = {name: image.copy() for name, image in known.items()}
    crops = plan_crops(extent.data, grid, bundle.card.spacing_mm, _MARGIN_MM)
    for number, crop in enumerate(crops):
        ctx.progress("painting", number, len(crops))
        here = crop.mine & lesion.data[crop.box.slices]
        if not here.any():
            continue
        canvas = _canvas(known, lesion, crop, number, bundle)
        unknown = as_array(canvas.lesion[0, 0]) > 0
        painted = draw(bundle, canvas)
        for channel, name in enumerate(bundle.inpainter.config.contrasts):
            if name in values:
                drawn = as_array(painted[channel].float().cpu()) * canvas.levels[channel]
                before = as_array(canvas.image[0, channel]) * canvas.levels[channel]
                change = back(np.where(unknown, drawn - before, 0), crop, grid)
                part = values[name][crop.box.slices]
                part[here] = np.maximum(part[here] + change[here], known[name].min())
    ctx.progress("painting", len(crops), len(crops))
    return values


def _canvas(
    known: Mapping[str, FloatArray], lesion: Mask, crop: Crop, number: int, bundle: Bundle
) -> Canvas:
    import torch

    from brainfill.models._base import normalised, tissue_level

    unknown = touched(lesion.data, lesion.grid, crop)
    shown, levels = [], []
    for name in bundle.inpainter.config.contrasts:
        if name in known:
            values = cut(known[name], lesion.grid, crop)
            levels.append(tissue_level(values, unknown))
            shown.append(as_tensor(normalised(values, levels[-1])))
        else:
            levels.append(0.0)
            shown.append(torch.zeros_like(as_tensor(unknown)))
    return Canvas(number, torch.cat(shown, dim=1), as_tensor(unknown), levels)


def near(lesion: BoolArray, margin: int = 12) -> tuple[slice, slice, slice]:
    """The box around a lesion and some voxels more."""
    return Box.around(lesion).grow((margin,) * 3).within(lesion.shape).slices
