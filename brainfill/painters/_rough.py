"""Rough lesions redrawn by an unconditional model: SDEdit, with or without RePaint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from brainfill.bundles.store import Bundle
from brainfill.core.config import check_ranges, option
from brainfill.core.context import Context, seed_of
from brainfill.core.volume import Mask, Volume
from brainfill.painters._base import Canvas, Painter, Painting, load_painter, paint_crops

if TYPE_CHECKING:
    from torch import Tensor

    from brainfill.diffusion.walk import WalkConfig
    from brainfill.models._inpainter import Inpainter

# The start level is counted in steps of a walk of 50 through 1000 levels, as its authors count it.
_WALK, _LEVELS = 50, 1000
_GRAIN = "grain"
# A rough lesion that differs less from its surroundings (in units of the tissue) shows no contrast to keep.
_LEAST_CONTRAST = 0.05


@dataclass(frozen=True, kw_only=True)
class RoughConfig:
    """Options of painting roughly.

    Raises:
        ConfigError: a number out of range.
    """

    model: str = option("lesion-redraw", "shipped model, or folder of a bundle")
    brightness: float | Literal["q1", "median", "mean", "q3", "p99"] = option(
        "mean",
        "of the rough lesion, in units of the tissue around: q1, median, mean, q3 or p99 of the lesions the model "
        "has seen, or a number",
        low=0.0,
        high=2.0,
    )
    grainy: bool = option(True, "give the rough lesion the grain of real ones")
    t0: int = option(3, "steps of 50 that the image is noised by at most", low=1, high=50)
    keep: float = option(
        0.95,
        "share of the rough lesion's contrast that must be left; fewer steps are taken until it is. 0 takes t0",
        low=0.0,
        high=1.0,
    )
    repeats: int = option(3, "guided: how often each stretch is walked down", low=1, high=100)

    def __post_init__(self) -> None:
        check_ranges(self)


def rough_painter(config: RoughConfig, *, guarded: bool) -> Painter:
    """A painter that loads its model when it is called."""

    def paint(images: Mapping[str, Volume], lesion: Mask, extent: Mask, ctx: Context) -> Painting:
        bundle = load_painter(config.model, images, conditional=False)
        taken: list[int] = []

        def draw(canvas: Canvas) -> Tensor:
            painted, t0 = _redrawn(bundle, canvas, config, ctx, guarded=guarded)
            taken.append(t0)
            return painted

        values = paint_crops(images, lesion, extent, bundle, draw, ctx)
        facts = {
            "Model": {"name": bundle.card.name, "sha256": bundle.card.weights_sha256},
            "ModelLicence": bundle.card.licence,
        }
        return Painting(values, facts, {"StartSteps": taken})

    return paint


def _redrawn(
    bundle: Bundle[Inpainter], canvas: Canvas, config: RoughConfig, ctx: Context, *, guarded: bool
) -> tuple[Tensor, int]:
    """The crop (N, D, H, W), redrawn from the noisiest start that leaves the lesion its contrast."""
    from brainfill.diffusion.walk import build_walk

    inpainter = bundle.model
    schedule = inpainter.config.schedule.build()
    rough = rough_lesion(canvas, bundle, config, seed_of(ctx.seed, canvas.number)).to(ctx.device)
    free = canvas.lesion.to(ctx.device) if guarded else None
    seeds = [seed_of(ctx.seed, canvas.number, 1)]
    for t0 in range(config.t0, 0, -1):
        walk = build_walk(start_walk(t0, config.repeats, guarded=guarded), schedule)
        painted = inpainter.redraw(rough, *walk, seeds, free)
        if kept_contrast(painted, rough, canvas) >= config.keep:
            break
    return painted[0], t0


def rough_lesion(
    canvas: Canvas, bundle: Bundle[Inpainter], config: RoughConfig, seed: int
) -> Tensor:
    """The crop (1, N, D, H, W) with the lesion painted in one brightness, and perhaps grain."""
    import torch

    rng = np.random.default_rng(seed)
    rough = canvas.image.clone()
    inside = canvas.lesion[0, 0] > 0
    for channel, name in enumerate(bundle.model.config.contrasts):
        if not canvas.levels[channel]:
            continue
        seen = bundle.card.lesions[name]
        value = seen[config.brightness] if isinstance(config.brightness, str) else config.brightness
        # Drawn for the whole crop, so that lesions that share voxels share their grain.
        noise = rng.standard_normal(inside.shape) * (seen[_GRAIN] if config.grainy else 0)
        painted = torch.from_numpy((value + noise).astype(np.float32)).clamp(0, 2)
        rough[0, channel] = torch.where(inside, painted, rough[0, channel])
    return rough


def start_walk(t0: int, repeats: int, *, guarded: bool) -> WalkConfig:
    """From t0 steps of 50 down to clean; with a guard, each stretch is walked several times."""
    from brainfill.diffusion.walk import WalkConfig

    return WalkConfig(
        plan="repaint" if guarded else "denoise",
        steps=t0,
        start=(1 + (t0 - 1) * _LEVELS // _WALK) / _LEVELS,
        jump=max(1, t0 // 2),
        repeats=repeats,
    )


def kept_contrast(painted: Tensor, rough: Tensor, canvas: Canvas) -> float:
    """Share of the rough lesion's contrast to its surroundings that is left; the least of all contrasts.

    Args:
        painted: the crop (1, N, D, H, W) after it was redrawn.
        rough: before.
        canvas: where the lesion is, and which contrasts the scan has.

    Returns:
        1 for a lesion as bright as its surroundings, which has no contrast to lose.
    """
    from torch.nn import functional as F

    inside = canvas.lesion[0, 0] > 0
    wide = F.max_pool3d(canvas.lesion, 7, stride=1, padding=3)[0, 0] > 0
    shares = []
    for channel, level in enumerate(canvas.levels):
        before, after = rough[0, channel].cpu(), painted[0, channel].cpu()
        ring = wide & ~inside & (before > 0)
        if level and ring.any():
            around = float(before[ring].median())
            wanted = float(before[inside].median()) - around
            if abs(wanted) >= _LEAST_CONTRAST:
                shares.append((float(after[inside].median()) - around) / wanted)
    return min(shares, default=1.0)
