"""The fill that a network is to improve: by patches, smooth, or none; and what can be expected inside large holes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from brainfill.core.context import Context
from brainfill.core.grid import Grid
from brainfill.core.volume import Mask, Volume
from brainfill.interpolation.harmonic import harmonic_fill
from brainfill.interpolation.inside import depth, expect_inside, is_large
from brainfill.interpolation.nonlocal_patches import PatchConfig, patch_fill_with_doubts
from brainfill.models._config import FamilyConfig

_BACKGROUND = 0.0  # crops are cut there, and no tissue reaches it
_DARK = 0.05  # of the tissue level: background, or what splines make of it


def first_fill(image: Tensor, hole: Tensor, config: FamilyConfig) -> Tensor:
    """The fill that the network is to improve, and what is known against it.

    Args:
        image: (B, N, D, H, W) in units of the tissue level; not read inside the hole.
        hole: (B, 1, D, H, W), 1 where unknown.
        config: of the family.

    Returns:
        (B, N + C, D, H, W): the image with its hole filled; for a fill by patches also its doubts.
    """
    if config.first_fill == "patch":
        crops = zip(image[:, 0], hole[:, 0] > 0, strict=True)
        return torch.stack([_patched(*crop, config.patch) for crop in crops])
    if config.first_fill == "harmonic":
        contrasts = image.tensor_split(image.shape[1], dim=1)
        return torch.cat([_smooth(contrast, hole) for contrast in contrasts], dim=1)
    return image * (1 - hole)


def _smooth(image: Tensor, hole: Tensor) -> Tensor:
    """One contrast (B, 1, D, H, W) with its hole filled smoothly."""
    # Background next to a hole at the surface tells nothing of what is in it, nor do the voxels
    # that share it.
    dark = ((image <= _DARK) & (hole == 0)).to(hole.dtype)
    unknown = torch.maximum(hole, F.max_pool3d(dark, 3, stride=1, padding=1))
    return torch.where(hole > 0, harmonic_fill(image, unknown), image)


def expected(
    first: Tensor, hole: Tensor, other_side: Callable[[], Tensor], spacing_mm: float
) -> Tensor:
    """A first fill by patches, leaning deep inside large holes on what can be expected there.

    Args:
        first: the fill and its doubts (1, C, D, H, W), in units of the tissue level.
        hole: (1, 1, D, H, W), 1 where unknown.
        other_side: gives what lies across the head's plane of symmetry, like `hole`; asked for large
            holes only.
        spacing_mm: voxel size.
    """
    filled, unknown = (t[0, 0].cpu().numpy() for t in (first, hole > 0))
    tissue = ~unknown & (filled > _DARK)
    depth_mm = depth(unknown, tissue, spacing_mm)
    if not is_large(depth_mm):
        return first
    across = other_side()[0, 0].numpy()
    across = np.where(across > _DARK, across, 0)
    leaning = expect_inside(filled, depth_mm, tissue, across, spacing_mm)
    return torch.cat([torch.from_numpy(leaning)[None, None].to(first), first[:, 1:]], dim=1)


def _patched(image: Tensor, hole: Tensor, config: PatchConfig) -> Tensor:
    # A crop of 1 mm voxels needs no other grid than its own indices.
    grid = Grid(tuple(image.shape), np.eye(4))  # type: ignore[arg-type]  # three sides
    volume, mask = Volume(image.cpu().numpy(), grid), Mask(hole.cpu().numpy(), grid)
    ctx = Context(device=str(image.device))
    filled, doubts = patch_fill_with_doubts(volume, mask, config, ctx, background=_BACKGROUND)
    return torch.from_numpy(np.concatenate([filled[None], doubts])).to(image)
