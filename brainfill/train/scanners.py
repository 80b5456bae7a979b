"""What scanners, patients and preparation do to images: contrast, lesions, cuts, resolution, noise.

Every function takes an image (1, D, H, W) with values near [0, 1] and the foreground, the share of
the voxels that belong to any class but the first, and gives the changed image of the same shape.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from brainfill.models._blur import blurred
from brainfill.train.warps import smooth_field

_KNOTS = 6
_LESION_KNOTS = 9
_SPOT_RADII, _SPOT_VOX = (1.5, 8.0), 14


def painted(regions: Tensor, rng: np.random.Generator) -> Tensor:
    """Random intensities for a map of regions; region 0 is dark in three of four images.

    Contrast-free training after Billot et al. 2023, https://doi.org/10.1016/j.media.2023.102789.
    """
    means = rng.random(256).astype(np.float32)
    if rng.random() < 0.75:
        means[0] = 0
    grains = rng.uniform(0, 0.12, 256).astype(np.float32) * (means > 0)
    index = regions.long()
    noise = torch.from_numpy(rng.standard_normal(tuple(regions.shape), np.float32))
    image = torch.from_numpy(means)[index] + torch.from_numpy(grains)[index] * noise
    return blurred(image.clamp(min=0)[None], float(rng.uniform(0.4, 0.9)))[0]


def recoloured(image: Tensor, foreground: Tensor, rng: np.random.Generator) -> Tensor:
    """Another contrast: an exponent, a random curve, or one curve inside and another outside."""
    kind = rng.random()
    if kind < 0.5:
        return image.clamp(min=0) ** float(np.exp(rng.normal(0, 0.35)))
    if kind < 0.75:
        return _curve(image, rng)
    inside, outside = _curve(image, rng), _curve(image, rng)
    return foreground * inside + (1 - foreground) * outside


def with_lesions(image: Tensor, foreground: Tensor, rng: np.random.Generator) -> Tensor:
    """Up to four lesions of a radius of up to 20 voxels anywhere in the foreground, as dark as air or as bright as fat."""
    for centre in _places(foreground, int(rng.integers(1, 5)), rng):
        share = _lesion(foreground, centre, rng.uniform(2, 20), rng)
        image = _mixed(image, share, rng.uniform(0, 1.1), rng)
    return image


def with_spots(image: Tensor, white: Tensor, rng: np.random.Generator) -> Tensor:
    """Up to 30 lesions of a radius of up to 8 voxels that begin in white matter, between fluid and white in brightness.

    So do those of multiple sclerosis look in T1w images. One in three may reach beyond the white matter.

    Args:
        image: (1, D, H, W).
        white: share of white matter (1, D, H, W).
        rng: of the example.
    """
    image = image.clone()
    low, high = _SPOT_RADII
    for centre in _places(white, int(rng.integers(1, 31)), rng):
        around = _block_around(centre, white)
        within = white[around] if rng.random() < 2 / 3 else (image[around] > 0).float()
        middle = [c - s.start for c, s in zip(centre, around[1:], strict=True)]
        share = _lesion(within, middle, low * (high / low) ** rng.random(), rng)
        z, y, x = centre
        level = float(image[0, z, y, x]) * rng.uniform(0.25, 0.95)
        image[around] = _mixed(image[around], share, level, rng)
    return image


def _places(where: Tensor, count: int, rng: np.random.Generator) -> list[list[int]]:
    """Voxels of a share (1, D, H, W), drawn evenly among those it has most of."""
    voxels = torch.nonzero(where[0] > 0.5)
    if not len(voxels):
        return []
    return [voxels[int(rng.integers(len(voxels)))].tolist() for _ in range(count)]


def _block_around(centre: list[int], image: Tensor) -> tuple[slice, ...]:
    """Channels and voxels that a spot can reach: less than the whole image, since there are many spots."""
    sides = zip(centre, image.shape[1:], strict=True)
    return (slice(None), *(slice(max(0, c - _SPOT_VOX), min(n, c + _SPOT_VOX)) for c, n in sides))


def _lesion(where: Tensor, centre: list[int], radius: float, rng: np.random.Generator) -> Tensor:
    """Share of a ragged ellipsoid in every voxel of `where` (1, D, H, W)."""
    shape = where.shape[1:]
    radii = radius * rng.uniform(0.5, 1, 3)
    axes = [((torch.arange(n) - c) / r) ** 2 for n, c, r in zip(shape, centre, radii, strict=True)]
    reach = axes[0][:, None, None] + axes[1][:, None] + axes[2]
    ragged = reach + 0.4 * smooth_field(tuple(shape), _LESION_KNOTS, rng)[0]  # type: ignore[arg-type]
    share: Tensor = ((1 - ragged) * 4).clamp(0, 1) * where
    return share


def _mixed(image: Tensor, share: Tensor, level: float, rng: np.random.Generator) -> Tensor:
    """The image with a share of a grainy brightness."""
    grain = rng.uniform(0, 0.1)
    noise = torch.from_numpy(rng.standard_normal(tuple(image.shape), np.float32))
    return image * (1 - share) + (level + grain * noise) * share


def cut_beside(image: Tensor, foreground: Tensor, rng: np.random.Generator) -> Tensor:
    """The image without what lies beyond a plane close to the foreground: neck, face or any side."""
    normal = rng.normal(0, 0.35, 3)
    kind = rng.random()
    if kind < 0.4:
        normal[0] -= 1  # below
    elif kind < 0.8:
        normal += (-0.6, 0, 0.8)  # the face
    else:
        normal = rng.standard_normal(3)
    normal /= np.linalg.norm(normal)
    d, h, w = (torch.arange(n) * float(v) for n, v in zip(image.shape[1:], normal, strict=True))
    height = d[:, None, None] + h[:, None] + w
    inside = foreground[0] > 0.5
    if not inside.any():
        return image
    return image * (height < height[inside].max() + float(rng.uniform(0, 12)))


def stripped(image: Tensor, foreground: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """The image without what is around the foreground; at times that loses its rim or keeps some more.

    Returns:
        The image, and the foreground that is left (1, D, H, W).
    """
    inside = (foreground > 0.5).float()
    kind = rng.random()
    if kind < 0.3:
        wider = F.max_pool3d(inside[None], 3, 1, 1)[0]
        return image * wider, foreground
    if kind < 0.6:
        inside = 1 - F.max_pool3d(1 - inside[None], 3, 1, 1)[0]
    return image * inside, torch.minimum(foreground, inside)


def biased(image: Tensor, rng: np.random.Generator) -> Tensor:
    """The image times a smooth field, as near a receive coil."""
    depth = rng.uniform(0, 0.5)
    field = smooth_field(tuple(image.shape[1:]), int(rng.integers(2, 5)), rng)  # type: ignore[arg-type]
    return image * torch.exp(depth * field)


def coarser(image: Tensor, rng: np.random.Generator) -> Tensor:
    """The image blurred, or as if scanned in slices of 2 to 4 voxels and interpolated."""
    if rng.random() < 0.4:
        return blurred(image[None], float(rng.uniform(0.4, 1.2)))[0]
    size = list(image.shape[1:])
    axis = int(rng.integers(3))
    size[axis] = max(2, round(size[axis] / rng.uniform(1.5, 4)))
    thick = F.interpolate(image[None], size=size, mode="area")
    return F.interpolate(thick, size=image.shape[1:], mode="trilinear")[0]


def without_slices(image: Tensor, rng: np.random.Generator) -> Tensor:
    """One to three groups of up to three slices lost."""
    image = image.clone()
    axis = int(rng.integers(1, 4))
    for _ in range(int(rng.integers(1, 4))):
        first, count = int(rng.integers(image.shape[axis] - 3)), int(rng.integers(1, 4))
        image.narrow(axis, first, count).zero_()
    return image


def noisy(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Rician noise of up to a tenth of the range, mostly less."""
    sd = 0.1 * float(rng.random()) ** 2
    real, imaginary = (
        sd * torch.from_numpy(rng.standard_normal(tuple(image.shape), np.float32)) for _ in range(2)
    )
    return torch.hypot(image + real, imaginary)


