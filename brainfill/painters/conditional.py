"""A network paints the lesion, knowing only what lies around it (S1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from brainfill.core.config import check_ranges, option
from brainfill.core.context import Context, seed_of
from brainfill.core.errors import ConfigError
from brainfill.core.volume import Mask, Volume
from brainfill.painters._base import Canvas, Painter, Painting, load_painter, paint_crops

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of the conditional painter .

    Raises:
        ConfigError: a number out of range, or several steps for a mean.
    """

    model: str = option("lesion-paint", "shipped model, or folder of a bundle")
    grain: bool = option(True, "draw a lesion with the grain of tissue; if not, the model's mean")
    sampler: str = option("", "sampler; empty takes the model's own")
    steps: int = option(0, "denoising steps; 0 takes the model's own number", low=0, high=1000)

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.steps > 1 and not self.grain:
            msg = f"steps={self.steps} means nothing with grain=false: a mean takes one step"
            raise ConfigError(msg, "leave one of them out")


def build(config: Config) -> Painter:
    """A painter that loads its model when it is called."""

    def paint(images: Mapping[str, Volume], lesion: Mask, extent: Mask, ctx: Context) -> Painting:
        from brainfill.diffusion.walk import WalkConfig, build_walk
        from brainfill.models._first_fill import first_fill

        bundle = load_painter(config.model, images, conditional=True)
        card, inpainter = bundle.card, bundle.model
        used = replace(
            config,
            sampler=config.sampler or card.sampler,
            # One step from pure noise is the mean of what is possible.
            steps=(config.steps or card.steps) if config.grain else 1,
        )
        walk = build_walk(
            WalkConfig(steps=used.steps, sampler=used.sampler), inpainter.config.schedule.build()
        )

        def draw(canvas: Canvas) -> Tensor:
            image, hole = canvas.image.to(ctx.device), canvas.lesion.to(ctx.device)
            first = first_fill(image, hole, inpainter.config)
            seeds = [seed_of(ctx.seed, canvas.number)]
            return inpainter.sample(first, hole, *walk, seeds)[0]

        values = paint_crops(images, lesion, extent, bundle, draw, ctx)
        facts = {
            "Model": {"name": card.name, "sha256": card.weights_sha256},
            "ModelLicence": card.licence,
            "Sampler": used.sampler,
            "Steps": used.steps,
        }
        return Painting(values, facts)

    return paint
