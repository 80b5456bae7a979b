"""Samples of a trained diffusion model, drawn on 1 mm crops around the lesions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from brainfill.bundles.store import INPAINTERS, find, load_bundle, what_it_does
from brainfill.core.background import from_background
from brainfill.core.companion import Companion
from brainfill.core.config import check_ranges, from_dict, option
from brainfill.core.context import Context, seed_of
from brainfill.core.errors import ConfigError, ShortageError
from brainfill.core.grid import BoolArray, FloatArray
from brainfill.core.threads import torch_threads
from brainfill.core.volume import Mask, Volume
from brainfill.diffusion.grids import GridName
from brainfill.fillers._base import Filler, Filling
from brainfill.fillers._ring import ring_match
from brainfill.fillers._start import Start, bridged_start, patched_start
from brainfill.interpolation.symmetry import reflection
from brainfill.preprocess.crops import (
    Crop,
    as_array,
    as_tensor,
    back,
    carried,
    cut,
    cut_across,
    first_slice,
    plan_crops,
    touched,
)

if TYPE_CHECKING:
    from torch import Tensor

    from brainfill.bundles.store import Bundle
    from brainfill.models._inpainter import Inpainter

COMPANIONS = True
# What differs from the model's own patches; README has what each costs and gives.
_VIEWS: dict[str, tuple[dict[str, Any], ...]] = {
    "fast": ({},),
    "balanced": ({}, {"search_mm": 15.0, "level_free": 0.9}),
    "best": (
        {},
        {"search_mm": 15.0, "level_free": 0.9},
        {"search_mm": 20.0, "candidates": 40_000, "neighbours": 640},
        {"radius_vox": 3.0, "search_mm": 15.0, "neighbours": 640},
    ),
}


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of the diffusion filler."""

    model: str = option("t1-fill", "shipped model, or folder of a bundle")
    quality: Literal["fast", "balanced", "best"] = option("balanced", "effort of the best guess")
    sampler: str = option("", "sampler; empty takes the model's own")
    steps: int = option(0, "denoising steps; 0 takes the model's own number", low=0, high=1000)
    grid: GridName | Literal[""] = option("", "noise levels visited; empty takes the model's own")
    ratios: tuple[float, ...] = option(
        (), "noise-to-signal ratios to visit in place of a grid, noisiest first", low=1e-3, high=1e3
    )
    samples: int = option(
        0,
        "fills drawn, each with the grain of tissue; 0 is the model's best guess",
        low=0,
        high=1000,
    )
    aggregate: Literal["mean", "median", "first"] = option("mean", "how samples become one fill")
    batch: int = option(4, "samples drawn at a time", low=1, high=1000)
    margin_mm: float = option(10.0, "known tissue around each lesion", unit="mm", low=2.0, high=64)
    match_ring: bool = option(True, "match intensities to the tissue around each lesion")
    sampler_options: dict[str, Any] = option({}, "options of the sampler, such as eta")

    def __post_init__(self) -> None:
        check_ranges(self)


def build(config: Config, companions: Sequence[Companion] = ()) -> Filler:
    """A filler that loads its model when it is called; other images of the person help its first fill."""

    def fill(image: Volume, hole: Mask, ctx: Context) -> Filling:
        bundle = _model(config.model)
        used = _completed(config, bundle)
        image, level = from_background(image, hole.data)
        crops = plan_crops(hole.data, image.grid, bundle.card.spacing_mm, used.margin_mm)
        with torch_threads(ctx):
            start = _start(image, hole, bundle, used, ctx, companions)
            guessed = _unknown_to_all(hole, companions)
            samples = _corrected(image, hole, guessed, start, crops, bundle, used, ctx)
        facts = {
            "Model": {"name": bundle.card.name, "sha256": bundle.card.weights_sha256},
            "ModelLicence": bundle.card.licence,
            "Sampler": used.sampler,
            "Steps": used.steps,
            "Samples": used.samples,
            "Crops": len(crops),
        }
        if walk := _walk(used, bundle):
            facts["Walk"] = walk
        if not used.samples:
            facts["Quality"] = used.quality
        return _filling(samples, level, hole, used, facts)

    return fill


