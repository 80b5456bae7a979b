"""How bright lesions are from their edge inwards: measured in one, painted into another.

Images are (N, *S) in N contrasts and in units of the tissue level; a contrast that is 0 everywhere is one that
the scan does not have, and stays so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from brainfill.core.grid import BoolArray, FloatArray

LAYERS = 6
_GRAIN_VOX = 0.7


@dataclass(frozen=True, eq=False)
class Profile:
    """Brightness of a lesion.

    Args:
        layers: (N, LAYERS), median of the voxels 1, 2, ... voxels below the surface.
        grain: (N,), standard deviation of the voxels from their layer's median.
    """

    layers: FloatArray
    grain: FloatArray


def measured(image: FloatArray, lesion: BoolArray) -> Profile:
    """The profile of a lesion (*S) in an image; layers it is too thin for are like its deepest.

    >>> image = np.ones((1, 5, 5, 5)); image[0, 1:4, 1:4, 1:4] = 2; image[0, 2, 2, 2] = 3
    >>> measured(image, image[0] > 1).layers
    array([[2., 3., 3., 3., 3., 3.]])
    """
    values = image[:, lesion]
    layer = _layer(lesion)[lesion]
    deepest = int(layer.max())
    found = [np.median(values[:, layer == k], axis=1) for k in range(deepest + 1)]
    layers = np.stack([found[min(k, deepest)] for k in range(LAYERS)], axis=1)
    return Profile(layers, (values - layers[:, layer]).std(axis=1))


def painted(
    image: FloatArray, where: BoolArray, profile: Profile, rng: np.random.Generator
) -> FloatArray:
    """The image with a lesion in `where` (*S): the profile's layers, and grain of about a voxel's size."""
    out = np.array(image)
    layer = _layer(where)[where]
    for contrast, layers, grain in zip(out, profile.layers, profile.grain, strict=True):
        if not contrast.any():
            continue
        noise = ndimage.gaussian_filter(rng.standard_normal(where.shape), _GRAIN_VOX)[where]
        spread = float(noise.std()) or 1.0
        contrast[where] = np.maximum(layers[layer] + grain * noise / spread, 0)
    return out


def _layer(lesion: BoolArray) -> np.ndarray:
    """How many voxels each voxel lies below the surface, 0 at it, at most LAYERS - 1."""
    depth = ndimage.distance_transform_edt(np.pad(lesion, 1))[(slice(1, -1),) * lesion.ndim]
    return np.asarray(np.clip(np.ceil(depth).astype(int) - 1, 0, LAYERS - 1))
