"""Holes with known truth: lesions drawn into healthy scans, their contents overwritten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Bools = NDArray[np.bool_]
CSF, GREY, WHITE = 1, 2, 3
LESIONS = 30
SMALLEST_VOX, LARGEST_VOX = 20, 1500
KINDS = ("ms", "edge", "tumour")


def lesion_shapes(masks: Sequence[Bools]) -> list[Bools]:
    """Connected lesions of 20 to 1500 voxels from real masks, each tightly cropped."""
    shapes = []
    for mask in masks:
        labels, _ = ndimage.label(mask, np.ones((3, 3, 3)))
        for label, box in enumerate(ndimage.find_objects(labels), start=1):
            shape = labels[box] == label
            if SMALLEST_VOX <= shape.sum() <= LARGEST_VOX:
                shapes.append(shape)
    return shapes


def make_hole(
    kind: str, tissues: NDArray[Any], shapes: Sequence[Bools], rng: np.random.Generator
) -> Bools:
    """A hole mask of one kind on a tissue map (1 CSF, 2 grey, 3 white matter; 1 mm).

    "ms": 30 lesions wholly inside white matter. "edge": 30 lesions, each 30 to 80 % in white
    matter and the rest in cortex or ventricle. "tumour": one bumpy blob of 20 to 60 ml.
    """
    if kind == "tumour":
        return blob(tissues > 0, rng.uniform(20, 60), rng)
    hole = np.zeros(tissues.shape, bool)
    centres = np.argwhere(tissues == WHITE)
    placed = 0
    while placed < LESIONS:
        shape = shapes[int(rng.integers(len(shapes)))]
        start = centres[rng.integers(len(centres))] - np.array(shape.shape) // 2
        stop = start + shape.shape
        if (start < 2).any() or (stop > np.array(tissues.shape) - 2).any():
            continue
        where = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
        around = tuple(slice(a - 2, b + 2) for a, b in zip(start, stop, strict=True))
        inside = tissues[where][shape]
        white = float((inside == WHITE).mean())
        fits = white == 1 if kind == "ms" else 0.3 <= white <= 0.8 and (inside > 0).all()
        if fits and not hole[around].any():
            hole[where] |= shape
            placed += 1
    return hole


def overwritten(
    kind: str, image: NDArray[Any], hole: Bools, tissues: NDArray[Any], rng: np.random.Generator
) -> NDArray[Any]:
    """The scan with values in the hole that tell nothing of the truth.

    White-matter mean times 0.6 plus noise for lesions, 0 for a tumour.
    """
    damaged = image.copy()
    if kind == "tumour":
        damaged[hole] = 0
        return damaged
    white = image[tissues == WHITE]
    noise = rng.normal(0, 0.05 * white.mean(), int(hole.sum()))
    damaged[hole] = (0.6 * white.mean() + noise).astype(image.dtype)
    return damaged


def blob(brain: Bools, volume_ml: float, rng: np.random.Generator) -> Bools:
    """One bumpy hole of a volume, inside the brain (1 mm)."""
    radius = (volume_ml * 1000 * 3 / (4 * np.pi)) ** (1 / 3)
    inner = np.argwhere(ndimage.binary_erosion(ndimage.binary_fill_holes(brain), iterations=8))
    centre = inner[rng.integers(len(inner))]
    distance = np.sqrt(
        sum((axis - c) ** 2 for axis, c in zip(np.indices(brain.shape), centre, strict=True))
    )
    bumps = ndimage.gaussian_filter(rng.standard_normal(brain.shape), 6)
    rank = distance / radius - 0.15 * bumps / bumps.std()
    # The cut that leaves exactly the wanted volume inside the brain.
    cut = np.partition(rank[brain], int(volume_ml * 1000))[int(volume_ml * 1000)]
    return brain & (rank < cut)
