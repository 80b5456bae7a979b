"""A network paints the lesion, knowing only what lies around it (S1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from brainfill.bundles.store import Bundle
from brainfill.core.config import check_ranges, option
from brainfill.core.context import Context, seed_of
from brainfill.core.registry import load
from brainfill.core.volume import Mask, Volume
from brainfill.painters._base import Canvas, Painter, Painting, load_painter, paint_crops

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of the conditional painter (METHODS section 6)."""

    model: str = option("lesion-paint", "shipped model, or folder of a bundle")
    grain: bool = option(True, "draw a lesion with the grain of tissue; if not, the model's mean")
    sampler: str = option("", "sampler; empty takes the model's own")
    steps: int = option(0, "denoising steps; 0 takes the model's own number", low=0, high=1000)

    def __post_init__(self) -> None:
        check_ranges(self)


def build(config: Config) -> Painter:
    """A painter that loads its model when it is called."""

    def paint(images: Mapping[str, Volume], lesion: Mask, extent: Mask, ctx: Context) -> Painting:
        bundle = load_painter(config.model, images, conditional=True)
        card = bundle.card
        used = replace(
            config,
            sampler=config.sampler or card.sampler,
            # One step from pure noise is the mean of what is possible.
            steps=(config.steps or card.steps) if config.grain else 1,
        )

        def draw(bundle: Bundle, canvas: Canvas) -> Tensor:
            return _drawn(bundle, canvas, used, ctx)

        values = paint_crops(images, lesion, extent, bundle, draw, ctx)
        facts = {
            "Model": {"name": card.name, "sha256": card.weights_sha256},
            "ModelLicence": card.licence,
            "Sampler": used.sampler,
            "Steps": used.steps,
        }
        return Painting(values, facts)

    return paint


def _drawn(bundle: Bundle, canvas: Canvas, config: Config, ctx: Context) -> Tensor:
    from brainfill.diffusion.plans import denoise
    from brainfill.models._base import first_fill

    painter = bundle.inpainter
    painter.net.to(ctx.device)
    module = load("brainfill.diffusion.samplers", config.sampler)
    plan = denoise(painter.config.schedule.build().levels(config.steps))
    image, lesion = canvas.image.to(ctx.device), canvas.lesion.to(ctx.device)
    first = first_fill(image, lesion, painter.config)
    seeds = [seed_of(ctx.seed, canvas.number)]
    return painter.sample(first, lesion, plan, module.build(module.Config()), seeds)[0]
