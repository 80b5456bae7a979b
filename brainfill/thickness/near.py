"""How far regions lie from the nearest lesion."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from brainfill.core.errors import DataError
from brainfill.core.grid import Box
from brainfill.core.volume import LabelMap, Mask
from brainfill.thickness.tables import Region


def lesion_distances(
    labels: LabelMap, numbers: Mapping[Region, int], lesion: Mask
) -> dict[Region, float]:
    """Distance [mm] from the nearest voxel of each region to the nearest voxel of a lesion, between their centres.

    Args:
        labels: the regions.
        numbers: their numbers in the map.
        lesion: on the grid of `labels`.

    Returns:
        0 for a region that a lesion touches from inside; NaN for one that is not in the map.

    Raises:
        DataError: the mask is empty, or none of the regions is in the map.
    """
    if not lesion.data.any():
        msg = "the lesion mask is empty: no region is near or far from it"
        raise DataError(msg, "check that it is the right file, or leave it out")
    cortex = np.isin(labels.data, list(numbers.values()))
    if not cortex.any():
        msg = f"none of the {len(numbers)} regions is in the label map"
        raise DataError(msg, "check that the label map belongs to these thickness results")
    box = Box.around(cortex | lesion.data).slices
    away_mm = ndimage.distance_transform_edt(~lesion.data[box], sampling=labels.grid.spacing())
    nearest = np.full(max(int(labels.data.max()), *numbers.values()) + 1, np.inf)
    here = labels.data[box][cortex[box]].astype(np.intp)
    np.minimum.at(nearest, here, away_mm[cortex[box]])
    return {
        region: float(nearest[number]) if np.isfinite(nearest[number]) else math.nan
        for region, number in numbers.items()
    }
