"""A measure of many people as a line of dots, drawn as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_WIDTH, _HEIGHT, _SIDE = 320, 70, 12
_BASE = 44


def strip(values: Sequence[tuple[str, float, bool]], label: str) -> str:
    """Dots on an axis, the median as a line; those that stand out are drawn as larger diamonds with their names.

    Args:
        values: name, value and whether it stands out; at least one.
        label: what is shown; plain text.
    """
    known = sorted(v for _, v, _ in values)
    low, high = known[0], known[-1]
    middle = (known[(len(known) - 1) // 2] + known[len(known) // 2]) / 2

    def at(value: float) -> float:
        share = 0.5 if high == low else (value - low) / (high - low)
        return _SIDE + share * (_WIDTH - 2 * _SIDE)

    dots = "".join(
        _dot(at(value), n, name, f"{value:.3g}", odd)
        for n, (name, value, odd) in enumerate(sorted(values, key=lambda v: v[1]))
    )
    ends = {low: "start", high: "end"}
    texts = "".join(
        f'<text x="{at(v):.1f}" y="{_HEIGHT - 4}" text-anchor="{anchor}">{v:.3g}</text>'
        for v, anchor in ends.items()
    )
    said = escape(f"{label}: {low:.3g} to {high:.3g}, median {middle:.3g}", quote=True)
    return (
        f'<svg class="strip" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{said}">'
        f'<path class="axis" d="M{_SIDE} {_BASE}H{_WIDTH - _SIDE}"/>'
        f'<path class="middle" d="M{at(middle):.1f} {_BASE - 26}V{_BASE + 5}"/>{dots}{texts}</svg>'
    )


def _dot(x: float, n: int, name: str, value: str, odd: bool) -> str:
    # Aside in turn, not at random, so that the picture is the same every time.
    y = _BASE - 6 - 6 * (n % 3)
    said = f"<title>{escape(name)}: {value}</title>"
    if odd:
        return f'<path class="out" d="M{x:.1f} {y - 6}l6 6l-6 6l-6 -6z">{said}</path>'
    return f'<circle class="dot" cx="{x:.1f}" cy="{y}" r="3.2">{said}</circle>'
