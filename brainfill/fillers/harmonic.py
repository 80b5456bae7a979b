"""Harmonic interpolation: the smoothest fill of a hole, a solution of Laplace's equation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import cg

from brainfill.core.config import check_ranges, option
from brainfill.core.context import Context
from brainfill.core.grid import FloatArray
from brainfill.core.volume import Mask, Volume
from brainfill.fillers._base import Filler, Filling
from brainfill.interpolation.sites import Site, fill_sites

# Ties to the mean of the tissue: without them, a part of the hole that touches no tissue has no answer.
_TIE = 1e-6
_TOLERANCE = 1e-6


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of harmonic filling."""

    reach_mm: float = option(3.0, "how far tissue is looked for", unit="mm", low=1, high=100)

    def __post_init__(self) -> None:
        check_ranges(self)


def build(config: Config) -> Filler:
    """A filler that continues the tissue around each lesion as smoothly as can be."""

    def fill(image: Volume, hole: Mask, ctx: Context) -> Filling:
        return Filling(fill_sites(image, hole, ctx, config.reach_mm, _fill))

    return fill


def _fill(site: Site) -> FloatArray:
    """Solve for the hole with the tissue held fixed and no flow into background."""
    unknown = site.hole
    number = np.full(site.grid.shape, -1)
    number[unknown] = np.arange(unknown.sum())
    mean = float(site.image[site.tissue].mean())
    above_mean = site.image - mean
    diagonal = np.full(int(unknown.sum()), _TIE)
    right = np.zeros(len(diagonal))
    links: list[tuple[np.ndarray, np.ndarray, float]] = []
    for axis, spacing in enumerate(site.grid.spacing()):
        weight = 1 / spacing**2
        for here, there in (_neighbours(axis), _neighbours(axis)[::-1]):
            inner = unknown[here] & unknown[there]
            border = unknown[here] & site.tissue[there]
            diagonal += weight * np.bincount(number[here][inner | border], minlength=len(diagonal))
            np.add.at(right, number[here][border], weight * above_mean[there][border])
            links.append((number[here][inner], number[there][inner], -weight))
    rows = np.concatenate([np.arange(len(diagonal)), *(a for a, _, _ in links)])
    columns = np.concatenate([np.arange(len(diagonal)), *(b for _, b, _ in links)])
    values = np.concatenate([diagonal, *(np.full(len(a), w) for a, _, w in links)])
    matrix = sparse.csr_matrix((values, (rows, columns)))
    # Conjugate gradients with the diagonal as preconditioner: holes of 60 ml in a second.
    solution, _ = cg(matrix, right, rtol=_TOLERANCE, M=sparse.diags(1 / diagonal))
    filled: FloatArray = site.image.copy()
    filled[unknown] = solution + mean
    return filled


def _neighbours(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Slices of all voxels that have a neighbour along the axis, and of those neighbours."""
    here, there = [slice(None)] * 3, [slice(None)] * 3
    here[axis], there[axis] = slice(None, -1), slice(1, None)
    return tuple(here), tuple(there)
