"""Other contrasts that were filled along with a T1, before and after."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

from brainfill.core.volume import Mask, Volume
from brainfill.pictures import grey_range
from brainfill.preprocess.foreground import foreground
from brainfill.report.film import SIDES, Point, film, view_of
from brainfill.report.parts import Section

if TYPE_CHECKING:
    from brainfill.tasks._base import Result


def contrasts(also: Mapping[str, tuple[Volume, Result]], at_mm: Point) -> Section:
    """Each contrast before and after, in the axial plane through a point.

    Args:
        also: by name the image, and "filled" and "hole".
        at_mm: of the T1, registered or on its grid, so that contrasts of one visit lie near it.
    """
    figures = [
        pair(image, result.volumes["filled"], result.volumes["hole"], at_mm, name)
        for name, (image, result) in also.items()
    ]
    return Section("contrasts", "Other contrasts", "".join(figures))


def pair(image: Volume, filled: Volume, hole: Mask, at_mm: Point, name: str) -> str:
    """An image with its hole outlined beside its fill, in the axial plane through a point.

    Args:
        image: as it was.
        filled: on the same grid.
        hole: what was filled of it.
        at_mm: world position.
        name: plain text for the caption.
    """
    head = foreground(image, hole.data) | hole.data
    pane = view_of(image, head, grey_range(image, hole)).coarse().pane("axial", at_mm)
    drawn = film(
        [
            pane.svg([pane.picture(image), pane.rim(hole)], f"{name} before"),
            pane.svg([pane.picture(filled)], f"{name} after", letters=False),
        ],
        "two",
    )
    text = f"{name}, before with what was filled outlined, and after. {SIDES}"
    return f"<figure>{drawn}<figcaption>{escape(text)}</figcaption></figure>"
