"""Values as colours that are told apart with any colour vision, and the scales that explain them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brainfill.core.grid import FloatArray

# Darker and brighter: blue and orange of Okabe & Ito 2008, lightened to be seen on black.
_DARKER, _BRIGHTER = (70, 165, 240), (255, 170, 40)
_SEQUENCE = "viridis"
_FAINT = 0.03


def signed(values: FloatArray, limit: float) -> NDArray[np.uint8]:
    """Blue below 0, orange above, the stronger the farther from it; clear near 0.

    Args:
        values: (rows, columns).
        limit: the size at which colours are full.

    Returns:
        uint8 (rows, columns, 4), red, green, blue and opacity.
    """
    share = np.clip(np.abs(values) / limit, 0, 1)
    colours = np.where((values < 0)[..., None], np.array(_DARKER), np.array(_BRIGHTER))
    opacity = np.where(share < _FAINT, 0, 255 * np.sqrt(share))
    return np.dstack([colours, opacity]).astype(np.uint8)


def sequential(values: FloatArray, limit: float, where: FloatArray) -> NDArray[np.uint8]:
    """From dark violet at 0 to yellow at the limit.

    Args:
        values: (rows, columns), 0 or more.
        limit: the value of the last colour.
        where: the same shape, above 0.5 where colours are shown.

    Returns:
        As `signed`.
    """
    from matplotlib import colormaps

    colours = colormaps[_SEQUENCE](np.clip(values / limit, 0, 1), bytes=True)
    colours[..., 3] = np.where(where > 0.5, 235, 0)
    return np.asarray(colours, np.uint8)


def scale(limit: float, *, both: bool, unit: str) -> str:
    """The colours of `signed`, or of `sequential`, as a bar with numbers at its ends."""
    if both:
        blue, orange = (f"rgb{colour}" for colour in (_DARKER, _BRIGHTER))
        stops, low = f"{blue}, #222 50%, {orange}", f"\N{MINUS SIGN}{limit:.3g}"
    else:
        from matplotlib import colormaps
        from matplotlib.colors import to_hex

        stops = ", ".join(to_hex(c) for c in colormaps[_SEQUENCE](np.linspace(0, 1, 7)))
        low = "0"
    high = f"+{limit:.3g}" if both else f"{limit:.3g}"
    return (
        f'<p class="scale"><span>{low}</span><i style="background:linear-gradient(90deg, {stops})"></i>'
        f"<span>{high} {unit}</span></p>"
    )
