"""Lesions as connected components: numbering, dilation, and a table of volumes and means."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from brainfill.core.grid import BoolArray
from brainfill.core.volume import LabelMap, Mask, Volume

_TOUCHING = np.ones((3, 3, 3))  # voxels that share a face, an edge or a corner


def label_lesions(mask: Mask) -> LabelMap:
    """Number the lesions of a mask from 1, the largest first; any number of them.

    Lesions of one size are numbered by where they begin in the array.
    """
    labels, count = ndimage.label(mask.data, _TOUCHING, output=np.int32)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    rank = np.zeros(count + 1, np.int32)
    rank[1 + np.argsort(-sizes, kind="stable")] = np.arange(1, count + 1)
    return LabelMap(rank[labels], mask.grid)


def dilate(where: BoolArray, n: int, within: BoolArray) -> BoolArray:
    """Grow a mask by n voxels across faces; only voxels of `within` are added (METHODS 3.4).

    Args:
        where: (X, Y, Z), all of it stays.
        n: number of voxels, 0 for none.
        within: where growth is allowed, same shape.
    """
    if n == 0:
        return np.array(where)
    # The seeds may lie outside `within`; the growth may not.
    return np.asarray(ndimage.binary_dilation(where, iterations=n, mask=within | where))


def lesion_table(labels: LabelMap, before: Volume, after: Volume) -> list[dict[str, float | int]]:
    """One row per lesion: size, centre of mass in world millimetres, mean before and after.

    Args:
        labels: numbered lesions.
        before: the scan.
        after: the filled scan.
    """
    rows: list[dict[str, float | int]] = []
    for label, box in enumerate(ndimage.find_objects(labels.data), start=1):
        inside = labels.data[box] == label
        start = np.array([s.start for s in box])
        centre = labels.grid.to_world(np.argwhere(inside).mean(axis=0)[None] + start)[0]
        x, y, z = (round(float(v), 2) for v in centre)
        voxels = int(inside.sum())
        row = {"label": label, "voxels": voxels, "volume_ml": voxels * labels.grid.voxel_ml()}
        row |= {"x_mm": x, "y_mm": y, "z_mm": z}
        row["mean_before"] = float(before.data[box][inside].mean(dtype=np.float64))
        row["mean_after"] = float(after.data[box][inside].mean(dtype=np.float64))
        rows.append(row)
    return rows
