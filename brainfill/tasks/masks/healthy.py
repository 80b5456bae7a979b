"""Healthy tissue to be masked in a scan with a tumour, shaped like other tumours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from brainfill.core.config import MOST_SEED, option
from brainfill.core.errors import DataError
from brainfill.tasks.masks._base import Drawn, MaskConfig, Pool, brain_of, pool_pieces

if TYPE_CHECKING:
    from brainfill.core.context import Context
    from brainfill.core.volume import Scan, Volume


@dataclass(frozen=True, kw_only=True)
class Config(MaskConfig):
    """The rules of the BraTS inpainting challenge, in millimetres."""

    any_label: ClassVar[bool] = True  # the parts of a tumour have labels of their own
    seed: int = option(2023, "start of every random draw", low=0, high=MOST_SEED)
    gap_mm: float = option(
        5.0, "distance kept from the tumour, which grows by as much", unit="mm", low=0, high=50
    )
    inside: float = option(0.75, "least share of the mask in the brain", low=0.01, high=1.0)
    smallest_ml: float = option(
        0.8, "smallest lesion of the pool to use", unit="ml", low=0, high=5000
    )
    window: float = option(
        0.1, "how far the rank by size may be from the inverse of the tumour's", low=0.0, high=1.0
    )
    tries: int = option(1000, "draws before giving up", low=1, high=1_000_000)


def run(scan: Scan, pool: Pool, config: Config, ctx: Context) -> Drawn:
    """A healthy mask, the grown tumour, both together, and the scan without them (METHODS 3.5).

    Args:
        scan: RAS, with the tumour as `lesion`.
        pool: masks of tumours, on any grid.
        config: the rules.
        ctx: progress.

    Returns:
        the healthy mask; "unhealthy", "union", and "voided", the scan with 0 in their place.

    Raises:
        DataError: no tumour, no brain, an empty pool, or nothing obeyed the rules.
    """
    import numpy as np

    from brainfill.core.volume import Mask
    from brainfill.lesions.healthy import Rules, draw_healthy, surroundings

    if scan.lesion is None:
        msg = f"healthy masks need the tumour of '{scan.subject}'"
        raise DataError(msg, "give its mask")
    rules = Rules(gap_mm=config.gap_mm, inside=config.inside, window=config.window)
    brain, found = brain_of(scan, ctx)
    around = surroundings(scan.lesion, brain, rules)
    pieces = pool_pieces(pool, ctx, config.smallest_ml, fill_holes=True)
    if not pieces:
        msg = f"none of {len(pool)} masks has a lesion of {config.smallest_ml:g} ml or more"
        raise DataError(msg, "give masks of tumours, or lower --smallest-ml")
    rng = np.random.default_rng(config.seed)
    ctx.progress("placing a healthy mask", 0, 1)
    healthy, drawn = draw_healthy(around, pieces, rules, config.tries, rng)
    ctx.progress("placing a healthy mask", 1, 1)
    union = healthy | around.near
    image = scan.images["T1w"]
    unhealthy = Mask(around.near, scan.grid)
    others: dict[str, Mask | Volume] = {
        "unhealthy": unhealthy,
        "union": Mask(union, scan.grid),
        "voided": image.like(np.where(union, 0, image.data)),
    }
    facts = {
        "BrainFrom": found,
        "TumourVolumeML": around.volume_ml,
        "UnhealthyVolumeML": unhealthy.volume_ml(),
        "Compartments": len(pieces),
    }
    return Drawn(Mask(healthy, scan.grid), [drawn], {"brain": brain}, others, facts=facts)
