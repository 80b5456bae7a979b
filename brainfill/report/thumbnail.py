"""A small picture of a scan, for the page of a group."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from brainfill.core.volume import Mask, Scan
from brainfill.pictures import grey, grey_range, png
from brainfill.preprocess.foreground import foreground
from brainfill.report.film import inner_point, view_of

_THUMBNAIL_PIXEL_MM = 1.6


def thumbnail(scan: Scan) -> bytes:
    """A small axial picture through the middle of the lesions, or of the head, as PNG; for the page of a group."""
    image = scan.images["T1w"]
    nothing = Mask(np.zeros(image.grid.shape, bool), image.grid)
    lesion = scan.lesion if scan.lesion is not None else nothing
    head = foreground(image, lesion.data)
    view = view_of(image, head, grey_range(image, lesion))
    middle = inner_point(lesion if lesion.data.any() else Mask(head, image.grid))
    pane = replace(view, pixel_mm=_THUMBNAIL_PIXEL_MM).pane("axial", middle)
    return png(grey(image, pane.pixels, pane.shown))