def no_head(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Something that is no head: noise, clouds, a ball or a box."""
    shape = tuple(image.shape[1:])
    kind = rng.random()
    if kind < 0.25:
        return torch.from_numpy(rng.random((1, *shape), np.float32))
    if kind < 0.5:
        knots = int(rng.integers(3, 24))
        return smooth_field(shape, knots, rng).clamp(min=0)  # type: ignore[arg-type]
    power = float(rng.choice([2.0, 16.0]))
    axes = [
        ((torch.arange(n) - n * rng.uniform(0.4, 0.6)).abs() / (n * rng.uniform(0.1, 0.45)))
        ** power
        for n in shape
    ]
    reach = axes[0][:, None, None] + axes[1][:, None] + axes[2]
    ball = (reach < 1).float()[None]
    shells = torch.where(reach[None] < rng.uniform(0, 1), float(rng.random()), ball)
    return shells if rng.random() < 0.5 else ball


def _curve(image: Tensor, rng: np.random.Generator) -> Tensor:
    """The image through a random curve; what is dark stays dark in seven of eight images."""
    values = rng.random(_KNOTS).astype(np.float32)
    if rng.random() < 7 / 8:
        values[0] = 0
    place = image.clamp(0, 1) * (_KNOTS - 1)
    below = place.long().clamp(max=_KNOTS - 2)
    table = torch.from_numpy(values)
    return torch.lerp(table[below], table[below + 1], place - below)
