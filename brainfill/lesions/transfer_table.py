"""What became of lesions that were carried to another brain, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from brainfill.core.grid import BoolArray
from brainfill.lesions.anatomy import Anatomy
from brainfill.lesions.rules import Rules, judged
from brainfill.lesions.transfer import Moved


def rows(
    moved: Sequence[Moved], mask: BoolArray, brain: Anatomy, rules: Rules
) -> list[dict[str, Any]]:
    """A row for each lesion: what became of it, how it keeps the rules, and where it lies, now and in the patient.

    Args:
        moved: the lesions.
        mask: (X, Y, Z), all of them.
        brain: where they are now.
        rules: what they must obey.
    """
    return [_row(one, mask, brain, rules) for one in moved]


def _row(one: Moved, mask: BoolArray, brain: Anatomy, rules: Rules) -> dict[str, Any]:
    before = one.carried
    volume_ml = before.piece.mask.volume_ml()
    row: dict[str, Any] = {
        "component": before.piece.number,
        "voxels": 0,
        "volume_ml": 0.0,
        **dict.fromkeys(("x_mm", "y_mm", "z_mm")),
        "outcome": one.how,
        "reason": one.reason or None,
        "patient_ml": volume_ml,
        **dict.fromkeys(
            ("volume_ratio", "share_permitted", "share_grey", "voxels_in_ventricles", "pieces")
        ),
        **dict.fromkeys(("ventricle_mm", "grey_mm")),
        "patient_ventricle_mm": _finite(before.ventricle_mm),
        "patient_grey_mm": _finite(before.grey_mm),
        "juxtacortical": int(before.juxtacortical),
        "shift_mm": None,
        "strain": one.strain,
        "tries": one.tries,
        "log_jacobian": before.log_jacobian,
    }
    if one.placed is None:
        return row
    where, place = one.placed.where, one.placed.box.slices
    found = judged(one.placed, mask, volume_ml, brain, rules, juxtacortical=before.juxtacortical)
    middle = np.argwhere(where).mean(axis=0) + one.placed.box.start
    xyz = brain.grid.to_world(middle[None])[0]
    voxels = int(where.sum())
    return row | {
        "voxels": voxels,
        "volume_ml": voxels * brain.grid.voxel_ml(),
        **{f"{name}_mm": round(float(v), 2) for name, v in zip("xyz", xyz, strict=True)},
        "reason": found.reason or None,
        "volume_ratio": found.volume_ratio,
        "share_permitted": found.permitted,
        "share_grey": found.grey,
        "voxels_in_ventricles": found.in_ventricles,
        "pieces": found.pieces,
        "ventricle_mm": _finite(brain.ventricle_mm[place][where].min()),
        "grey_mm": _finite(brain.grey_mm[place][where].min()),
        "shift_mm": _finite(float(np.linalg.norm(xyz - before.wanted_mm))),
    }


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
