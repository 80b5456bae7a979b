"""Atropos of ANTs with the tissue maps of the MNI template as priors, as antsCorticalThickness.sh runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from brainfill.core.config import check_ranges, option
from brainfill.core.context import Context
from brainfill.core.grid import BoolArray, FloatArray, Grid
from brainfill.core.volume import Scan, Volume
from brainfill.preprocess._ants import (
    ATROPOS_SEED,
    ants_version,
    load_ants,
    own_temporary_files,
    to_ants,
)
from brainfill.preprocess.registration import Kind, Registration
from brainfill.preprocess.template import tissue_maps
from brainfill.preprocess.tissues._base import Segmenter, Tissues, brain_of
from brainfill.preprocess.transforms import carry

TEMPLATE: Kind = "syn"


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of Atropos (Avants 2011, https://doi.org/10.1007/s12021-011-9109-y)."""

    prior_weight: float = option(0.25, "weight of the template's tissue maps", low=0, high=1)
    iterations: int = option(5, "of the Gaussian mixture", low=1, high=100)
    smoothness: float = option(0.1, "weight of the Markov random field", low=0, high=1)
    clip_pct: float = option(
        0.5, "darkest and brightest voxels that are clipped", unit="%", low=0, high=10
    )

    def __post_init__(self) -> None:
        check_ranges(self)


def missing(config: Config) -> str:  # noqa: ARG001 - the same for all segmenters
    """Nothing: ANTsPy and the maps come with the package."""
    return ""


def state(config: Config) -> dict[str, Any]:  # noqa: ARG001 - the same for all segmenters
    """What a result depends on beside images and settings: the programs of ANTsPy."""
    return {"ANTsPy": ants_version()}


def build(config: Config) -> Segmenter:
    """A segmenter that learns the brightness of each tissue from where the template has it."""

    def segment(scan: Scan, found: Registration, ctx: Context) -> Tissues:
        image, brain = scan.images["T1w"], brain_of(scan).data
        looked = brain & ~scan.lesion.data if scan.lesion else brain
        ctx.progress("telling tissues apart", 0, 1)
        priors = _priors(scan.grid, found, brain, ctx)
        shares = _posteriors(_clipped(image, looked, config), looked, priors, config, ctx)
        for share, prior in zip(shares, priors, strict=True):
            share[brain & ~looked] = prior[brain & ~looked]
        ctx.progress("telling tissues apart", 1, 1)
        return Tissues(scan.grid, *shares)

    return segment


def _priors(grid: Grid, found: Registration, brain: BoolArray, ctx: Context) -> list[FloatArray]:
    """Fluid, grey and white matter of the template on the grid of the scan; together 1 in the brain."""
    grey, white = tissue_maps()
    carried = [
        np.clip(carry(m.data, m.grid, grid, [found.backward], "linear", ctx), 0, 1)
        for m in (grey, white)
    ]
    total = np.maximum(carried[0] + carried[1], 1)
    shares = [share / total for share in carried]
    fluid = 1 - shares[0] - shares[1]
    return [np.where(brain, s, 0).astype(np.float32) for s in (fluid, *shares)]


def _clipped(image: Volume, looked: BoolArray, config: Config) -> FloatArray:
    low, high = np.percentile(image.data[looked], [config.clip_pct, 100 - config.clip_pct])
    return np.clip(image.data, low, high)


def _posteriors(
    values: FloatArray,
    looked: BoolArray,
    priors: list[FloatArray],
    config: Config,
    ctx: Context,
) -> list[FloatArray]:
    ants = load_ants(ctx)
    with own_temporary_files():
        grid = Grid(values.shape, np.eye(4))  # Atropos counts in voxels
        found = ants.atropos(
            to_ants(ants, values, grid),
            to_ants(ants, looked, grid),
            i=[to_ants(ants, p, grid) for p in priors],
            m=f"[{config.smoothness},1x1x1]",
            c=f"[{config.iterations},0]",
            priorweight=config.prior_weight,
            r=ATROPOS_SEED,
        )
    return [np.asarray(p.numpy(), np.float32) for p in found["probabilityimages"]]
