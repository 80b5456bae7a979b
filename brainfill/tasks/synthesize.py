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
    from brainfill.painters._base import Painter

PAINTERS = "brainfill.painters"
_RING_MM = (1.5, 5.0)
# A lesion that differs less from its surroundings cannot be made stronger by a factor.
_LEAST_DIFFERENCE = 0.02


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
    settings: tuple[str, ...] = option((), "setting of the method as key=value; repeatable")

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.grow and self.shrink:
            msg = f"lesions cannot grow by {self.grow:g} mm and shrink by {self.shrink:g} mm"
            raise ConfigError(msg, "give --grow or --shrink")

    @property
    def visits(self) -> tuple[str, ...]:
        """Names of what is painted: the scan itself, and perhaps a second visit."""
        return ("", "followup") if self.grow or self.shrink else ("",)


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
    from brainfill.preprocess.foreground import foreground

    if scan.lesion is None:
        msg = f"cannot paint lesions into '{scan.subject}': there is no mask"
        raise DataError(msg)
    paint = registry.load(PAINTERS, config.method).build(painter_config(config))
    shown = foreground(scan.images[config.contrast])
    check_lesion(scan.lesion, shown, scan.subject, ctx)
    now = Mask(scan.lesion.data & shown, scan.grid)
    lesions = [now, *(_later(now, shown, config, scan.subject) for _ in config.visits[1:])]
    extent = Mask(lesions[0].data | lesions[-1].data, scan.grid)
    facts: dict[str, Any] = {"Method": config.method, "Contrasts": list(scan.images)}
    visits = []
    for name, lesion in zip(config.visits, lesions, strict=True):
        visit, found = _painted(scan, name, lesion, extent, paint, config, ctx)
        visits.append(visit)
        facts |= found
    return Synthesis(visits, facts | {"Lesions": [_described(v, extent.data) for v in visits]})


def contrast_of(image: FloatArray, lesion: Mask, others: BoolArray) -> float | None:
    """Median brightness of a lesion over that of the tissue 1.5 to 5 mm around it.

    Args:
        image: (X, Y, Z).
        lesion: on its grid.
        others: same shape, voxels that are not tissue, as other lesions.

    Returns:
        A ratio; None if there is no tissue around.
    """
    import numpy as np

    around = _around(image, lesion, others)
    return float(np.median(image[lesion.data]) / around) if around else None


def _painted(
    scan: Scan,
    name: str,
    lesion: Mask,
    extent: Mask,
    paint: Painter,
    config: SynthesizeConfig,
    ctx: Context,
) -> tuple[Visit, Mapping[str, Any]]:
    from brainfill.preprocess.paste import paste_back

    painting = paint(scan.images, lesion, extent, ctx)
    values = dict(painting.values)
    if config.lesion_contrast:
        values = _with_contrast(values, scan, lesion, extent.data, config)
    images = {n: paste_back(image, values[n], lesion) for n, image in scan.images.items()}
    return Visit(name, images, lesion), painting.facts


def _described(visit: Visit, others: BoolArray) -> dict[str, Any]:
    from brainfill.lesions.components import label_lesions

    images = visit.images.items()
    return {
        "Visit": visit.name or "first",
        "Count": int(label_lesions(visit.lesion).data.max()),
        "Voxels": int(visit.lesion.data.sum()),
        "VolumeML": visit.lesion.volume_ml(),
        "BrightnessToSurroundings": {
            n: contrast_of(v.data, visit.lesion, others) for n, v in images
        },
    }


def _with_contrast(
    values: Mapping[str, FloatArray],
    scan: Scan,
    lesion: Mask,
    others: BoolArray,
    config: SynthesizeConfig,
) -> dict[str, FloatArray]:
    """The values with the lesion's median as bright as asked for; other contrasts change by the same factor."""
    import numpy as np

    inside = lesion.data
    around = {n: _around(image.data, lesion, others) for n, image in scan.images.items()}
    reference = around[config.contrast]
    if not reference:
        msg = f"--lesion-contrast means nothing: no tissue lies around the lesions of '{scan.subject}'"
        raise DataError(msg, "leave it out")
    found = float(np.median(values[config.contrast][inside])) - reference
    wanted = (config.lesion_contrast - 1) * reference
    scaled = dict(values)
    if found * wanted > 0 and abs(found) > _LEAST_DIFFERENCE * reference:
        for name in values:
            scaled[name] = around[name] + wanted / found * (values[name] - around[name])
    else:
        scaled[config.contrast] = values[config.contrast] + wanted - found
    return {n: np.maximum(v, min(0.0, float(scan.images[n].data.min()))) for n, v in scaled.items()}


def _around(image: FloatArray, lesion: Mask, others: BoolArray) -> float:
    """Median of the tissue around a lesion, 0 if there is none."""
    import numpy as np
    from scipy import ndimage

    from brainfill.core.grid import Box

    nearest, farthest = _RING_MM
    x, y, z = (int(np.ceil(farthest / s)) + 1 for s in lesion.grid.spacing())
    box = Box.around(lesion.data).grow((x, y, z)).within(lesion.grid.shape).slices
    away_mm = ndimage.distance_transform_edt(~lesion.data[box], sampling=lesion.grid.spacing())
    ring = (away_mm > nearest) & (away_mm <= farthest) & ~others[box] & (image[box] > 0)
    return float(np.median(image[box][ring])) if ring.any() else 0.0


def _later(now: Mask, shown: BoolArray, config: SynthesizeConfig, subject: str) -> Mask:
    from brainfill.lesions.resize import grown, shrunk

    later = grown(now, config.grow, shown) if config.grow else shrunk(now, config.shrink)
    if not later.data.any():
        msg = f"nothing is left of the lesions of '{subject}' shrunk by {config.shrink:g} mm"
        raise DataError(msg, "shrink them less")
    return later
