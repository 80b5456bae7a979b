"""Where lesions of multiple sclerosis are, and what they look like: 29 patients, shipped with the package.

`pipelines/models/lesion_atlas.py` makes both files; brainfill/lesions/ms/README.md says from what.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from brainfill.core.grid import FloatArray, Grid
from brainfill.core.volume import Mask
from brainfill.lesions.pool import Piece

CREDIT = (
    "Lesjak et al. 2018, Neuroinformatics, https://doi.org/10.1007/s12021-017-9348-7, CC BY 4.0"
)
_LEVELS = 127


def lesion_map() -> tuple[FloatArray, Grid]:
    """How likely a voxel of MNI space is in a lesion.

    Returns:
        float32 (X, Y, Z) between 0 and 1, the same on both sides, and where it is.
    """
    stored = _stored("map.npz")
    right = stored["right"].astype(np.float32) * float(stored["most"]) / _LEVELS
    both = np.concatenate([right[::-1], right])
    affine = np.diag([*stored["spacing_mm"], 1.0])
    affine[:3, 3] = stored["start_mm"]  # of the voxel next to the midline
    affine[0, 3] -= right.shape[0] * affine[0, 0]
    return both, Grid(both.shape, affine)


def lesion_shapes() -> list[Piece]:
    """Lesions of 0.008 to 1 ml in voxels of 1 mm, each around the origin, RAS."""
    stored = _stored("shapes.npz")
    sizes = stored["sizes"].astype(int)
    bits = np.unpackbits(stored["bits"].astype(np.uint8), count=int(sizes.prod(axis=1).sum())) > 0
    ends = np.cumsum(sizes.prod(axis=1))
    parts = np.split(bits, ends[:-1])
    return [
        Piece("ms", number, _around_origin(part.reshape(size)))
        for number, (part, size) in enumerate(zip(parts, sizes, strict=True), start=1)
    ]


def packed_map(probability: FloatArray, grid: Grid) -> Mapping[str, NDArray[np.generic]]:
    """What `lesion_map` reads: the right half of a map, left and right averaged.

    Args:
        probability: (X, Y, Z), X even, the midline between its middle voxels.
        grid: axes along RAS.
    """
    half = probability.shape[0] // 2
    right = (probability[half:] + probability[:half][::-1]) / 2
    most = float(right.max())
    start = grid.to_world(np.array([[half, 0, 0]]))[0]
    levels = np.rint(right / most * _LEVELS).astype(np.uint8)
    return {
        "right": levels,
        "most": np.array(most, np.float32),
        "spacing_mm": np.array(grid.spacing(), np.float32),
        "start_mm": start.astype(np.float32),
    }


def packed_shapes(lesions: list[Mask]) -> Mapping[str, NDArray[np.generic]]:
    """What `lesion_shapes` reads."""
    bits = np.concatenate([lesion.data.ravel() for lesion in lesions])
    sizes = np.array([lesion.data.shape for lesion in lesions], np.uint8)
    return {"bits": np.packbits(bits), "sizes": sizes}


def _stored(name: str) -> Mapping[str, NDArray[np.generic]]:
    path = resources.files("brainfill.lesions").joinpath(f"ms/{name}")
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        return {key: stored[key] for key in stored.files}


def _around_origin(flags: NDArray[np.bool_]) -> Mask:
    affine = np.eye(4)
    affine[:3, 3] = -(np.array(flags.shape) - 1) / 2
    x, y, z = flags.shape
    return Mask(flags, Grid((x, y, z), affine))
