"""Replace lesions by plausible healthy tissue."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from brainfill.core import registry
from brainfill.core.config import check_ranges, option, override
from brainfill.core.errors import ConfigError, DataError
from brainfill.tasks._base import Result

if TYPE_CHECKING:
    from brainfill.core.companion import Companion
    from brainfill.core.context import Context
    from brainfill.core.grid import BoolArray
    from brainfill.core.volume import LabelMap, Mask, Scan, Volume
    from brainfill.tasks._rim import Judged

FILLERS = "brainfill.fillers"
# Options of the task that belong to fillers with a model; others refuse them.
MODEL_OPTIONS = ("model", "quality", "sampler", "steps", "samples", "aggregate")
_LARGEST_SHARE = 0.5


@dataclass(frozen=True, kw_only=True)
class FillConfig:
    """What to fill and how.

    Raises:
        ConfigError: a number out of range, or `sd` without several samples.
    """

    method: str = option("diffusion", "how to fill; see: brainfill list fillers")
    dilate: float | Literal["auto"] = option(
        "auto",
        "auto judges for each lesion how far it reaches beyond the mask; a number grows the mask by so much, by a voxel "
        "at least, inside the head only",
        unit="mm",
        low=0,
        high=20,
    )
    feather: bool = option(True, "blend fill and scan in the ring that a number of --dilate added")
    samples: int = option(0, "fills to draw; 0 is the model's best guess", low=0, high=1000)
    aggregate: Literal["mean", "median", "first"] = option("mean", "how samples become one fill")
    sampler: str = option("", "see: brainfill list samplers; empty is the model's own")
    steps: int = option(0, "sampling steps; 0 is the model's own number", low=0, high=1000)
    model: str = option("t1-fill", "model that fills: a name or a folder")
    quality: Literal["fast", "balanced", "best"] = option(
        "balanced", "effort of the model's best guess"
    )
    space: Literal["native", "mni"] = option(
        "native", "where to fill: on the scan's own grid, or stripped and registered in MNI space"
    )
    sd: bool = option(False, "also give the standard deviation of the samples")
    settings: tuple[str, ...] = option((), "setting of the method as key=value; repeatable")

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.sd and self.samples < 2:
            msg = f"--sd needs --samples of at least 2, got {self.samples}"
            raise ConfigError(msg, "for example --samples 8")


def filler_config(config: FillConfig) -> Any:  # noqa: ANN401 - each filler has its own class
    """The settings of the chosen filler, defaults included.

    Raises:
        ConfigError: unknown method, an option or setting the method does not have, a wrong value.
    """
    plugin = registry.load(FILLERS, config.method)
    known = {f.name for f in dataclasses.fields(plugin.Config)}
    for setting in config.settings:
        key = setting.partition("=")[0].strip()
        if key in MODEL_OPTIONS:
            msg = f"'{key}' is an option of its own, not a setting"
            raise ConfigError(msg, f"write --{key} instead of --set {key}=...")
    given = {
        f.name: getattr(config, f.name)
        for f in dataclasses.fields(config)
        if f.name in MODEL_OPTIONS and getattr(config, f.name) != f.default
    }
    for name in given:
        if name not in known:
            msg = f"--{name} means nothing to the method '{config.method}'"
            raise ConfigError(msg, f"leave --{name} out, or choose --method diffusion")
    return override(plugin.Config(**given), config.settings)


def uses_network(config: FillConfig) -> bool:
    """Whether the chosen method or the way to MNI space runs a network, so that the device matters."""
    return config.space == "mni" or hasattr(filler_config(config), "model")


def check_companions(config: FillConfig, option_name: str) -> None:
    """Refuse other images of the person where the method has no use for them.

    Args:
        config: what to do.
        option_name: how the images were given, such as "--flair".

    Raises:
        ConfigError: the method looks at one image alone, or the fill is made in MNI space.
    """
    plugin = registry.load(FILLERS, config.method)
    if not getattr(plugin, "COMPANIONS", False):
        msg = f"{option_name} means nothing to the method '{config.method}'"
        raise ConfigError(msg, f"leave {option_name} out, or choose --method diffusion")
    if config.space != "native":
        msg = f"{option_name} means nothing to --space {config.space}"
        raise ConfigError(msg, f"leave {option_name} out, or fill in native space")


@dataclass(frozen=True, eq=False)
class Hole:
    """What is to be filled in a scan.

    Args:
        head: bool (X, Y, Z), head or brain, lesions included.
        labels: lesions numbered from 1, the largest first.
        mask: lesions and what is filled around them.
        rim: what was judged, if it was.
    """

    head: BoolArray
    labels: LabelMap
    mask: Mask
    rim: Judged | None


def run(
    scan: Scan,
    config: FillConfig,
    ctx: Context,
    companions: Sequence[Companion] = (),
    found: Hole | None = None,
) -> Result:
    """Fill the lesions of a scan.

    Args:
        scan: with a T1w image and a lesion mask.
        config: what to do.
        ctx: device, seed, progress, warnings.
        companions: other images of the person on the grid of the T1w.
        found: what `find_hole` said, if it was asked before.

    Returns:
        volumes "filled", "hole" (the mask really replaced), "labels" and perhaps "sd"; table
        "lesions"; facts for the record. Every voxel outside "hole" is that of the scan.

    Raises:
        ConfigError: an option the method does not have, or companions that it has no use for.
        DataError: the mask is empty, off the head or over half of it.
    """
    from brainfill.core.figures import figures
    from brainfill.lesions.components import lesion_table
    from brainfill.preprocess.paste import feather, paste_back
    from brainfill.tasks._space import fill_in_mni

    settings = filler_config(config)
    image, lesion = parts_of(scan)
    if found is None:
        found = find_hole(scan, config, ctx, companions)
    hole, labels = found.mask, found.labels

    build = registry.load(FILLERS, config.method).build
    if companions:
        check_companions(config, companions[0].name)
        filler = build(settings, [c.beside(hole) for c in companions])
    else:
        filler = build(settings)
    if config.space == "mni":
        filling = fill_in_mni(image, hole, scan.subject, filler, ctx)
    else:
        filling = filler(image, hole, ctx)
    # What was judged to be lesion must not be blended in again.
    weights = feather(lesion, hole) if config.feather and found.rim is None else None
    filled = paste_back(image, filling.values, hole, weights)

    volumes = {"filled": filled, "hole": hole, "labels": labels}
    if config.sd:
        if filling.sd is None:
            msg = f"the method '{config.method}' gives no standard deviation"
            raise ConfigError(msg, "leave --sd out, or choose --method diffusion")
        volumes["sd"] = image.like(figures(filling.sd))
    table = lesion_table(labels, image, filled)
    if found.rim is not None:
        for row, reach_mm in zip(table, found.rim.reach_mm, strict=True):
            row["rim_mm"] = float(reach_mm)
    facts = {
        "Method": config.method,
        **filling.facts,
        **({"Companions": [c.name for c in companions]} if companions else {}),
        "LesionCount": len(table),
        "LesionVoxels": int(lesion.data.sum()),
        "LesionVolumeML": lesion.volume_ml(),
        "FilledVoxels": int(hole.data.sum()),
        **({"Rim": found.rim.facts} if found.rim is not None else {}),
        **fill_measures(image, filled, lesion, hole, found.head),
        "IntensityRangeInput": [float(image.data.min()), float(image.data.max())],
    }
    return Result(volumes, {"lesions": table}, facts)


def find_hole(
    scan: Scan, config: FillConfig, ctx: Context, companions: Sequence[Companion] = ()
) -> Hole:
    """What is to be filled: the lesions of a scan, and what lies around them as far as `dilate` says.

    Args:
        scan: as for `run`.
        config: as for `run`.
        ctx: as for `run`.
        companions: those that share the hole show the lesions, too, and perhaps better.

    Raises:
        DataError: as `run`.
    """
    from brainfill.core.volume import Mask
    from brainfill.lesions.components import dilate, label_lesions
    from brainfill.preprocess.foreground import foreground
    from brainfill.tasks._rim import judged_rim

    image, lesion = parts_of(scan)
    ctx.progress("looking at the lesions", 0, 1)
    head = check_lesion(lesion, foreground(image, lesion.data), scan.subject, ctx)
    labels = label_lesions(lesion)
    ctx.progress("looking at the lesions", 1, 1)
    if config.dilate != "auto":
        grown = Mask(dilate(lesion, config.dilate, head), lesion.grid)
        return Hole(head, labels, grown, None)
    shown = {"T1w": image} | {c.name: c.image for c in companions if c.shares_hole}
    rim = judged_rim(shown, labels, head, ctx)
    return Hole(head, labels, Mask(rim.hole, lesion.grid), rim)


def check_lesion(lesion: Mask, shown: BoolArray, subject: str, ctx: Context) -> BoolArray:
    """Refuse a mask that cannot be meant, and warn of one that covers background.

    Args:
        lesion: voxels to replace.
        shown: (X, Y, Z), where the image shows head or brain.
        subject: named in the messages.
        ctx: receives the warning.

    Returns:
        bool (X, Y, Z), the head: what is shown, and the lesions that adjoin it. A lesion that was cut
        out up to the surface shows background, and belongs to the head all the same.

    Raises:
        DataError: the mask is empty, the image shows nothing, or their overlap makes no sense.
    """
    from scipy import ndimage

    from brainfill.core.grid import Box

    if not lesion.data.any():
        msg = f"the lesion mask of '{subject}' is empty: found 0 voxels, expected at least 1"
        raise DataError(msg, "check that it is the right file")
    x, y, z = shown.shape
    # Nothing counts but what adjoins the lesions, and a scan is mostly no lesion.
    near = Box.around(lesion.data).grow((1, 1, 1)).within((x, y, z)).slices
    marked, before = lesion.data[near], shown[near]
    head: BoolArray = shown.copy()
    head[near] = ndimage.binary_propagation(before, mask=before | marked)
    wanted, size = int(marked.sum()), int(head.sum())
    inside = int((marked & head[near]).sum())
    if size == 0:
        msg = f"'{subject}' shows no head: all its voxels have one value"
        raise DataError(msg, "check that it is the right file")
    if inside == 0:
        msg = f"none of the {wanted} voxels of the lesion mask lies in the head of '{subject}'"
        raise DataError(msg, "look at both in a viewer: the mask may belong to another scan")
    if inside > _LARGEST_SHARE * size:
        msg = (
            f"the lesion mask covers {100 * inside / size:.0f} % of the head of '{subject}', "
            f"expected at most {100 * _LARGEST_SHARE:.0f} %"
        )
        raise DataError(msg, "check that it is a lesion mask and not a brain mask or inverted")
    if outside := int((marked & ~before).sum()):
        ctx.warn(f"{outside} of {wanted} lesion voxels show background in '{subject}'")
    return head


def fill_measures(
    image: Volume, filled: Volume, lesion: Mask, hole: Mask, head: BoolArray
) -> dict[str, Any]:
    """How a fill fits into its surroundings, ready for JSON; None where a measure is not defined.

    Args:
        image: as it was filled.
        filled: on the same grid, as all others.
        lesion: what was to be filled.
        hole: what was filled.
        head: head or brain (X, Y, Z).

    Returns:
        `StripeIndex` before and after by world axis, `LargestStripeIndex` after, and `BorderStepPct`.
    """
    from brainfill.core.background import background
    from brainfill.core.figures import figure
    from brainfill.metrics.border import border_step_pct
    from brainfill.tasks.smooth import stripe_indices

    after = stripe_indices(filled, hole.data, whole=False)
    level = background(image.data, lesion.data).level
    step_pct = border_step_pct(filled.data - level, lesion.data, hole.data, head)
    return {
        "StripeIndex": {"Before": stripe_indices(image, hole.data, whole=False), "After": after},
        "LargestStripeIndex": max((v for v in after.values() if v is not None), default=None),
        "BorderStepPct": figure(step_pct) if math.isfinite(step_pct) else None,
    }


def parts_of(scan: Scan) -> tuple[Volume, Mask]:
    """The T1w image of a scan and its lesions.

    Raises:
        DataError: one of them is not there.
    """
    if "T1w" not in scan.images or scan.lesion is None:
        msg = f"cannot fill '{scan.subject}': found {', '.join(scan.images)}, expected T1w and a lesion mask"
        raise DataError(msg)
    return scan.images["T1w"], scan.lesion
