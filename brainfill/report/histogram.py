"""Distributions of intensities as lines in one plot, drawn as SVG."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from brainfill.report.markup import table

_WIDTH, _HEIGHT, _BOTTOM, _SIDE = 720, 240, 26, 6
_BINS = 96
_SMOOTH_BINS = 1.2
_RANGE_PERCENT = (0.5, 99.5)
_HEADS = {"name": "", "voxels": "Voxels", "q1": "25 %", "median": "Median", "q3": "75 %"}


@dataclass(frozen=True, eq=False)
class Sample:
    """Intensities to be drawn as one line.

    Args:
        name: what they are; plain text.
        kind: class of the line in the style sheet: fill, ring, white or lesion.
        values: (N,), at least one.
    """

    name: str
    kind: str
    values: NDArray[np.floating[Any]]


def histogram(samples: list[Sample]) -> str:
    """The lines with a legend, and a table of quartiles below."""
    ends = [np.percentile(s.values, _RANGE_PERCENT) for s in samples]
    low, high = min(a for a, _ in ends), max(b for _, b in ends)
    low, high = (low, high) if high > low else (low - 0.5, low + 0.5)
    edges = _edges(samples, low, high)
    lines = [_density(s.values, edges) for s in samples]
    top = max(float(line.max()) for line in lines) or 1.0
    drawn = "".join(_line(s.kind, line / top) for s, line in zip(samples, lines, strict=True))
    legend = "".join(f"<li>{_key(s.kind)}{escape(s.name)}</li>" for s in samples)
    said = escape("Histograms of " + ", ".join(s.name for s in samples), quote=True)
    return (
        f'<ul class="legend">{legend}</ul>'
        f'<svg class="plot" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{said}">{drawn}'
        f"{_axis(float(edges[0]), float(edges[-1]))}</svg>"
        + table([_quartiles(s) for s in samples], _HEADS, "Quartiles of intensity")
    )


def _edges(samples: list[Sample], low: float, high: float) -> NDArray[np.floating[Any]]:
    """Ends of the bins; where some hold whole numbers only, as many in each bin, or their lines would show teeth."""
    if any((s.values == np.rint(s.values)).all() for s in samples):
        step = max(1, int(np.ceil((high - low) / _BINS)))
        return np.arange(np.floor(low), np.ceil(high) + step + 1, step) - 0.5
    return np.linspace(low, high, _BINS + 1)


def _density(
    values: NDArray[np.floating[Any]], edges: NDArray[np.floating[Any]]
) -> NDArray[np.floating[Any]]:
    counts, _ = np.histogram(values, edges)
    smooth = ndimage.gaussian_filter1d(counts.astype(float), _SMOOTH_BINS, mode="nearest")
    return np.asarray(smooth / max(values.size, 1))


def _line(kind: str, shares: NDArray[np.floating[Any]]) -> str:
    n = len(shares)
    x = _SIDE + (np.arange(n) + 0.5) / n * (_WIDTH - 2 * _SIDE)
    base = _HEIGHT - _BOTTOM
    y = base - shares * (base - 8)
    path = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))
    area = f'<path class="area" d="M{x[0]:.1f} {base}L{path}L{x[-1]:.1f} {base}z"/>'
    return (area if kind == "white" else "") + f'<path class="line {kind}" d="M{path}"/>'


def _axis(low: float, high: float) -> str:
    base = _HEIGHT - _BOTTOM
    marks = "".join(
        f'<text x="{_SIDE + share * (_WIDTH - 2 * _SIDE):.0f}" y="{_HEIGHT - 7}" text-anchor="{anchor}">'
        f"{low + share * (high - low):.4g}</text>"
        for share, anchor in ((0.0, "start"), (0.25, "middle"), (0.5, "middle"), (0.75, "middle"))
    )
    end = f'<text x="{_WIDTH - _SIDE}" y="{_HEIGHT - 7}" text-anchor="end">{high:.4g}</text>'
    return f'<path class="axis" d="M{_SIDE} {base}H{_WIDTH - _SIDE}"/>{marks}{end}'


def _key(kind: str) -> str:
    area = '<path class="area" d="M0 0H32V12H0z"/>' if kind == "white" else ""
    return (
        f'<svg class="plot" viewBox="0 0 32 12" aria-hidden="true">{area}'
        f'<path class="line {kind}" d="M0 6H32"/></svg>'
    )


def _quartiles(sample: Sample) -> Mapping[str, Any]:
    q1, median, q3 = (float(v) for v in np.percentile(sample.values, [25, 50, 75]))
    return {
        "name": sample.name,
        "voxels": sample.values.size,
        "q1": q1,
        "median": median,
        "q3": q3,
    }
