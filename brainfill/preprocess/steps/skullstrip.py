"""Keep the brain, counted from the background, and set the rest to 0; lesions are kept even where no brain was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from brainfill.core import registry
from brainfill.core.background import from_background
from brainfill.core.config import check_ranges, from_dict, option
from brainfill.core.context import Context
from brainfill.core.errors import DataError
from brainfill.core.volume import Mask, Scan, Volume, mask_threshold
from brainfill.preprocess._base import Step, Undo
from brainfill.preprocess.brain import check_brain, stripped_brain
from brainfill.preprocess.match import same_grid
from brainfill.preprocess.steps.resample import resample_to

STRIPPERS = "brainfill.preprocess.strippers"
_IMAGE_ENDS = (".nii", ".nii.gz", ".mgz", ".mgh")


@dataclass(frozen=True)
class Config:
    """Who finds the brain, and what is believed."""

    backend: str = option(
        "auto", "auto, none, a way to find the brain (hd-bet, builtin, ...), or a mask file"
    )
    settings: dict[str, Any] = option({}, "settings of the backend, such as weights")
    min_ml: float = option(200.0, "smallest brain to believe", unit="ml", low=0, high=10_000)
    max_ml: float = option(2500.0, "largest brain to believe", unit="ml", low=0, high=10_000)

    def __post_init__(self) -> None:
        check_ranges(self)


class Found(NamedTuple):
    """A brain, who found it and why this one was asked."""

    brain: Mask
    backend: str
    reason: str


@dataclass(frozen=True, eq=False)
class StripUndo:
    """Puts back what was cut off.

    Args:
        images: as they were, by contrast.
        kept: the voxels that were kept.
        levels: background of each image, which was taken off.
        facts: who found the brain, and why.
    """

    images: Mapping[str, Volume]
    kept: Mask
    levels: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def volume(self, image: Volume, contrast: str = "T1w") -> Volume:
        """The image in the brain, its contrast as it was elsewhere."""
        before, level = self.images[contrast].data, self.levels.get(contrast, 0.0)
        data = image.data + np.float32(level) if level else image.data
        return Volume(np.where(self.kept.data, data, before), image.grid)

    def mask(self, mask: Mask) -> Mask:
        """The mask itself."""
        return mask


def build(config: Config) -> Step:
    """A step that finds the brain of the first contrast and cuts it out of all of them."""

    def step(scan: Scan, ctx: Context) -> tuple[Scan, Undo]:
        image = next(iter(scan.images.values()))
        found = _found(image, config, ctx)
        check_brain(image, found.brain, scan.subject, config.min_ml, config.max_ml)
        # A stripper may take a lesion at the surface for skull.
        added = scan.lesion.data & ~found.brain.data if scan.lesion else np.False_
        kept = Mask(found.brain.data | added, scan.grid)
        counted = {n: from_background(v) for n, v in scan.images.items()}
        images = {
            n: Volume(np.where(kept.data, v.data, 0), v.grid) for n, (v, _) in counted.items()
        }
        levels = {n: level for n, (_, level) in counted.items()}
        changed = Scan(scan.subject, images, scan.lesion, kept, scan.labels)
        facts = {
            "SkullStripBackend": found.backend,
            "SkullStripReason": found.reason,
            "BrainVolumeML": kept.volume_ml(),
            "LesionVoxelsAddedToBrain": int(np.sum(added)),
        }
        if any(levels.values()):
            facts["BackgroundTakenOff"] = levels
        return changed, StripUndo(scan.images, kept, levels, facts)

    return step


def is_file(backend: str) -> bool:
    """Whether a backend is a mask file rather than a name."""
    return backend.lower().endswith(_IMAGE_ENDS) or "/" in backend


def _found(image: Volume, config: Config, ctx: Context) -> Found:
    if config.backend == "auto":
        return _chosen(image, config, ctx)
    if config.backend == "none":
        brain = stripped_brain(image)
        if brain is None:
            msg = "--skullstrip none was asked for, but the image shows more than a brain"
            raise DataError(msg, "use --skullstrip auto, or give a brain mask")
        return Found(brain, "none", "asked for; the image shows a brain only")
    if is_file(config.backend):
        return Found(
            _own(config.backend, image, ctx), "mask", f"given as {Path(config.backend).name}"
        )
    return Found(_run(config.backend, image, config, ctx), config.backend, "asked for")


def _chosen(image: Volume, config: Config, ctx: Context) -> Found:
    brain = stripped_brain(image)
    if brain is not None:
        return Found(brain, "none", "the image shows a brain only, on an even background")
    hd_bet = registry.load(STRIPPERS, "hd_bet")
    given = "weights" in config.settings
    lacks = hd_bet.missing(from_dict(hd_bet.Config, config.settings if given else {}))
    # Weights that were asked for must not be passed over in silence: HD-BET says what is missing.
    if given or not lacks:
        return Found(_run("hd-bet", image, config, ctx), "hd-bet", "its weights are installed")
    return Found(_run("builtin", image, config, ctx), "builtin", f"HD-BET cannot run: {lacks}")


def _run(backend: str, image: Volume, config: Config, ctx: Context) -> Mask:
    plugin = registry.load(STRIPPERS, backend.replace("-", "_"))
    settings = from_dict(plugin.Config, config.settings, f"{backend}.")
    brain: Mask = plugin.build(settings)(image, ctx)
    return brain


def _own(path: str, image: Volume, ctx: Context) -> Mask:
    mask = ctx.read(path)
    inside = (mask.data > mask_threshold(mask.data)).astype(np.float32)
    if same_grid(mask.grid, image.grid, f"brain mask '{Path(path).name}'", ctx.warn):
        return Mask(inside > 0, image.grid)
    ctx.warn(f"brain mask '{Path(path).name}' was resampled to the grid of the image")
    return Mask(resample_to(inside, mask.grid, image.grid, 1) > 0.5, image.grid)