def _model(name: str) -> Bundle[Inpainter]:
    """The model, if it is one that fills T1-weighted images.

    Raises:
        UnavailableError: there is no such model.
        ConfigError: it is of another kind.
    """
    bundle = load_bundle(find(name), INPAINTERS)
    family = bundle.model.config
    if bundle.card.lesions or not family.conditional or family.contrasts != ("T1w",):
        msg = (
            f"model '{name}' is of the wrong kind: it {what_it_does(bundle.card)} "
            f"({', '.join(family.contrasts)}), and one is needed that fills holes (T1w)"
        )
        raise ConfigError(msg, "see: brainfill list models")
    return bundle


def _completed(config: Config, bundle: Bundle[Inpainter]) -> Config:
    """The configuration with what it leaves to the model taken from its card."""
    card = bundle.card
    return replace(
        config,
        sampler=config.sampler or card.sampler,
        steps=len(config.ratios) or config.steps or card.steps,
    )


def _start(
    image: Volume,
    hole: Mask,
    bundle: Bundle[Inpainter],
    config: Config,
    ctx: Context,
    companions: Sequence[Companion],
) -> Start:
    family = bundle.model.config
    if family.first_fill != "patch":
        if companions:
            msg = f"model '{config.model}' has no use for other images: it does not begin with patches"
            raise ConfigError(msg, "choose --model t1-fill or --method patch")
        return bridged_start(image, hole, max(config.samples, 1))
    ways = _VIEWS["fast" if config.samples else config.quality]
    views = [replace(family.patch, **way) for way in ways]
    # A seed for each sample: results do not depend on how many are drawn.
    seeds = [seed_of(ctx.seed, sample) for sample in range(config.samples)]
    return patched_start(image, hole, views, seeds, ctx, companions)


def _unknown_to_all(hole: Mask, companions: Sequence[Companion]) -> BoolArray:
    """The voxels of the hole that no image of the person shows (X, Y, Z)."""
    return np.asarray(np.logical_and.reduce([hole.data, *(~c.known.data for c in companions)]))


def _corrected(
    image: Volume,
    hole: Mask,
    guessed: BoolArray,
    start: Start,
    crops: Sequence[Crop],
    bundle: Bundle[Inpainter],
    config: Config,
    ctx: Context,
) -> FloatArray:
    """What each sample starts from, with the model's changes: (N, n) at the hole voxels in C order."""
    samples: FloatArray = start.drawn.copy()
    listed = np.zeros(image.grid.shape, np.int32)  # where hole voxels stand in their list
    listed[hole.data] = np.arange(samples.shape[1])
    mirror = cache(lambda: reflection(image, ~hole.data))  # for large lesions only
    draw = _drawer(bundle, config, ctx)
    for number, crop in enumerate(crops):
        ctx.progress("filling", number, len(crops))
        here = crop.box.slices
        lowest = partial(first_slice, crop, image.data, image.grid, bundle.card.spacing_mm)
        doubts = start.doubts[:, listed[here]] * hole.data[here]
        changes = _changes(
            start,
            doubts,
            hole,
            guessed,
            crop,
            config,
            partial(draw, number=number, lowest=lowest),
            mirror,
        )
        mine, around = listed[here][crop.mine], start.image[here]
        # No fill is darker or brighter than everything around it; splines could overshoot.
        samples[:, mine] = (samples[:, mine] + changes).clip(around.min(), around.max())
    ctx.progress("filling", len(crops), len(crops))
    return samples


def _changes(
    start: Start,
    doubts: FloatArray,
    hole: Mask,
    guessed: BoolArray,
    crop: Crop,
    config: Config,
    draw: Callable[..., Tensor],
    mirror: Callable[[], FloatArray],
) -> FloatArray:
    """What the model changes of the first fill (N, M), at the hole voxels that the crop is there for.

    Args:
        start: the first fill.
        doubts: (C, *S), those of the voxels of the crop's box.
        hole: all that was filled.
        guessed: (X, Y, Z), what of it no other image of the person shows.
        crop: where the model looks.
        config: options.
        draw: gives samples of the crop.
        mirror: gives the reflection in the head's plane of symmetry.
    """
    from brainfill.models._brightness import normalised, tissue_level

    grid = hole.grid
    values, unknown = cut(start.image, grid, crop), touched(hole.data, grid, crop)
    level = tissue_level(values, unknown)

    def other_side() -> Tensor:
        across = cut_across(start.image, grid, crop, mirror())
        return as_tensor(normalised(across, level))

    shown = (normalised(values, level), unknown, touched(guessed, grid, crop))
    known = [as_tensor(part) for part in shown]
    against = [as_tensor(carried(part / level, grid, crop)) for part in doubts]
    changes = []
    for sample in draw(*known, against, other_side):
        fill = as_array(sample) * level
        if config.match_ring:
            slope, offset = ring_match(fill, values, unknown)
            fill = slope * fill + offset
        changes.append(back(np.where(unknown, fill - values, 0), crop, grid)[crop.mine])
    return np.stack(changes)


