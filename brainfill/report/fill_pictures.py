"""Pictures of a fill: where the lesions are, before and after, what changed, how sure it is."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from brainfill.core.volume import Mask, Volume
from brainfill.pictures import PLANES
from brainfill.preprocess.steps.resample import resample_to
from brainfill.report.colours import scale, sequential, signed
from brainfill.report.film import (
    SIDES,
    Pane,
    Point,
    View,
    film,
    inner_point,
    planes_at,
    strips_through,
)
from brainfill.report.sliders import slider

if TYPE_CHECKING:
    from brainfill.tasks._base import Result

_SLICES = 5
_CLOSE = 6
_CLOSE_MM, _CLOSE_PIXEL_MM = 44.0, 0.4
_FULL_PERCENT = 99.0


def scan_images(view: View, at_mm: Point, image: Volume) -> str:
    """The scan in three planes, to be used by several figures."""
    drawn = "".join(
        pane.picture(image).replace("<image", f'<image id="scan-{pane.plane}"')
        for pane in planes_at(view, at_mm)
    )
    return f'<svg class="unseen" aria-hidden="true"><defs>{drawn}</defs></svg>'


def slices(view: View, image: Volume, lesion: Mask) -> str:
    """The lesions outlined on slices through them, a row for each plane."""
    coarse = view.coarse()
    rows = []
    for plane in PLANES:
        panes = [coarse.pane(plane, at_mm) for at_mm in strips_through(lesion, plane, _SLICES)]
        drawn = [
            pane.svg(
                [pane.picture(image), pane.rim(lesion)],
                f"{plane} slice {n} of {len(panes)} with lesions outlined",
                letters=n == 1,
            )
            for n, pane in enumerate(panes, start=1)
        ]
        rows.append(film(drawn, "five"))
    caption = f"Lesions outlined on slices spread evenly over their volume. {SIDES}"
    return f"<figure>{''.join(rows)}<figcaption>{caption}</figcaption></figure>"


def before_after(view: View, at_mm: Point, image: Volume, filled: Volume) -> str:
    """Three planes with a slider: the scan on its left, the fill on its right."""
    panes = [(p, _scan(p), p.changes(image, filled)) for p in planes_at(view, at_mm)]
    text = f"The centre of the largest lesion. {SIDES}"
    return slider("cuts", panes, ("before", "after"), "the scan", text)


def closer(view: View, image: Volume, result: Result) -> str:
    """The largest lesions from near, before beside after."""
    labels, filled, hole = (result.volumes[name] for name in ("labels", "filled", "hole"))
    near = View(view.low_mm, view.high_mm, view.shown, _CLOSE_PIXEL_MM)
    figures = []
    rows = list(result.tables["lesions"])[:_CLOSE]
    for row in rows:
        where = Mask(labels.data == row["label"], labels.grid)
        pane = near.square("axial", inner_point(where), _CLOSE_MM)
        name = f"Lesion {row['label']}"
        pair = film(
            [
                pane.svg(
                    [pane.picture(image), pane.rim(hole, "second"), pane.rim(where)],
                    f"{name} before",
                    letters=False,
                ),
                pane.svg([pane.picture(filled)], f"{name} after", letters=False),
            ],
            "two",
        )
        text = f"{name}, {row['volume_ml']:.3g} ml"
        figures.append(f"<figure>{pair}<figcaption>{escape(text)}</figcaption></figure>")
    which = "The largest lesions" if len(rows) < len(result.tables["lesions"]) else "Each lesion"
    return (
        f'<h3>{which}, before and after</h3><div class="crops">{"".join(figures)}</div>'
        f'<p class="quiet">Axial, {_CLOSE_MM:g} mm wide. The mask is outlined, and in another colour all that was filled.</p>'
    )


def difference(view: View, at_mm: Point, image: Volume, filled: Volume, hole: Mask) -> str:
    """What the fill made darker and brighter, in three planes."""
    change = image.like(filled.data - image.data)
    inside = np.abs(change.data[hole.data])
    limit = float(np.percentile(inside, _FULL_PERCENT)) or 1.0

    def colours(pane: Pane) -> Any:  # noqa: ANN401 - an array of colours
        return signed(_flat(change, pane), limit)

    text = (
        "Filled image minus scan: blue where the fill is darker, orange where it is brighter. No voxel outside the grown "
        "mask was changed."
    )
    return _coloured(view, at_mm, colours, "difference", scale(limit, both=True, unit=""), text)


def uncertainty(view: View, at_mm: Point, sd: Volume, hole: Mask, samples: int) -> str:
    """The standard deviation of the samples, in three planes."""
    inside = sd.data[hole.data]
    limit = float(np.percentile(inside, _FULL_PERCENT)) or 1.0
    flags = Volume(hole.data.astype(np.float32), hole.grid)

    def colours(pane: Pane) -> Any:  # noqa: ANN401 - an array of colours
        return sequential(_flat(sd, pane), limit, _flat(flags, pane))

    text = (
        f"Standard deviation of {samples} samples, in units of the image; its median inside the fill is "
        f"{float(np.median(inside)):.3g}. Where it is large, the scan around says little about what was there."
    )
    return _coloured(view, at_mm, colours, "uncertainty", scale(limit, both=False, unit=""), text)


def _coloured(
    view: View,
    at_mm: Point,
    colours: Callable[[Pane], Any],
    name: str,
    bar: str,
    caption: str,
) -> str:
    drawn = [
        pane.svg([_scan(pane), pane.layer(colours(pane))], f"{pane.plane} plane, {name}")
        for pane in planes_at(view, at_mm)
    ]
    return f"<figure>{film(drawn)}{bar}<figcaption>{caption}</figcaption></figure>"


def _scan(pane: Pane) -> str:
    return f'<use href="#scan-{pane.plane}"/>'


def _flat(image: Volume, pane: Pane) -> Any:  # noqa: ANN401 - an array (rows, columns)
    return resample_to(image.data, image.grid, pane.pixels, order=1)[:, :, 0].T
