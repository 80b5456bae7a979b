"""The flow that carries white matter over the cortex, and the ways of its points, for DiReCT.

Velocities are stationary, so that the flow is integrated by squaring (Arsigny 2006,
https://doi.org/10.1007/11866565_113), and end some voxels off the cortex: nothing is computed where there is none.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from brainfill.core.context import Context
from brainfill.core.grid import BoolArray, FloatArray
from brainfill.thickness.sheet import Sheet

_BAND_VOX = 3
_DOUBLINGS = 5
_STEPS = 20


def way_lengths(
    sheet: Sheet, iterations: int, step_vox: float, smoothing_vox: float, ctx: Context
) -> FloatArray:
    """For each voxel of the cortex, the length of the way of the white matter's border through it.

    Args:
        sheet: the cortex, in cubic voxels.
        iterations: of the gradient descent.
        step_vox: of the gradient descent.
        smoothing_vox: standard deviation of the Gaussian on each update.
        ctx: progress.

    Returns:
        float32 (N,) [voxels], in the order of `sheet.cortex`; 0 where white matter did not come.
    """
    band = _points(ndimage.binary_dilation(sheet.cortex, iterations=_BAND_VOX))
    white, grey = (torch.from_numpy(np.ascontiguousarray(a)) for a in (sheet.white, sheet.grey))
    both = (white + grey).clamp(max=1)
    velocity = torch.zeros(3, *sheet.grid.shape)
    for iteration in range(iterations):
        ctx.progress("measuring thickness", iteration, iterations)
        back = _exponential(-velocity, band)
        moved = white.clone()
        _write(moved[None], band, _look(white[None], band + _read(back, band)))
        slope = torch.stack(torch.gradient(moved))
        # The direction alone: blurred borders move as fast as sharp ones.
        slope /= _norm(slope) + 1e-3
        # White matter moves against its slope, where it has not yet come.
        update = _smoothed((moved - both) * grey * slope, smoothing_vox)
        _write(velocity, band, _read(velocity + step_vox * update, band))
    ctx.progress("measuring thickness", iterations, iterations)
    lengths = _norm(_exponential(velocity, band))
    return _where_met(white[None], lengths, velocity, _points(sheet.cortex).float()).numpy()


def _where_met(white: Tensor, lengths: Tensor, velocity: Tensor, points: Tensor) -> Tensor:
    """The length at the place where each point, followed backwards in time, first meets white matter."""
    found = torch.zeros(points.shape[1])
    missing = torch.ones(points.shape[1], dtype=torch.bool)
    for _ in range(_STEPS + 1):
        met = missing & (_look(white, points)[0] >= 0.5)
        found[met] = _look(lengths, points[:, met])[0]
        missing &= ~met
        half_way = points - _look(velocity, points) / (2 * _STEPS)
        points = points - _look(velocity, half_way) / _STEPS
    return found


def _exponential(velocity: Tensor, band: Tensor) -> Tensor:
    """Where the flow of a stationary velocity leads in one unit of time, as displacement [voxels]."""
    way: Tensor = velocity / 2**_DOUBLINGS
    for _ in range(_DOUBLINGS):
        here = _read(way, band)
        _write(way, band, here + _look(way, band + here))
    return way


def _points(flags: BoolArray) -> Tensor:
    """Indices of the flagged voxels, (3, N), in the order of the array."""
    return torch.from_numpy(np.stack(np.nonzero(flags)))


def _norm(field: Tensor) -> Tensor:
    return (field * field).sum(dim=0, keepdim=True).sqrt()  # ten times as fast as its own norm


def _read(field: Tensor, voxels: Tensor) -> Tensor:
    return field[:, voxels[0], voxels[1], voxels[2]]


def _write(field: Tensor, voxels: Tensor, values: Tensor) -> None:
    field[:, voxels[0], voxels[1], voxels[2]] = values


def _look(field: Tensor, points: Tensor) -> Tensor:
    """Values of a field (C, X, Y, Z) at points (3, N) between voxels, (C, N); beyond the border, those of the border."""
    scale = 2 / (torch.tensor(field.shape[1:]) - 1)
    places = (points.T * scale - 1).flip(-1)  # as grid_sample counts: last axis first, from -1 to 1
    # One batch for each thread: that is what it does at once.
    n = torch.get_num_threads()
    pad = -places.shape[0] % n
    batch = functional.pad(places, (0, 0, 0, pad)).view(n, 1, 1, -1, 3)
    found = functional.grid_sample(
        field.expand(n, *field.shape), batch, padding_mode="border", align_corners=True
    )
    return found.transpose(0, 1).reshape(len(field), -1)[:, : places.shape[0]]


def _smoothed(field: Tensor, sd_vox: float) -> Tensor:
    axes = (0, sd_vox, sd_vox, sd_vox)
    return torch.from_numpy(ndimage.gaussian_filter(field.numpy(), axes, truncate=3))