def _drawer(bundle: Bundle[Inpainter], config: Config, ctx: Context) -> Callable[..., Tensor]:
    """A function that draws all samples of a crop, in batches that fit into memory."""
    import torch

    from brainfill.diffusion.walk import WalkConfig, build_walk
    from brainfill.models._first_fill import expected, first_fill

    inpainter = bundle.model
    inpainter.net.to(ctx.device)
    told = _walk(config, bundle) | {"steps": config.steps, "sampler": config.sampler}
    walk_config = from_dict(WalkConfig, told, where=f"walk of model '{bundle.card.name}': ")
    walk = build_walk(walk_config, inpainter.config.schedule.build())
    batch = config.batch

    def draw(
        image: Tensor,
        hole: Tensor,
        guessed: Tensor,
        doubts: Sequence[Tensor],
        other_side: Callable[[], Tensor],
        *,
        number: int,
        lowest: Callable[[], int],
    ) -> Tensor:
        """Samples (N, D, H, W), on the CPU, of the crop with this number; `lowest` is its first slice's."""
        nonlocal batch
        image, hole = image.to(ctx.device), hole.to(ctx.device)
        if inpainter.config.first_fill == "patch":
            first = torch.cat([image, *(d.to(ctx.device) for d in doubts)], dim=1)
            if not config.samples:  # a draw is sharp to its middle
                first = expected(first, guessed, other_side, bundle.card.spacing_mm)
        else:
            first = first_fill(image, hole, inpainter.config)
        position: Tensor | None = None
        if inpainter.config.unet.position:
            position = (lowest() + torch.arange(hole.shape[2], device=ctx.device))[None]
        done: list[Tensor] = []
        wanted = max(config.samples, 1)
        while len(done) < wanted:
            size = min(batch, wanted - len(done))
            # A seed for each crop and sample: results do not depend on how they are batched.
            seeds = [seed_of(ctx.seed, number, len(done) + i) for i in range(size)]
            many = (size, -1, -1, -1, -1)
            try:
                told = None if position is None else position.expand(size, -1)
                drawn = inpainter.sample(
                    first.expand(many), hole.expand(many), *walk, seeds, position=told
                )
            except (RuntimeError, MemoryError) as error:
                if not _out_of_memory(error):
                    raise
                batch = _halved(size, image, ctx)
                continue
            done.extend(drawn[:, 0].float().cpu())
        return torch.stack(done)

    return draw


def _walk(config: Config, bundle: Bundle[Inpainter]) -> dict[str, Any]:
    """What the card says of the model's walk and what is asked for instead, besides sampler and steps."""
    walk = dict(bundle.card.walk)
    if config.grid or config.ratios:  # each says all levels, so the card says none of them
        walk |= {"grid": config.grid or "own", "ratios": list(config.ratios)}
    if config.sampler_options:
        walk["sampler_options"] = config.sampler_options
    return walk


def _filling(
    samples: FloatArray, background: float, hole: Mask, config: Config, facts: dict[str, Any]
) -> Filling:
    """Samples (N, n) of the hole voxels in C order, counted from the background, as values of the image and their spread."""
    import torch

    from brainfill.diffusion.ensemble import aggregate, spread

    drawn = torch.from_numpy(samples)
    values, sd = (np.zeros(hole.grid.shape, np.float32) for _ in range(2))
    values[hole.data] = aggregate(drawn, config.aggregate).numpy() + np.float32(background)
    sd[hole.data] = spread(drawn).numpy()
    return Filling(values, sd if config.samples > 1 else None, facts)


def _out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or "memory" in str(error).lower()


def _halved(size: int, image: Tensor, ctx: Context) -> int:
    if size == 1:
        sides = " x ".join(str(n) for n in image.shape[2:])
        msg = f"not enough memory on {ctx.device} for one crop of {sides} voxels"
        raise ShortageError(msg, "use --device cpu, or a machine with more memory")
    ctx.warn(f"out of memory on {ctx.device}: drawing {size // 2} samples at a time from here on")
    return size // 2
