"""Compare a fill with the truth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

from brainfill.core.context import Context
from brainfill.core.errors import DataError
from brainfill.tasks._base import Result

if TYPE_CHECKING:
    from brainfill.core.volume import Mask, Scan


def run(scan: Scan) -> Result:
    """Figures of a filled image inside its mask.

    Args:
        scan: with the images "prediction" and "reference", perhaps "voided" (the reference with
            its holes at 0, from which BraTS takes its intensity range), and the lesion mask.

    Returns:
        table "metrics" with the columns metric and value; the same as facts by name. Axes are
        counted from left-right, value None where a figure is not defined.

    Raises:
        DataError: the mask is empty or missing.
    """
    from brainfill.metrics.image import fill_metrics
    from brainfill.preprocess.steps import reorient

    if scan.lesion is None or not scan.lesion.data.any():
        msg = f"the mask for '{scan.subject}' is empty: there is nothing to compare"
        raise DataError(msg, "give the mask of the voxels that were filled")
    # Windows of ssim_brats lie in sagittal planes, whatever the order of the axes on disk.
    turned, _ = reorient.build(reorient.Config("RAS"))(scan, Context())
    mask = cast("Mask", turned.lesion).data
    images = {name: image.data for name, image in turned.images.items()}
    found = fill_metrics(images["prediction"], images["reference"], mask, images.get("voided"))
    figures = {name: value if math.isfinite(value) else None for name, value in found.items()}
    rows = [{"metric": name, "value": value} for name, value in figures.items()]
    return Result(tables={"metrics": rows}, facts=figures)
