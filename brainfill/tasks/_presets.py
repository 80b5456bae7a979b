"""Chains of preprocessing steps with names: what the literature runs."""

from __future__ import annotations

from typing import Any, Literal

Preset = Literal["fill", "l2i", "uhr", "brats"]
Chain = tuple[tuple[str, dict[str, Any]], ...]

# Of the box around the template's brain, in whole voxels of it.
MNI_BRAIN_CENTRE_MM = (0.0, -17.0, 5.0)

PRESETS: dict[str, Chain] = {
    # What `fill --space mni` runs: the brain, evenly lit, in MNI space.
    "fill": (
        ("reorient", {"axcodes": "RAS"}),
        ("skullstrip", {}),
        ("n4", {}),
        ("register", {"kind": "affine"}),
    ),
    # Wolleb 2022, Learn to Ignore: in this order. Its own box, crop.size=[124,172,120], cuts some cortex.
    "l2i": (
        ("skullstrip", {}),
        ("n4", {}),
        ("resample", {"spacing_mm": 1.0, "order": 3}),
        ("clip", {"low": 2.0, "high": 98.0, "over": "brain", "scale": "01"}),
        ("register", {"kind": "affine", "interp": "linear"}),
        ("crop", {"size": (160, 192, 160), "centre_mm": MNI_BRAIN_CENTRE_MM}),
    ),
    # Uhr 2025, https://arxiv.org/abs/2503.20571: LIA, 1 mm, divided by the maximum; no N4, no percentiles.
    "uhr": (
        ("skullstrip", {}),
        ("reorient", {"axcodes": "LIA"}),
        ("resample", {"spacing_mm": 1.0, "order": 3}),
        ("crop", {"around": "brain", "margin_mm": 0.0}),
        ("clip", {"low": 0.0, "high": 100.0, "over": "image", "from_zero": True, "scale": "pm1"}),
    ),
    # Durrer 2024, https://arxiv.org/abs/2402.17307: of the whole volume, then a cube.
    "brats": (
        ("skullstrip", {}),
        ("clip", {"low": 0.1, "high": 99.9, "over": "image", "scale": "01"}),
        ("crop", {"around": "image", "size": (224, 224, 224)}),
    ),
}
