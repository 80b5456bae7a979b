"""Random positions, shapes and smooth fields for training crops, in torch because it is fast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from brainfill.core.config import check_ranges, option
from brainfill.core.grid import FloatArray, Index3


@dataclass(frozen=True, kw_only=True)
class WarpConfig:
    """How far crops move, turn, stretch and bend."""

    shift_vox: tuple[float, float, float] = option(
        (16.0, 8.0, 12.0),
        "largest distance of the centre from that of the crop",
        unit="voxels",
        low=0,
        high=1024,
    )
    turn_deg: float = option(
        12.0, "standard deviation of the turn about each axis", unit="degrees", low=0.0, high=180
    )
    zoom: float = option(0.1, "standard deviation of the log of the size", low=0.0, high=2)
    stretch: float = option(0.05, "the same along each axis on its own", low=0.0, high=2)
    still: float = option(
        0.0, "probability of a move by whole voxels alone, which blurs nothing", low=0.0, high=1.0
    )
    bend_vox: float = option(2.0, "size of a smooth displacement", unit="voxels", low=0.0, high=100)

    def __post_init__(self) -> None:
        check_ranges(self)


def draw_warp(
    source: Index3, centre: FloatArray, crop: Index3, config: WarpConfig, rng: np.random.Generator
) -> Tensor:
    """Where in the source the voxels of a crop lie; half of the crops are mirrored left to right.

    Args:
        source: shape (D, H, W) of what will be sampled.
        centre: (3,) position in the source near which the crop is centred [voxels].
        crop: shape (d, h, w).
        config: how far.
        rng: of the example.

    Returns:
        (1, d, h, w, 3) as `grid_sample` takes it, corners aligned.
    """
    shift = rng.uniform(-1, 1, 3) * config.shift_vox
    if config.still and rng.random() < config.still:
        return _moved(source, centre + shift, crop, mirrored=rng.random() < 0.5)
    sizes = np.exp(config.zoom * rng.standard_normal() + config.stretch * rng.standard_normal(3))
    turn = _turn(np.deg2rad(config.turn_deg) * rng.standard_normal(3)) * sizes
    if rng.random() < 0.5:
        turn[:, 1] *= -1
    half = (np.array(source) - 1) / 2
    grid = torch.empty((1, *crop, 3))
    steps = [torch.arange(n) - (n - 1) / 2 for n in crop]
    for axis in range(3):
        d, h, w = (v * k for v, k in zip(turn[axis].tolist(), steps, strict=True))
        place = (d[:, None, None] + h[:, None] + w + (turn[axis] @ shift + centre[axis])) / half[
            axis
        ]
        grid[0, ..., 2 - axis] = place - 1  # torch counts axes from the last one
    if config.bend_vox and rng.random() < 0.5:
        bend = torch.cat([smooth_field(crop, 5, rng) for _ in range(3)])
        scale = torch.tensor(config.bend_vox / half[::-1].copy()).float()
        grid = grid + bend.permute(1, 2, 3, 0)[None] * scale
    return grid


def _moved(source: Index3, centre: FloatArray, crop: Index3, *, mirrored: bool) -> Tensor:
    """As `draw_warp`, whole voxels of the source nearest to a centre."""
    grid = torch.empty((1, *crop, 3))
    for axis, (n, m) in enumerate(zip(crop, source, strict=True)):
        places = torch.arange(n) + round(float(centre[axis]) - (n - 1) / 2)
        if mirrored and axis == 1:
            places = places.flip(0)
        shape = [-1 if a == axis else 1 for a in range(3)]
        grid[0, ..., 2 - axis] = (places * 2 / (m - 1) - 1).reshape(shape)
    return grid


def smooth_field(shape: Index3, knots: int, rng: np.random.Generator) -> Tensor:
    """Normal random numbers at `knots` positions per axis, linear between them: (1, *shape)."""
    coarse = torch.from_numpy(rng.standard_normal((1, 1, knots, knots, knots), np.float32))
    return F.interpolate(coarse, size=shape, mode="trilinear", align_corners=True)[0]


def sampled(volume: Tensor, grid: Tensor, mode: str = "bilinear") -> Tensor:
    """Channels (C, D, H, W) at the positions of a grid (1, d, h, w, 3); 0 outside: (C, d, h, w)."""
    return F.grid_sample(volume[None], grid, mode=mode, align_corners=True)[0]


def _turn(angles: FloatArray) -> FloatArray:
    """The rotation about the three axes, one after the other, (3, 3)."""
    matrix = np.eye(3)
    for axis, angle in enumerate(angles):
        a, b = [i for i in range(3) if i != axis]
        step = np.eye(3)
        step[a, a] = step[b, b] = np.cos(angle)
        step[a, b], step[b, a] = -np.sin(angle), np.sin(angle)
        matrix = matrix @ step
    return matrix
