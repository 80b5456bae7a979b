"""Two pictures of the same place under one slider."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from brainfill.report.film import Pane, film


def slider(
    name: str,
    panes: Sequence[tuple[Pane, str, str]],
    sides: tuple[str, str],
    what: str,
    caption: str,
) -> str:
    """Planes with a border in them: one image on its left, the other on its right; the slider moves it.

    Args:
        name: of the figure, once per page; letters, digits and hyphens.
        panes: each with the layers of both images, as SVG.
        sides: words for the left and the right image.
        what: is shown, as "the scan".
        caption: HTML.
    """
    left, right = (escape(side) for side in sides)
    drawn = []
    for pane, one, other in panes:
        width, height, _ = pane.pixels.shape
        half, key = width / 2, f"{name}-{pane.plane}"
        layers = [
            one,
            f'<clipPath id="{key}"><rect x="{half}" y="0" width="{half}" height="{height}"/></clipPath>',
            f'<g clip-path="url(#{key})">{other}</g>',
            f'<line class="cut" x1="{half}" x2="{half}" y1="0" y2="{height}"/>',
        ]
        label = (
            f"{pane.plane} plane of {what}: {sides[0]}, and {sides[1]} to the right of the border"
        )
        drawn.append(pane.svg(layers, label))
    return (
        f'<figure><div id="{name}">{film(drawn)}</div><div class="control"><span>{left}</span>'
        f'<input type="range" min="0" max="100" value="50" data-cuts="{name}" data-left="{left}" '
        f'aria-label="Border between {left} and {right}"><span>{right}</span></div>'
        f"<figcaption>{caption}</figcaption></figure>"
    )
