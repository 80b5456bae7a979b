"""Lesions of other people, turned and laid where tissue allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brainfill.core.config import option
from brainfill.core.errors import ConfigError, DataError
from brainfill.tasks.masks._base import (
    Drawn,
    MaskConfig,
    Pool,
    brain_of,
    lesion_rows,
    pool_pieces,
    tissue_of,
)

if TYPE_CHECKING:
    from brainfill.core.context import Context
    from brainfill.core.volume import Mask, Scan
    from brainfill.lesions.scatter import Scattered


@dataclass(frozen=True, kw_only=True)
class Config(MaskConfig):
    """How many lesions of which size, and where they may be.

    Raises:
        ConfigError: a number out of range, or the sizes in the wrong order.
    """

    n: int = option(5, "number of lesions", low=1, high=1000)
    smallest_ml: float = option(0.02, "volume of the smallest lesion", unit="ml", low=0)
    largest_ml: float = option(20.0, "volume of the largest lesion", unit="ml", low=0)
    tissue_labels: tuple[int, ...] = option(
        (), "label of --tissue where lesions may be; repeatable"
    )
    inside: float = option(
        0.95, "least share of each in the tissue, or in the brain", low=0.01, high=1.0
    )
    turn: bool = option(True, "turn lesions at random")
    tries: int = option(10, "lesions drawn for each place before giving up", low=1)

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
    from brainfill.lesions.scatter import scatter

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
    flags, placed = scatter(
        lesions, config.n, tissue or brain, config.inside, config.tries, rng, turn=config.turn
    )
    ctx.progress("placing lesions", 1, 1)
    mask = Mask(flags, scan.grid)
    shapes = [_facts(one, scan) for one in placed]
    rows = _rows(mask, within, placed)
    facts = {"BrainFrom": found, "LesionsToChooseFrom": len(lesions)}
    return Drawn(mask, shapes, within, table=rows, facts=facts)


def _rows(mask: Mask, within: dict[str, Mask], placed: list[Scattered]) -> list[dict[str, Any]]:
    """The table, with the origin of each lesion and its volume as a share of what it was."""
    import numpy as np

    from brainfill.lesions.components import label_lesions

    labels, rows = label_lesions(mask).data, lesion_rows(mask, within)
    for one in placed:
        first = np.argwhere(one.placed.where)[0] + one.placed.box.start
        row = rows[labels[tuple(first)] - 1]
        row |= {"source": one.piece.source, "source_component": one.piece.number}
        row["volume_ratio"] = row["volume_ml"] / one.piece.mask.volume_ml()
    return rows


def _facts(one: Scattered, scan: Scan) -> dict[str, Any]:
    import numpy as np

    centre = np.argwhere(one.placed.where).mean(axis=0) + one.placed.box.start
    return {
        "source": one.piece.source,
        "component": one.piece.number,
        "source_volume_ml": round(one.piece.mask.volume_ml(), 6),
        "centre_mm": np.round(scan.grid.to_world(centre[None])[0], 3).tolist(),
        "rotation": np.round(one.rotation, 5).tolist(),
    }
