"""Lay the scan on a template: rigid, affine or SyN, with the lesion left out of the comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np

from brainfill.core.background import from_background, without_spikes
from brainfill.core.config import check_ranges, option
from brainfill.core.context import Context
from brainfill.core.errors import DataError, GeometryError
from brainfill.core.figures import figure
from brainfill.core.grid import BoolArray, FloatArray, Grid
from brainfill.core.volume import Mask, Scan, Volume
from brainfill.preprocess._base import Step, Undo, map_scan
from brainfill.preprocess.registration import Registration, register
from brainfill.preprocess.template import MNI, Template, load_template
from brainfill.preprocess.transforms import Interp, Transform, carry

# Share of the image in what a voxel shows, below which it is background.
_LEAST_SHARE = 0.01


@dataclass(frozen=True)
class Config:
    """What to register to, how, and when to believe it.

    The bounds lie far below what healthy brains give (affine to MNI: correlation 0.55 to 0.65, overlap 0.93 or more),
    and far above what noise, balls and turned-over heads give.
    """

    template: str = option(MNI, "name, or file of a stripped T1-weighted image")
    kind: Literal["rigid", "affine", "syn"] = option("affine", "kind of transform")
    effort: Literal["fast", "balanced", "best"] = option("balanced", "how long to iterate")
    mask_lesion: bool = option(True, "leave the lesion out of the comparison")
    interp: Literal["linear", "bspline"] = option("bspline", "interpolation of the images")
    min_correlation: float = option(0.3, "with the template, below which it failed", low=-1, high=1)
    min_overlap: float = option(0.8, "Dice of both brains, below which it failed", low=0, high=1)

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True, eq=False)
class RegisterUndo:
    """Carries results back through the inverse transform.

    Args:
        before: grid of the scan.
        after: grid of the template.
        registration: both transforms.
        space: the template's name.
        interp: interpolation of images.
        ctx: threads of the run.
        facts: what was compared, and how well it fits.
    """

    before: Grid
    after: Grid
    registration: Registration
    space: str
    interp: Literal["linear", "bspline"]
    ctx: Context
    facts: Mapping[str, Any] = field(default_factory=dict)

    def volume(self, image: Volume, contrast: str = "T1w") -> Volume:  # noqa: ARG002 - one for all
        """Intensities on the grid of the scan.

        Raises:
            GeometryError: the image does not lie on the template's grid.
        """
        self._expect(image.grid)
        return Volume(self._back(image.data, self.interp), self.before)

    def mask(self, mask: Mask) -> Mask:
        """Voxels on the grid of the scan: those covered by half or more.

        Raises:
            GeometryError: the mask does not lie on the template's grid.
        """
        self._expect(mask.grid)
        return Mask(self._back(mask.data, "linear") > 0.5, self.before)

    def _back(
        self, data: FloatArray | BoolArray, interp: Literal["linear", "bspline"]
    ) -> FloatArray:
        return _carried(data, self.after, self.before, self.registration.backward, interp, self.ctx)

    def _expect(self, grid: Grid) -> None:
        if not grid.same_place(self.after):
            msg = (
                f"cannot undo the registration: the image does not lie on the grid of {self.space}"
            )
            raise GeometryError(msg)


def build(config: Config) -> Step:
    """A step that registers the first contrast and takes everything else along."""

    def step(scan: Scan, ctx: Context) -> tuple[Scan, Undo]:
        template = load_template(config.template, ctx.read)
        ctx.progress("registering", 0, 1)
        found = _found(scan, template, config, ctx)
        through = partial(
            _carried,
            source=scan.grid,
            target=template.image.grid,
            transform=found.forward,
            ctx=ctx,
        )
        changed = map_scan(
            scan,
            template.image.grid,
            lambda a: through(a, interp=config.interp),
            lambda a: through(a, interp="linear") > 0.5,
            lambda a: np.rint(through(a, interp="nearest")).astype(np.int32),
        )
        facts = _checked(changed, template, found.forward, config)
        ctx.progress("registering", 1, 1)
        undo = RegisterUndo(
            scan.grid, template.image.grid, found, template.name, config.interp, ctx, facts
        )
        return changed, undo

    return step


def _carried(
    data: FloatArray | BoolArray,
    source: Grid,
    target: Grid,
    transform: Transform,
    interp: Interp,
    ctx: Context,
) -> FloatArray:
    """As `carry`, without the ringing of the spline: background stays 0, and no value leaves the image's range."""
    values = carry(data, source, target, [transform], interp, ctx)
    if interp == "bspline":
        shown = carry(data != 0, source, target, [transform], "linear", ctx) > _LEAST_SHARE
        values = np.where(shown, np.clip(values, data.min(), data.max()), 0).astype(np.float32)
    return values


def _found(scan: Scan, template: Template, config: Config, ctx: Context) -> Registration:
    image = from_background(next(iter(scan.images.values())))[0]
    if scan.brain:
        image = image.like(np.where(scan.brain.data, image.data, 0))
    image = image.like(without_spikes(image.data))
    ignored = scan.lesion if config.mask_lesion else None
    return register(
        template.image, template.brain.data, image, ignored, config.kind, config.effort, ctx
    )


def _checked(
    changed: Scan, template: Template, forward: Transform, config: Config
) -> dict[str, Any]:
    """How well the brain fits the template.

    Raises:
        DataError: worse than the bounds.
    """
    image = next(iter(changed.images.values())).data
    brain = template.brain.data
    healthy = brain & ~changed.lesion.data if changed.lesion else brain
    correlation = _correlation(image[healthy], template.image.data[healthy])
    own = changed.brain.data if changed.brain else None
    overlap = None if own is None else 2 * int((own & brain).sum()) / int(own.sum() + brain.sum())
    for what, value, bound in (
        ("correlation with the template", correlation, config.min_correlation),
        ("overlap (Dice) with the template's brain", overlap, config.min_overlap),
    ):
        if value is not None and value < bound:
            msg = (
                f"registration of '{changed.subject}' to {template.name} failed: {what} is "
                f"{value:.2f}, expected at least {bound:g}"
            )
            raise DataError(
                msg,
                "is the T1 a stripped or whole brain, upright, T1-weighted? brainfill preprocess --work FOLDER keeps "
                "the transforms to look at",
            )
    return {
        "Template": template.name,
        "TransformKind": config.kind,
        "Correlation": figure(correlation),
        "BrainOverlapDice": None if overlap is None else figure(overlap),
        "LesionMasked": bool(config.mask_lesion and changed.lesion and changed.lesion.data.any()),
        "TransformType": "matrix" if forward.linear else "displacement field",
    }


def _correlation(a: FloatArray, b: FloatArray) -> float:
    a, b = a - a.mean(dtype=np.float64), b - b.mean(dtype=np.float64)
    scale = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / scale if scale > 0 else 0.0
