"""Lesions of a pool after they were placed: their rows of the table, and their record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from brainfill.tasks.masks._base import lesion_rows

if TYPE_CHECKING:
    from brainfill.core.volume import Mask, Scan
    from brainfill.lesions.scatter import Scattered


def placed_rows(
    mask: Mask, within: Mapping[str, Mask], placed: Sequence[Scattered]
) -> list[dict[str, Any]]:
    """The table, with the origin of each lesion and its volume as a share of what it was."""
    import numpy as np

    from brainfill.lesions.components import label_lesions

    labels, rows = label_lesions(mask).data, lesion_rows(mask, within)
    for one in placed:
        first = np.argwhere(one.placed.where)[0] + one.placed.box.start
        row = rows[labels[tuple(first)] - 1]
        row |= {"source": one.piece.source, "source_component": one.piece.number}
        row["volume_ratio"] = row["volume_ml"] / one.piece.mask.volume_ml()
    return rows


def placed_shapes(placed: Sequence[Scattered], scan: Scan) -> list[dict[str, Any]]:
    """What was placed, where and how it was turned."""
    return [_facts(one, scan) for one in placed]


def _facts(one: Scattered, scan: Scan) -> dict[str, Any]:
    import numpy as np

    centre = np.argwhere(one.placed.where).mean(axis=0) + one.placed.box.start
    return {
        "source": one.piece.source,
        "component": one.piece.number,
        "source_volume_ml": round(one.piece.mask.volume_ml(), 6),
        "centre_mm": np.round(scan.grid.to_world(centre[None])[0], 3).tolist(),
        "rotation": np.round(one.rotation, 5).tolist(),
    }
