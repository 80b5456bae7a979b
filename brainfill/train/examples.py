"""Training examples: a crop around tissue, changed as scanners change it, and a random hole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from brainfill.core.config import check_ranges, option
from brainfill.core.grid import Box, FloatArray, Index3
from brainfill.lesions.shapes import HoleMix, draw_hole
from brainfill.models._brightness import normalised, tissue_level
from brainfill.models._config import FamilyConfig
from brainfill.models._first_fill import first_fill
from brainfill.train.pack import BRIGHT, Pack

# Known tissue beyond the crop, which the first fill and the tissue level may use as they do in use.
SURROUNDINGS_VOX = 12


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """How strongly crops are changed; 0 switches a change off."""

    gamma: float = option(0.25, "spread of the log of the contrast exponent", low=0.0, high=5)
    bias: float = option(0.15, "depth of a smooth intensity trend", low=0.0, high=0.9)
    noise: float = option(0.03, "largest added noise", unit="of white matter", low=0.0, high=10)
    noisy: float = option(0.25, "probability of added noise", low=0.0, high=1.0)
    blur: float = option(0.15, "probability of a blur or of thick slices", low=0.0, high=1.0)

    def __post_init__(self) -> None:
        check_ranges(self)


def draw_example(
    pack: Pack,
    model: FamilyConfig,
    mix: HoleMix,
    augment: AugmentConfig,
    rng: np.random.Generator,
) -> Tensor:
    """One normalised crop, its hole, its first fill and doubts: float32 (2 + C, D, H, W).

    Where the network is told the numbers of slices, these come last, each over its whole slice.
    """
    m, (d, h, w) = SURROUNDINGS_VOX, model.crop_vox
    wide, inner = (d + 2 * m, h + 2 * m, w + 2 * m), Box((m, m, m), (d + m, h + m, w + m))
    volume = pack.volumes[int(rng.integers(len(pack.volumes)))]
    centre = _tissue_voxel(volume, rng)
    crop = crop_at(volume, centre, wide) / 255
    tissue = crop > 0
    hole = np.zeros(wide, bool)
    hole[inner.slices] = draw_hole(tissue[inner.slices], mix, pack.shapes, rng)
    # Lesions lie in tissue; a network that may expect background there darkens the brain's rim.
    hole &= tissue
    if rng.random() < 0.5:  # left and right are alike
        crop, hole = crop[:, ::-1], hole[:, ::-1]
    changed = augmented(crop, augment, rng) * (crop > 0)
    image = normalised(changed, tissue_level(changed, hole))
    both = torch.from_numpy(np.stack([image, hole]).astype(np.float32))[:, None, None]
    first = first_fill(both[0], both[1], model)
    whole = torch.cat([both[:, 0, 0], first[0]])
    if model.unet.position:
        numbers = centre[0] - wide[0] // 2 + torch.arange(wide[0])
        whole = torch.cat([whole, numbers[None, :, None, None].expand(1, *wide)])
    return whole[:, m:-m, m:-m, m:-m].contiguous()


def _tissue_voxel(volume: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A voxel (3,) in tissue, two times out of three in bright tissue (white matter)."""
    darkest = BRIGHT if rng.random() < 2 / 3 else 1
    while True:
        centre = rng.integers(volume.shape)
        if volume[tuple(centre)] >= darkest:
            return centre


def crop_at(volume: np.ndarray, centre: np.ndarray, shape: Index3) -> FloatArray:
    """A block of the volume (D, H, W) around a voxel, 0 beyond the volume's ends."""
    start = centre - np.array(shape) // 2
    out = np.zeros(shape, np.float32)
    low, high = np.maximum(start, 0), np.minimum(start + shape, volume.shape)
    into = tuple(slice(a, b) for a, b in zip(low - start, high - start, strict=True))
    out[into] = volume[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    return out


def augmented(crop: FloatArray, config: AugmentConfig, rng: np.random.Generator) -> FloatArray:
    """The crop (D, H, W) in [0, 1] after changes of contrast, bias field, resolution and noise."""
    crop = crop ** np.exp(rng.normal(0, config.gamma)) if config.gamma else crop
    if config.bias:
        axes = [np.linspace(-1, 1, n) for n in crop.shape]
        d, h, w = np.meshgrid(*axes, indexing="ij", sparse=True)
        a = rng.uniform(-config.bias, config.bias, size=6) / 2
        crop = crop * np.exp(
            a[0] * d + a[1] * h + a[2] * w + a[3] * d * h + a[4] * h * w + a[5] * d * w
        )
    if rng.random() < config.blur:
        if rng.random() < 0.5:
            crop = ndimage.gaussian_filter(crop, rng.uniform(0.3, 0.9))
        else:
            crop = thick_slices(crop, int(rng.integers(3)), int(rng.integers(2, 5)))
    if config.noise and rng.random() < config.noisy:
        sd = rng.uniform(0, config.noise)
        real, imaginary = rng.normal(0, sd, size=(2, *crop.shape))
        crop = np.hypot(crop + real, imaginary)  # magnitude images have Rician noise
    return crop.astype(np.float32)


def thick_slices(crop: FloatArray, axis: int, thickness: int) -> FloatArray:
    """The crop as if scanned in slices of `thickness` voxels along `axis` and resampled back."""
    means = ndimage.uniform_filter1d(crop, thickness, axis=axis)
    kept = np.arange(0, crop.shape[axis], thickness)
    where = np.clip(np.arange(crop.shape[axis]) / thickness, 0, len(kept) - 1)
    below = np.floor(where).astype(int)
    above = np.minimum(below + 1, len(kept) - 1)
    share = (where - below).reshape([-1 if i == axis else 1 for i in range(3)])
    slices = np.take(means, kept, axis=axis)
    mixed = np.take(slices, below, axis) * (1 - share) + np.take(slices, above, axis) * share
    return np.asarray(mixed, np.float32)
