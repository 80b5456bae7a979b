"""Cortical regions: the atlas in MNI space, carried to a scan, and figures of a thickness map by region."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from brainfill.core.context import Context
from brainfill.core.grid import BoolArray, FloatArray, Grid
from brainfill.core.volume import LabelMap
from brainfill.preprocess.registration import Registration
from brainfill.preprocess.transforms import carry
from brainfill.thickness._base import SIDES, RegionRow, Side

ATLAS = Path(__file__).parent / "atlas" / "cortex.nii.gz"
NAMES = ATLAS.with_name("cortex.tsv")
# What the atlas has beside cortical labels.
DEEP, HINDBRAIN, FIRST = 1, 2, 100


@dataclass(frozen=True)
class Name:
    """What a cortical label stands for."""

    hemisphere: Side
    region: str


@dataclass(frozen=True, eq=False)
class Atlas:
    """Cortical regions in MNI space.

    Args:
        labels: FIRST and more in cortex and near it, DEEP in structures that cortex lies around, HINDBRAIN in
            cerebellum and brain stem, 0 far from all of these; int32 (X, Y, Z).
        grid: of the labels.
        names: of the cortical labels.
    """

    labels: FloatArray
    grid: Grid
    names: dict[int, Name]


def load_atlas() -> Atlas:
    """The atlas that comes with the package, of manual Neuromorphometrics labels."""
    import nibabel as nib

    image = nib.load(ATLAS)
    grid = Grid(image.shape, image.affine)
    with NAMES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    names = {int(r["label"]): Name(_side(r["hemisphere"]), r["region"]) for r in rows}
    return Atlas(np.asarray(image.dataobj).astype(np.int32), grid, names)


def _side(word: str) -> Side:
    return "left" if word == "left" else "right"


def atlas_on(grid: Grid, atlas: Atlas, found: Registration, ctx: Context) -> FloatArray:
    """FloatArray of the atlas on the grid of a scan that was registered to MNI space: int32 (X, Y, Z)."""
    labels = atlas.labels.astype(np.float32)
    there = carry(labels, atlas.grid, grid, [found.backward], "nearest", ctx)
    return np.rint(there).astype(np.int32)


def nearest_labels(labels: FloatArray, where: BoolArray, reach_vox: float) -> FloatArray:
    """FloatArray of the voxels `where`; those without one get that of the nearest voxel with one.

    Args:
        labels: (X, Y, Z), 0 for none.
        where: voxels that want a label.
        reach_vox: distance beyond which none is taken.
    """
    if not labels.any():
        return np.zeros_like(labels)
    away, nearest = ndimage.distance_transform_edt(labels == 0, return_indices=True)
    near = where & (away <= reach_vox)
    return np.where(near, labels[tuple(nearest)], 0).astype(np.int32)


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
