"""Cortical regions: their names and numbers, and figures of a thickness map by region."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from brainfill.core.grid import FloatArray
from brainfill.core.volume import LabelMap
from brainfill.thickness._base import SIDES, RegionRow, Side

NAMES = Path(__file__).with_name("cortex.tsv")
# Classes of the network `regions`: outside the brain, then these, then the cortical regions from FIRST on.
DEEP, HINDBRAIN, FIRST = 1, 2, 3
CLASSES = ("background", "deep", "hindbrain")


@dataclass(frozen=True)
class Name:
    """What a cortical label stands for."""

    hemisphere: Side
    region: str


def load_names() -> dict[int, Name]:
    """What the cortical labels of Neuromorphometrics stand for, in the order of their numbers."""
    with NAMES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return {int(r["label"]): Name(_side(r["hemisphere"]), r["region"]) for r in rows}


def region_names() -> tuple[str, ...]:
    """Names of the cortical regions without their sides, in order."""
    return tuple(dict.fromkeys(name.region for name in load_names().values()))


def _side(word: str) -> Side:
    return "left" if word == "left" else "right"


def figures(
    thickness_mm: FloatArray, labels: LabelMap, names: dict[int, Name]
) -> tuple[list[RegionRow], dict[Side, float]]:
    """Thickness by region, and the mean of each side.

    Voxels of thickness 0 were not reached and do not count.

    Args:
        thickness_mm: (X, Y, Z), 0 where nothing was measured.
        labels: cortical regions on the same grid, 0 elsewhere.
        names: of the labels.

    Returns:
        A row for each name, in the order of their labels; mean over all measured voxels of each side that has any.
    """
    measured = (thickness_mm > 0) & (labels.data > 0)
    values, of = thickness_mm[measured].astype(np.float64), labels.data[measured]
    sizes = np.bincount(labels.data[labels.data > 0], minlength=max(names) + 1)
    volumes = sizes * labels.grid.voxel_ml()
    rows = [
        _row(label, name, values[of == label], float(volumes[label]))
        for label, name in sorted(names.items())
    ]
    sides: dict[Side, float] = {}
    for side in SIDES:
        mine = np.isin(of, [label for label, name in names.items() if name.hemisphere == side])
        if mine.any():
            sides[side] = float(values[mine].mean())
    return rows, sides


def _row(label: int, name: Name, values: FloatArray, volume_ml: float) -> RegionRow:
    mean, sd = (float(values.mean()), float(values.std())) if values.size else (None, None)
    return RegionRow(name.region, name.hemisphere, mean, sd, values.size, volume_ml, label)
