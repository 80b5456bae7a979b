"""Paint lesions into a scan without any, and perhaps the same person's next visit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from brainfill.core import registry
from brainfill.core.config import check_ranges, option, override
from brainfill.core.errors import ConfigError, DataError
from brainfill.tasks.fill import check_lesion

if TYPE_CHECKING:
    from brainfill.core.context import Context
    from brainfill.core.grid import BoolArray, FloatArray
    from brainfill.core.volume import Mask, Scan, Volume

PAINTERS = "brainfill.painters"


@dataclass(frozen=True, kw_only=True)
class SynthesizeConfig:
    """What to paint and how.

    Raises:
        ConfigError: a number out of range, or lesions that are to grow and to shrink.
    """

    method: str = option("conditional", "how to paint: conditional, coarse or guided")
    contrast: Literal["T1w", "FLAIR"] = option("T1w", "contrast of IMAGE")
    lesion_contrast: float = option(
        0.0,
        "brightness of the lesions in IMAGE, in units of the tissue around them; 0 is the model's own",
        low=0.0,
        high=10.0,
    )
    model: str = option("", "model that paints: a name or a folder; empty is the method's own")
    grow: float = option(
        0.0, "also paint a second visit with lesions grown by this", unit="mm", low=0.0, high=50.0
    )
    shrink: float = option(
        0.0, "also paint a second visit with lesions shrunk by this", unit="mm", low=0.0, high=50.0
    )
    add: int = option(
        0,
        "also paint a second visit with this many new lesions, placed as `masks place` does",
        low=0,
        high=1000,
    )
    settings: tuple[str, ...] = option((), "setting of the method as key=value; repeatable")

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.grow and self.shrink:
            msg = f"lesions cannot grow by {self.grow:g} mm and shrink by {self.shrink:g} mm"
            raise ConfigError(msg, "give --grow or --shrink")
        if self.add and self.contrast != "T1w":
            msg = f"new lesions are placed by a T1w, and IMAGE is a {self.contrast}"
            raise ConfigError(msg, "give the T1w as IMAGE and the FLAIR with --flair, or no --add")

    @property
    def visits(self) -> tuple[str, ...]:
        """Names of what is painted: the scan itself, and perhaps a second visit."""
        return ("", "followup") if self.grow or self.shrink or self.add else ("",)


@dataclass(frozen=True, eq=False)
class Visit:
    """A scan with lesions.

    Args:
        name: "" or "followup".
        images: by contrast; every voxel outside the lesion is that of the scan.
        lesion: the mask that was really painted.
    """

    name: str
    images: Mapping[str, Volume]
    lesion: Mask

    def named(self, what: str) -> str:
        """What a part of this visit is called among those of all visits, such as "T1w_followup"."""
        return f"{what}_{self.name}" if self.name else what


@dataclass(frozen=True, eq=False)
class Synthesis:
    """What was painted: the scan first, then perhaps its second visit; and the record of it."""

    visits: Sequence[Visit]
    facts: Mapping[str, Any]


def painter_config(config: SynthesizeConfig) -> Any:  # noqa: ANN401 - each painter has its own class
    """The settings of the chosen painter, defaults included.

    Raises:
        ConfigError: unknown method, a setting the method does not have, a wrong value.
    """
    plugin = registry.load(PAINTERS, config.method)
    if any(setting.partition("=")[0].strip() == "model" for setting in config.settings):
        msg = "'model' is an option of its own, not a setting"
        raise ConfigError(msg, "write --model instead of --set model=...")
    given = {"model": config.model} if config.model else {}
    return override(plugin.Config(**given), config.settings)


def run(scan: Scan, config: SynthesizeConfig, ctx: Context) -> Synthesis:
    """Paint the lesions of a mask.

    Args:
        scan: images of one or both contrasts without lesions in the mask, and the mask.
        config: what to do.
        ctx: device, seed, progress, warnings.

    Raises:
        ConfigError: a setting the method does not have, or a contrast its model does not know.
        DataError: the mask is empty, off the head or over half of it, or nothing of it is left.
    """
    from brainfill.core.volume import Mask

    paint = registry.load(PAINTERS, config.method).build(painter_config(config))
    now, shown = _wanted(scan, ctx)
    lesions = [now, *(_later(now, shown, config, scan, ctx) for _ in config.visits[1:])]
    extent = Mask(lesions[0].data | lesions[-1].data, scan.grid)
    facts: dict[str, Any] = {"Method": config.method, "Contrasts": list(scan.images)}
    visits, described = [], []
    for name, lesion in zip(config.visits, lesions, strict=True):
        painting = paint(scan.images, lesion, extent, ctx)
        visits.append(_painted(scan, name, lesion, painting.values, config))
        described.append(_described(visits[-1]) | painting.lesion_facts)
        facts |= painting.facts
    return Synthesis(visits, facts | {"Lesions": described})


def _wanted(scan: Scan, ctx: Context) -> tuple[Mask, BoolArray]:
    """The lesions to paint, and (X, Y, Z) where all images show head or brain.

    Raises:
        DataError: there is no mask, or it cannot be meant.
    """
    import numpy as np

    from brainfill.core.volume import Mask
    from brainfill.preprocess.foreground import foreground

    if scan.lesion is None:
        msg = f"cannot paint lesions into '{scan.subject}': there is no mask"
        raise DataError(msg)
    shown = np.logical_and.reduce([foreground(image) for image in scan.images.values()])
    check_lesion(scan.lesion, shown, scan.subject, ctx)
    inside = scan.lesion.data & shown
    if not inside.any():
        msg = f"none of the {int(scan.lesion.data.sum())} voxels of the mask shows tissue in '{scan.subject}'"
        raise DataError(msg, "draw it inside the head")
    return Mask(inside, scan.grid), shown


def _later(now: Mask, shown: BoolArray, config: SynthesizeConfig, scan: Scan, ctx: Context) -> Mask:
    """The lesions of the second visit.

    Raises:
        DataError: nothing is left of them, or new ones find no place.
    """
    from brainfill.core.volume import Mask
    from brainfill.lesions.resize import grown, shrunk

    later = grown(now, config.grow, shown) if config.grow else shrunk(now, config.shrink)
    if config.add:
        later = Mask(later.data | (_new(scan, later, config.add, ctx).data & shown), scan.grid)
    if not later.data.any():
        msg = f"nothing is left of the lesions of '{scan.subject}' shrunk by {config.shrink:g} mm"
        raise DataError(msg, "shrink them less")
    if later.data.sum() == now.data.sum():
        ctx.warn("the lesions are alike in both visits: voxels are larger than what they change by")
    return later


def _new(scan: Scan, lesions: Mask, n: int, ctx: Context) -> Mask:
    """Further lesions, which touch none of those that are there."""
    from brainfill.core.volume import Scan
    from brainfill.preprocess.steps import reorient
    from brainfill.tasks.masks import place

    healthy = Scan(scan.subject, {"T1w": scan.images["T1w"]}, lesion=lesions)
    turned, undo = reorient.build(reorient.Config())(healthy, ctx)
    config = place.Config(n=n, seed=ctx.seed, threads=ctx.threads, deterministic=ctx.deterministic)
    return undo.mask(place.run(turned, (), config, ctx).mask)


def _painted(
    scan: Scan,
    name: str,
    lesion: Mask,
    values: Mapping[str, FloatArray],
    config: SynthesizeConfig,
) -> Visit:
    from brainfill.lesions.contrast import with_contrast
    from brainfill.preprocess.paste import paste_back

    if config.lesion_contrast:
        known = {n: image.data for n, image in scan.images.items()}
        values = with_contrast(values, known, lesion, config.contrast, config.lesion_contrast)
    images = {n: paste_back(image, values[n], lesion) for n, image in scan.images.items()}
    return Visit(name, images, lesion)


def _described(visit: Visit) -> dict[str, Any]:
    from brainfill.core.figures import figure
    from brainfill.lesions.components import label_lesions
    from brainfill.lesions.contrast import contrast_of

    found = {n: contrast_of(v.data, visit.lesion) for n, v in visit.images.items()}
    ratios = {n: None if ratio is None else figure(ratio) for n, ratio in found.items()}
    return {
        "Visit": visit.name or "first",
        "Count": int(label_lesions(visit.lesion).data.max()),
        "Voxels": int(visit.lesion.data.sum()),
        "VolumeML": visit.lesion.volume_ml(),
        "BrightnessToSurroundings": ratios,
    }
