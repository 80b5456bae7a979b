"""Cortex of known thickness."""

from __future__ import annotations

import numpy as np

from brainfill.core.grid import BoolArray, Grid
from brainfill.thickness.sheet import Sheet

SIDE, WHITE_MM = 24, 6.0


def shell(thick_mm: float, signs: tuple[int, int, int] = (1, 1, 1), gap_mm: float = 0.0) -> Sheet:
    """A ball of white matter in a shell of grey matter; shares at both borders are those of the voxels."""
    grid = Grid((SIDE,) * 3, np.diag([*map(float, signs), 1.0]))
    radius = np.linalg.norm(np.indices(grid.shape).T - (SIDE - 1) / 2, axis=-1).T
    within = [np.clip(mm - radius + 0.5, 0, 1) for mm in (WHITE_MM, WHITE_MM + gap_mm)]
    outer = np.clip(WHITE_MM + gap_mm + thick_mm - radius + 0.5, 0, 1)
    white, grey = within[0], outer - within[1]
    inner = white >= 0.5
    cortex = (grey >= 0.5) & ~inner
    shares = [np.where(cortex, grey, 0).astype(np.float32), white.astype(np.float32)]
    return Sheet(grid, cortex, inner, *shares)


def half(sheet: Sheet) -> BoolArray:
    """Voxels of the left half of a grid."""
    left = np.zeros(sheet.grid.shape, bool)
    left[: SIDE // 2] = True
    return left


def folded(thick_mm: float = 2.5, wave_mm: float = 24.0, height_mm: float = 5.0) -> Sheet:
    """Cortex of one thickness on white matter in waves."""
    x, y, z = np.indices((48, 12, 40), dtype=float)
    fine = np.linspace(-12, 60, 1441)
    crest = 14 + height_mm * np.sin(2 * np.pi * fine / wave_mm)
    flat = np.hypot(x[:, 0, :, None] - fine, z[:, 0, :, None] - crest).min(axis=-1)
    above = z[:, 0] > 14 + height_mm * np.sin(2 * np.pi * x[:, 0] / wave_mm)
    way = np.where(above, flat, -flat)[:, None, :] + 0 * y
    white = np.clip(0.5 - way, 0, 1)
    grey = np.clip(thick_mm + 0.5 - way, 0, 1) - white
    inner = white >= 0.5
    cortex = (grey >= 0.5) & ~inner
    shares = [np.where(cortex, grey, 0).astype(np.float32), white.astype(np.float32)]
    return Sheet(Grid(x.shape, np.eye(4)), cortex, inner, *shares)


def beside_the_cut(sheet: Sheet) -> BoolArray:
    """Voxels of folds so near the border of the image that they do not read right."""
    near = np.ones(sheet.grid.shape, bool)
    near[6:-6, 3:-3] = False
    return near
