"""A fill in a few numbers that tell whether it went well."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from brainfill.core.volume import Mask, Scan
from brainfill.metrics.border import border_step_pct
from brainfill.pictures import grey, grey_range, png
from brainfill.preprocess.foreground import foreground
from brainfill.report.film import inner_point, view_of
from brainfill.tasks.smooth import stripe_indices

if TYPE_CHECKING:
    from brainfill.tasks._base import Result

_THUMBNAIL_PIXEL_MM = 1.6


def fill_measures(scan: Scan, result: Result) -> dict[str, Any]:
    """Stripes and borders of a fill, ready for JSON.

    Args:
        scan: as it was filled.
        result: of the task: volumes "filled", "hole" and "labels".

    Returns:
        `StripeIndex` before and after by world axis, `LargestStripeIndex` after, and `BorderStepPct`; None where a
        measure is not defined.
    """
    image, filled = scan.images["T1w"], result.volumes["filled"]
    hole, lesion = result.volumes["hole"].data, result.volumes["labels"].data > 0
    after = stripe_indices(filled, hole, whole=False)
    step = border_step_pct(filled.data, lesion, hole, foreground(image))
    return {
        "StripeIndex": {"Before": stripe_indices(image, hole, whole=False), "After": after},
        "LargestStripeIndex": max((v for v in after.values() if v is not None), default=None),
        "BorderStepPct": step if math.isfinite(step) else None,
    }


def thumbnail(scan: Scan) -> bytes:
    """A small axial picture through the middle of the lesions, or of the head, as PNG; for the page of a group."""
    image = scan.images["T1w"]
    head = foreground(image)
    nothing = Mask(np.zeros(image.grid.shape, bool), image.grid)
    lesion = scan.lesion if scan.lesion is not None else nothing
    view = view_of(image, head, grey_range(image, lesion))
    middle = inner_point(lesion if lesion.data.any() else Mask(head, image.grid))
    pane = replace(view, pixel_mm=_THUMBNAIL_PIXEL_MM).pane("axial", middle)
    return png(grey(image, pane.pixels, pane.shown))
