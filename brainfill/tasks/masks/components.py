"""Lesions of other people, turned and laid where tissue allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from brainfill.core.config import MOST_LABEL, option
from brainfill.core.errors import ConfigError, DataError
from brainfill.tasks.masks._base import (
    Drawn,
    MaskConfig,
    Pool,
    brain_of,
    pool_pieces,
    tissue_of,
)
from brainfill.tasks.masks._placed import placed_rows, placed_shapes

if TYPE_CHECKING:
    from brainfill.core.context import Context
    from brainfill.core.volume import Scan


@dataclass(frozen=True, kw_only=True)
class Config(MaskConfig):
    """How many lesions of which size, and where they may be.

    Raises:
        ConfigError: a number out of range, or the sizes in the wrong order.
    """

    n: int = option(5, "number of lesions", low=1, high=1000)
    smallest_ml: float = option(0.02, "volume of the smallest lesion", unit="ml", low=0, high=5000)
    largest_ml: float = option(20.0, "volume of the largest lesion", unit="ml", low=0, high=5000)
    tissue_labels: tuple[int, ...] = option(
        (), "label of --tissue where lesions may be; repeatable", low=0, high=MOST_LABEL
    )
    inside: float = option(
        0.95, "least share of each in the tissue, or in the brain", low=0.01, high=1.0
    )
    turn: bool = option(True, "turn lesions at random")
    tries: int = option(10, "lesions drawn for each place before giving up", low=1, high=1_000_000)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.smallest_ml > self.largest_ml:
            msg = f"--smallest-ml {self.smallest_ml:g} is above --largest-ml {self.largest_ml:g}"
            raise ConfigError(msg, "exchange them")


def run(scan: Scan, pool: Pool, config: Config, ctx: Context) -> Drawn:
    """Lesions from a pool, placed rigidly, none touching another.

    Args:
        scan: RAS; perhaps with tissue labels.
        pool: masks on any grid; only size and shape of their lesions matter.
        config: what to draw.
        ctx: progress.

    Raises:
        DataError: no brain, too few lesions of such sizes, or no place for them.
    """
    import numpy as np

    from brainfill.core.volume import Mask
    from brainfill.lesions.scatter import Ground, scatter

    brain, found = brain_of(scan, ctx)
    tissue = tissue_of(scan, config.tissue_labels)
    within = {"brain": brain} | ({} if tissue is None else {"tissue": tissue})
    lesions = pool_pieces(pool, ctx, config.smallest_ml, config.largest_ml)
    if len(lesions) < config.n:
        msg = (
            f"{len(pool)} masks have {len(lesions)} lesions of {config.smallest_ml:g} to "
            f"{config.largest_ml:g} ml, expected at least {config.n}"
        )
        raise DataError(msg, "give more masks, or widen --smallest-ml and --largest-ml")
    ctx.progress("placing lesions", 0, 1)
    rng = np.random.default_rng(config.seed)
    ground = Ground(tissue or brain, config.inside)
    flags, placed = scatter(lesions, config.n, ground, config.tries, rng, turn=config.turn)
    ctx.progress("placing lesions", 1, 1)
    mask = Mask(flags, scan.grid)
    shapes, rows = placed_shapes(placed, scan), placed_rows(mask, within, placed)
    facts = {"BrainFrom": found, "LesionsToChooseFrom": len(lesions)}
    return Drawn(mask, shapes, within, table=rows, facts=facts)
