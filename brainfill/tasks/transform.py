"""Carry an image through transforms to the grid of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from brainfill.core.config import option
from brainfill.core.errors import DataError
from brainfill.tasks._base import Result

if TYPE_CHECKING:
    from brainfill.core.context import Context
    from brainfill.core.grid import FloatArray, Grid
    from brainfill.core.volume import Volume
    from brainfill.preprocess.transforms import Transform

# Images of so few different whole numbers are label maps, whatever they are called.
_FEW_LABELS = 20
_LABEL_NAMES = ("_mask", "_dseg", "_roi", "_labels", "_label", "_seg")


@dataclass(frozen=True, kw_only=True)
class TransformConfig:
    """Which way, and how values between voxels are found."""

    inverse: bool = option(False, "go the other way: invert each transform, in reverse order")
    interp: Literal["auto", "nearest", "linear", "bspline", "distance"] = option(
        "auto",
        "auto is nearest for masks and label maps, else linear; distance carries a mask as a distance map",
    )


def run(
    image: Volume,
    like: Grid,
    transforms: Sequence[Transform],
    config: TransformConfig,
    name: str,
    ctx: Context,
) -> Result:
    """Carry an image to another grid.

    Args:
        image: what is carried.
        like: the wanted grid.
        transforms: in the order of antsApplyTransforms: the last one is applied to the image first.
        config: direction and interpolation.
        name: of the image, for messages; an ending as "_mask" or "_dseg" tells a label map.
        ctx: threads, progress.

    Returns:
        volume "image": a LabelMap where labels were carried, a Mask from a distance map, else a Volume;
        facts "Interpolation" and "InterpolationReason".

    Raises:
        ConfigError: a deformation is to be inverted.
        DataError: `distance` for what is no mask, or a damaged transform.
    """
    from brainfill.core.volume import LabelMap, Mask, Volume
    from brainfill.preprocess.transforms import carry, inverted

    chain = inverted(transforms, ctx) if config.inverse else tuple(transforms)
    interp, reason = _chosen(image.data, config, name)
    ctx.progress(f"resampling ({interp}: {reason})", 0, 1)
    found: Volume | Mask | LabelMap
    if interp == "distance":
        far = _signed_distance(image, name)
        found = Mask(carry(far, image.grid, like, chain, "linear", ctx) > 0, like)
    elif interp == "nearest" and _is_whole(image.data):
        found = LabelMap(carry(image.data, image.grid, like, chain, interp, ctx).round(), like)
    else:
        found = Volume(carry(image.data, image.grid, like, chain, interp, ctx), like)
    ctx.progress(f"resampling ({interp}: {reason})", 1, 1)
    return Result({"image": found}, facts={"Interpolation": interp, "InterpolationReason": reason})


def _chosen(
    data: FloatArray, config: TransformConfig, name: str
) -> tuple[Literal["nearest", "linear", "bspline", "distance"], str]:
    import numpy as np

    if config.interp != "auto":
        return config.interp, "asked for"
    if not _is_whole(data):
        return "linear", "values with fractions"
    if name.endswith(_LABEL_NAMES):
        return "nearest", f"whole numbers, and the name ends in {name[name.rindex('_') :]}"
    count = np.unique(data).size
    if count <= _FEW_LABELS:
        return "nearest", f"only {count} different whole numbers"
    return "linear", f"{count} different values, more than a label map without a telling name has"


def _is_whole(data: FloatArray) -> bool:
    return bool((data == data.round()).all())


def _signed_distance(image: Volume, name: str) -> FloatArray:
    """Distance to the edge of a mask [mm], positive inside."""
    import numpy as np
    from scipy import ndimage

    values = np.unique(image.data)
    if values.size > 2 or 0 not in values:
        msg = f"'{name}' has {values.size} different values, expected a mask of 0 and one other"
        raise DataError(msg, "carry label maps with --interp nearest")
    inside = image.data != 0
    spacing = image.grid.spacing()
    within = ndimage.distance_transform_edt(inside, spacing)
    beyond = ndimage.distance_transform_edt(~inside, spacing)
    return np.asarray(within - beyond, np.float32)
