"""What a painter is given and what it returns, and how it gets from scans to crops and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from brainfill.bundles.store import INPAINTERS, Bundle, find, load_bundle
from brainfill.core.background import from_background
from brainfill.core.context import Context
from brainfill.core.errors import ConfigError
from brainfill.core.grid import FloatArray
from brainfill.core.threads import torch_threads
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

    from brainfill.models._inpainter import Inpainter

_MARGIN_MM = 12.0


@dataclass(frozen=True, eq=False)
class Painting:
    """Values for a lesion.

    Args:
        values: by contrast, float32 (X, Y, Z) in the unit of the image; read inside the lesion only.
        facts: of the model, numbers and names as JSON can hold them; the same for every lesion.
        lesion_facts: what was found for this lesion, likewise.
    """

    values: Mapping[str, FloatArray]
    facts: Mapping[str, Any] = field(default_factory=dict)
    lesion_facts: Mapping[str, Any] = field(default_factory=dict)


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
            ctx: device, seed, threads, progress.
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


Draw = Callable[[Canvas], "Tensor"]


def load_painter(
    name: str, images: Mapping[str, Volume], *, conditional: bool
) -> Bundle[Inpainter]:
    """The model of a painter.

    Args:
        name: of a shipped model, or a folder.
        images: by contrast, what it is to paint into.
        conditional: whether it must paint into holes; if not, it must redraw whole images.

    Raises:
        UnavailableError: there is no such model.
        ConfigError: it does not know the contrasts, or is of another kind.
    """
    bundle = load_bundle(find(name), INPAINTERS)
    config = bundle.model.config
    paints = set(config.contrasts) <= bundle.card.lesions.keys()
    if config.conditional != conditional or not paints:
        kind = "paints lesions into holes" if conditional else "redraws whole images of patients"
        msg = f"model '{name}' is of the wrong kind: one is needed that {kind}"
        raise ConfigError(msg, "see: brainfill list models")
    for contrast in images:
        if contrast not in config.contrasts:
            known = ", ".join(config.contrasts)
            msg = f"model '{name}' does not know the contrast {contrast}; it knows {known}"
            raise ConfigError(msg, "leave it out, or choose another --model")
    return bundle


def paint_crops(
    images: Mapping[str, Volume],
    lesion: Mask,
    extent: Mask,
    bundle: Bundle[Inpainter],
    draw: Draw,
    ctx: Context,
) -> dict[str, FloatArray]:
    """Let `draw` paint every crop; the values of each contrast on the scan's own grid.

    Args:
        images: by contrast, on one grid.
        lesion: what to paint.
        extent: what the crops are planned for.
        bundle: the model; its network is brought to the device.
        draw: gives the painted crop (N, D, H, W) in units of the tissue level.
        ctx: device, threads; told how far the work is.
    """
    bundle.model.net.to(ctx.device)
    grid = lesion.grid
    # What lies in the lesion is never read: the nearest tissue stands there.
    counted = {name: from_background(image, lesion.data) for name, image in images.items()}
    known = {name: bridged(image.data, lesion.data) for name, (image, _) in counted.items()}
    painted = {name: values.copy() for name, values in known.items()}
    crops = plan_crops(extent.data, grid, bundle.card.spacing_mm, _MARGIN_MM)
    for number, crop in enumerate(crops):
        ctx.progress("painting", number, len(crops))
        here = crop.mine & lesion.data[crop.box.slices]
        if not here.any():
            continue
        canvas = _canvas(known, lesion, crop, number, bundle)
        unknown = as_array(canvas.lesion[0, 0]) > 0
        with torch_threads(ctx):
            drawn = draw(canvas).float().cpu()
        for channel, name in enumerate(bundle.model.config.contrasts):
            if name in painted:
                values = as_array(drawn[channel]) * canvas.levels[channel]
                # A lesion ends in a step, which splines would carry into it at other voxel sizes.
                values = back(bridged(values, ~unknown), crop, grid)[here]
                painted[name][crop.box.slices][here] = np.maximum(values, known[name].min())
    ctx.progress("painting", len(crops), len(crops))
    return {name: values + np.float32(counted[name][1]) for name, values in painted.items()}


def _canvas(
    known: Mapping[str, FloatArray],
    lesion: Mask,
    crop: Crop,
    number: int,
    bundle: Bundle[Inpainter],
) -> Canvas:
    import torch

    from brainfill.models._brightness import normalised, tissue_level

    unknown = touched(lesion.data, lesion.grid, crop)
    shown = [torch.zeros_like(as_tensor(unknown)) for _ in bundle.model.config.contrasts]
    levels = [0.0] * len(shown)
    for channel, name in enumerate(bundle.model.config.contrasts):
        if name in known:
            values = cut(known[name], lesion.grid, crop)
            levels[channel] = tissue_level(values, unknown)
            shown[channel] = as_tensor(normalised(values, levels[channel]))
    return Canvas(number, torch.cat(shown, dim=1), as_tensor(unknown), levels)
