"""Maps of the ICBM152 template that the synthetic people are built from (world = template mm)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from generator.fields import Array, Field, cubic

LOW = np.array([-115.0, -150.0, -120.0])  # corners of the box that holds every head [mm]
HIGH = np.array([115.0, 120.0, 130.0])
VENTRICLE_SEEDS = ((-9, 5, 18), (9, 5, 18))  # one point in each lateral ventricle [mm]
_WHITE = 110  # white-matter map, 0 to 255, at which its surface is drawn
_SURE_WHITE = 245
_HOLE = 300  # voxels
_HULL_STEP = 3  # the outline of the head is smooth: a coarse lattice is enough [mm]
_CLOSING = 30.0  # radius that bridges the gaps between the lobes and under the brain [mm]


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Template maps.

    Args:
        t1: template intensity, 0 to 255, brain only, slightly sharpened.
        brain: 1 in the brain, 0 outside.
        depth: signed distance to the white matter's surface, negative inside [mm].
        ridge: largest depth within 4 mm: the middle of a sulcus has its depth [mm].
        hull: signed distance to a smooth hull of the brain, negative inside [mm].
        gap: distance from the brain, 0 in it [mm].
        to_ventricle: distance from the lateral ventricles [mm].
        white: positions (N, 3) of sure white matter of the cerebrum [mm].
    """

    t1: Field
    brain: Field
    depth: Field
    ridge: Field
    hull: Field
    gap: Field
    to_ventricle: Field
    white: Array


@cache
def anatomy() -> Anatomy:
    """Load the template that nilearn carries (no download) and derive the maps."""
    from nilearn.datasets import (
        load_mni152_gm_template,
        load_mni152_template,
        load_mni152_wm_template,
    )

    loaders = (load_mni152_template, load_mni152_gm_template, load_mni152_wm_template)
    images = [load(resolution=1) for load in loaders]
    t1, gm, wm = (np.rint(image.get_fdata() * 255).astype(np.float32) for image in images)
    origin = images[0].affine[:3, 3]
    brain = t1 > 0
    box = ndimage.find_objects(brain.astype(np.uint8))[0]
    solid = _without_holes(wm >= _WHITE)
    to_white, into_white = np.zeros_like(t1), np.zeros_like(t1)
    to_white[box] = ndimage.distance_transform_edt(~solid[box])
    into_white[box] = ndimage.distance_transform_edt(solid[box])
    to_ventricle = np.zeros_like(t1)
    to_ventricle[box] = ndimage.distance_transform_edt(~_ventricles(t1, gm + wm, origin)[box])
    hull, gap = _outline(brain, origin)
    depth = ndimage.gaussian_filter(to_white - into_white, 0.6)
    sharp = t1 + 0.7 * (t1 - ndimage.gaussian_filter(t1, 1.2))
    return Anatomy(
        t1=cubic(np.where(brain, sharp, t1), origin, 1.0),
        brain=Field(ndimage.gaussian_filter(brain.astype(np.float32), 0.8), origin, 1.0),
        depth=Field(depth, origin, 1.0),
        ridge=Field(
            ndimage.gaussian_filter(ndimage.maximum_filter(depth * brain, 9), 1.5), origin, 1.0
        ),
        hull=hull,
        gap=gap,
        to_ventricle=Field(to_ventricle, origin, 1.0),
        white=np.argwhere((wm > _SURE_WHITE) & (into_white > 1)) + origin,
    )


def _without_holes(where: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill the small enclosed gaps, which are blur of the average and would look like lesions."""
    parts, _ = ndimage.label(~where)
    return where | (np.bincount(parts.ravel())[parts] < _HOLE)


def _ventricles(t1: Array, tissue: Array, origin: Array) -> NDArray[np.bool_]:
    """The lateral ventricles: dark voxels joined to a seed in each."""
    dark = (t1 > 0) & (t1 < 135) & (tissue < 130)
    parts, _ = ndimage.label(dark)
    seeds = [tuple(int(v) for v in seed - origin) for seed in VENTRICLE_SEEDS]
    return np.isin(parts, [parts[seed] for seed in seeds])


def _outline(brain: NDArray[np.bool_], origin: Array) -> tuple[Field, Field]:
    """Signed distance to the closed brain, and distance from the brain, on a coarse lattice."""
    corner = np.floor((LOW - origin) / _HULL_STEP).astype(int)
    shape = tuple(np.ceil((HIGH - LOW) / _HULL_STEP).astype(int) + 1)
    coarse = np.zeros(shape, dtype=bool)
    small = brain[::_HULL_STEP, ::_HULL_STEP, ::_HULL_STEP]
    where = tuple(slice(-c, -c + n) for c, n in zip(corner, small.shape, strict=True))
    coarse[where] = small
    gap = _HULL_STEP * ndimage.distance_transform_edt(~coarse)
    closed = _HULL_STEP * ndimage.distance_transform_edt(gap <= _CLOSING) > _CLOSING
    out = ndimage.distance_transform_edt(~closed) - ndimage.distance_transform_edt(closed)
    hull = ndimage.gaussian_filter(_HULL_STEP * out, 3.0).astype(np.float32)
    low = origin + corner * _HULL_STEP
    return Field(hull, low, _HULL_STEP), Field(gap.astype(np.float32), low, _HULL_STEP)
