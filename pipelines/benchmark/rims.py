"""Lesions as scanners see them: a rim of shared voxels, brightness of real lesions, masks as raters draw them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import nibabel as nib
import numpy as np
from holes import Bools, make_hole
from numpy.typing import NDArray
from scipy import ndimage

# The point spread of the scanner [voxels of 1 mm], and what the rater did to the mask at half height.
SOFTNESS = {"45": 0.45, "70": 0.7}
RATERS = {"": 0, "-eroded": -1, "-grown": 1}
RIM_KINDS = tuple(f"{k}-{s}{r}" for k in ("ms", "edge") for s in SOFTNESS for r in RATERS)
_SMALLEST_CORE_VOX = 4
_GRAIN = 0.03
_AROUND_VOX = (3, 5)

Floats = NDArray[np.float64]


class Look(NamedTuple):
    """Brightness of a real lesion in units of the tissue around it: its rim and its core."""

    rim: float
    core: float


class Painted(NamedTuple):
    """A scan with lesions, how much of each voxel is theirs (0 to 1), and the mask a rater drew."""

    scan: NDArray[Any]
    share: Floats
    mask: Bools


def looks_of(patients: Path) -> list[Look]:
    """What the lesions of all patients of a folder look like; each has a T1w and a lesion mask on its grid."""
    looks = []
    for t1 in sorted(patients.glob("sub-*/anat/*_T1w.nii.gz")):
        mask = next(t1.parent.glob("*_label-lesion_mask.nii.gz"))
        looks += lesion_looks(
            np.asarray(nib.load(t1).dataobj), np.asarray(nib.load(mask).dataobj) > 0
        )
    return looks


def lesion_looks(t1: NDArray[Any], mask: Bools) -> list[Look]:
    """What the lesions of a patient look like in a T1w image; those with a core of some voxels."""
    around = ndimage.distance_transform_edt(~mask)
    healthy = (around >= _AROUND_VOX[0]) & (around <= _AROUND_VOX[1]) & (t1 > 0)
    labels, _ = ndimage.label(mask, np.ones((3, 3, 3)))
    looks = []
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        mine = labels[box] == label
        core = ndimage.binary_erosion(mine)
        if core.sum() < _SMALLEST_CORE_VOX:
            continue
        wide = tuple(slice(max(s.start - 5, 0), s.stop + 5) for s in box)
        level = float(np.percentile(t1[wide][healthy[wide]], 75))  # fluid and cortex are darker
        looks.append(
            Look(float(t1[box][mine & ~core].mean()) / level, float(t1[box][core].mean()) / level)
        )
    return looks


def paint(
    kind: str,
    truth: NDArray[Any],
    tissues: NDArray[Any],
    shapes: Sequence[Bools],
    looks: Sequence[Look],
    rng: np.random.Generator,
) -> Painted:
    """Lesions of a kind such as "edge-70-eroded" in a healthy scan of 1 mm.

    Each has the brightness of a real one, or that mirrored at its rim, so that some cores are dark and some bright.
    """
    place, softness, *rater = kind.split("-")
    solid = make_hole(place, tissues, shapes, rng)
    share = ndimage.gaussian_filter(solid.astype(np.float64), SOFTNESS[softness], mode="nearest")
    labels, count = ndimage.label(solid, np.ones((3, 3, 3)))
    white = float(np.median(truth[tissues == 3]))
    chosen = [looks[i] for i in rng.integers(len(looks), size=count)]
    turned = rng.random(count) < 0.3
    rim = np.array([0.0, *(look.rim for look in chosen)])
    core = np.array(
        [0.0, *(2 * c.rim - c.core if t else c.core for c, t in zip(chosen, turned, strict=True))]
    )
    depth = np.clip((ndimage.distance_transform_edt(solid) - 1) / 2, 0, 1)
    # Values are carried on beyond the border, since the rim is a mixture of both sides.
    nearest = ndimage.distance_transform_edt(~solid, return_distances=False, return_indices=True)
    owner = labels[tuple(nearest)]
    bright = white * (rim[owner] + (core - rim)[owner] * depth)
    bright = ndimage.gaussian_filter(bright, SOFTNESS[softness]) + rng.normal(
        0, _GRAIN * white, truth.shape
    )
    scan = truth + share * (bright - truth)
    drawn = _drawn_by(share > 0.5, RATERS["-" + rater[0] if rater else ""]) & (truth > 0)
    limits = np.iinfo(truth.dtype)
    return Painted(np.clip(np.rint(scan), limits.min, limits.max).astype(truth.dtype), share, drawn)


def _drawn_by(mask: Bools, voxels: int) -> Bools:
    """The mask grown or eroded by voxels; a lesion that would vanish stays as it is."""
    if voxels >= 0:
        return np.asarray(ndimage.binary_dilation(mask, iterations=voxels)) if voxels else mask
    eroded = ndimage.binary_erosion(mask, iterations=-voxels)
    labels, count = ndimage.label(mask, np.ones((3, 3, 3)))
    left = np.zeros(count + 1, bool)
    left[np.unique(labels[eroded])] = True
    return np.asarray(eroded | (mask & ~left[labels]))
