"""Lesions where those of multiple sclerosis are, by a map of 29 patients, under the rules of tissue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brainfill.core.config import option
from brainfill.core.errors import ConfigError, DataError
from brainfill.tasks.masks._anatomy import (
    AnatomyConfig,
    anatomy_in_mni,
    stripped,
    to_template,
)
from brainfill.tasks.masks._base import Drawn, Pool, pool_pieces
from brainfill.tasks.masks._placed import placed_rows, placed_shapes

if TYPE_CHECKING:
    import numpy as np

    from brainfill.core.context import Context
    from brainfill.core.grid import FloatArray, Grid
    from brainfill.core.volume import Scan
    from brainfill.lesions.pool import Piece
    from brainfill.preprocess.registration import Registration

_USUAL = 10
_ELLIPSOIDS = 200  # to choose from, or twice as many as are placed


@dataclass(frozen=True, kw_only=True)
class Config(AnatomyConfig):
    """How many lesions, or how much of them, of which sizes.

    Raises:
        ConfigError: a number out of range, the sizes in the wrong order, or both n and load_ml.
    """

    n: int | None = option(
        None, "number of lesions; 10 unless --load-ml is given", low=1, high=1000
    )
    load_ml: float | None = option(
        None, "volume of all lesions together, instead of a number", unit="ml", low=0.001, high=500
    )
    ellipsoids: bool = option(False, "bumpy ellipsoids of the sizes of lesions, not their shapes")
    smallest_ml: float = option(0.0, "volume of the smallest lesion", unit="ml", low=0, high=5000)
    largest_ml: float = option(20.0, "volume of the largest lesion", unit="ml", low=0, high=5000)
    inside: float = option(
        0.95, "least share of each in white matter and its margin", low=0.01, high=1.0
    )
    margin_mm: float = option(
        1.0, "how far lesions may reach into grey matter", unit="mm", low=0, high=20
    )
    tries: int = option(20, "lesions drawn for each place before giving up", low=1, high=1_000_000)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n is not None and self.load_ml is not None:
            msg = f"found both a number of lesions, {self.n}, and a volume, {self.load_ml:g} ml"
            raise ConfigError(msg, "give one of --n and --load-ml")
        if self.smallest_ml > self.largest_ml:
            msg = f"--smallest-ml {self.smallest_ml:g} is above --largest-ml {self.largest_ml:g}"
            raise ConfigError(msg, "exchange them")

    @property
    def count(self) -> int:
        """How many lesions; 0 where their volume is given instead."""
        return 0 if self.load_ml is not None else self.n or _USUAL


def run(scan: Scan, pool: Pool, config: Config, ctx: Context) -> Drawn:
    """Lesions turned at random and laid by the map, none in ventricles or deep in grey matter, none touching another.

    Args:
        scan: RAS; perhaps with tissue labels 1 (fluid), 2 (grey matter) and 3 (white matter), and with lesions that
            the new ones must not touch.
        pool: masks whose lesions lend their shapes; those shipped with the package if it is empty.
        config: what to draw.
        ctx: progress, warnings.

    Raises:
        DataError: no brain, no ventricles, too few lesions of such sizes, or no place for them.
    """
    import numpy as np
    from scipy import ndimage

    from brainfill.core.touching import TOUCHING
    from brainfill.core.volume import Mask
    from brainfill.lesions.scatter import Ground, scatter, scatter_volume

    ctx = config.surroundings(ctx)
    rng = np.random.default_rng(config.seed)
    lesions = _lesions(pool, config, rng, ctx)
    found = stripped(scan, ctx)
    registration = to_template(found, ctx)
    brain = anatomy_in_mni(found, registration, ctx)
    spacing = scan.grid.spacing()
    near = ndimage.distance_transform_edt(~brain.permitted, sampling=spacing) <= config.margin_mm
    allowed = brain.permitted | (brain.grey & near)
    chance = np.where(allowed, _chance(scan.grid, registration, ctx), 0)
    forbidden = brain.ventricles | (brain.grey & ~near)
    if scan.lesion:
        forbidden |= ndimage.binary_dilation(scan.lesion.data, TOUCHING)
    ground = Ground(Mask(allowed, scan.grid), config.inside, forbidden, chance)
    ctx.progress("placing lesions", 0, 1)
    if config.load_ml is None:
        flags, placed = scatter(lesions, config.count, ground, config.tries, rng, turn=True)
    else:
        flags, placed = scatter_volume(
            lesions, config.load_ml, ground, config.tries, rng, turn=True
        )
    ctx.progress("placing lesions", 1, 1)
    mask = Mask(flags, scan.grid)
    within = {"brain": found.brain, "tissue": ground.allowed}
    facts = {**found.facts, **_origin(pool, config), "LesionsToChooseFrom": len(lesions)}
    return Drawn(
        mask,
        placed_shapes(placed, scan),
        within,
        table=placed_rows(mask, within, placed),
        facts=facts,
    )


def _lesions(pool: Pool, config: Config, rng: np.random.Generator, ctx: Context) -> list[Piece]:
    """The shapes to choose from.

    Raises:
        DataError: too few have a volume in the range.
    """
    from brainfill.lesions.atlas import lesion_shapes
    from brainfill.lesions.ellipsoids import ellipsoids_of

    small, large = config.smallest_ml, config.largest_ml
    if pool:
        lesions = pool_pieces(pool, ctx, small, large)
    else:
        lesions = [p for p in lesion_shapes() if small <= p.mask.volume_ml() <= large]
    if config.ellipsoids:
        sizes = [p.mask.volume_ml() for p in lesions]
        lesions = ellipsoids_of(
            rng.choice(sizes, max(2 * config.count, _ELLIPSOIDS)).tolist() if sizes else [], rng
        )
    least = max(config.count, 1)
    if len(lesions) < least:
        where = f"{len(pool)} masks have" if pool else "the library that is shipped has"
        msg = f"{where} {len(lesions)} lesions of {small:g} to {large:g} ml, expected at least {least}"
        raise DataError(msg, "give more masks (--shapes), or widen --smallest-ml and --largest-ml")
    return lesions


def _chance(grid: Grid, registration: Registration, ctx: Context) -> FloatArray:
    """How likely each voxel is in a lesion.

    Raises:
        DataError: nowhere.
    """
    from brainfill.lesions.atlas import lesion_map
    from brainfill.preprocess.transforms import carry

    data, there = lesion_map()
    chance = carry(data, there, grid, [registration.backward], "linear", ctx)
    if not chance.any():
        msg = "the map of lesions falls outside the image: the registration to MNI space failed"
        raise DataError(msg, "is the T1 a stripped or whole brain, upright, T1-weighted?")
    return chance


def _origin(pool: Pool, config: Config) -> dict[str, Any]:
    from brainfill.lesions.atlas import CREDIT

    given = "masks given" if pool else CREDIT
    return {
        "LesionMap": CREDIT,
        "Shapes": f"ellipsoids with the sizes of: {given}" if config.ellipsoids else given,
    }
