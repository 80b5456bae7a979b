"""Shells of cortex of known thickness."""

import numpy as np

from brainfill.core.grid import Grid
from brainfill.thickness.sheet import Sheet

SIDE, WHITE_MM = 24, 6.0


def shell(thick_mm, signs=(1, 1, 1), gap_mm=0.0):
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


def half(sheet):
    """Voxels of the left half of a grid."""
    left = np.zeros(sheet.grid.shape, bool)
    left[: SIDE // 2] = True
    return left
