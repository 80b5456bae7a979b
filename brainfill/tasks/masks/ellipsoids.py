"""Bumpy ellipsoids in the brain, apart from each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from brainfill.core.config import option
from brainfill.core.errors import ConfigError
from brainfill.tasks.masks._base import Drawn, MaskConfig, Pool, brain_of

if TYPE_CHECKING:
    from brainfill.core.context import Context
    from brainfill.core.volume import Scan


@dataclass(frozen=True, kw_only=True)
class Config(MaskConfig):
    """How many, how large, how far inside.

    Raises:
        ConfigError: a number out of range, or the larger radius given first.
    """

    n: int = option(5, "number of ellipsoids", low=1, high=1000)
    radius_mm: tuple[float, float] = option(
        (3.0, 12.0), "smallest and largest mean radius", unit="mm", low=0.1, high=100
    )
    inside: float = option(0.3, "least share of each that lies in the brain", low=0.0, high=1.0)
    tries: int = option(1000, "draws for each before giving up", low=1, high=1_000_000)

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = self.radius_mm
        if low > high:
            msg = f"radius_mm must be the smaller one and then the larger one, got {low:g} {high:g}"
            raise ConfigError(msg, f"--radius-mm {high:g} {low:g}")


def run(scan: Scan, pool: Pool, config: Config, ctx: Context) -> Drawn:  # noqa: ARG001 - all kinds alike
    """Ellipsoids of random size, shape and place (METHODS 3.1, 3D generator).

    Args:
        scan: RAS.
        pool: not used.
        config: what to draw.
        ctx: progress.

    Raises:
        DataError: no brain, or no room for so many.
    """
    import numpy as np

    from brainfill.core.volume import Mask
    from brainfill.lesions.ellipsoids import draw_ellipsoids

    brain, found = brain_of(scan, ctx)
    rng = np.random.default_rng(config.seed)
    mask, drawn = draw_ellipsoids(
        brain, config.n, config.radius_mm, config.inside, config.tries, rng
    )
    shapes = [ellipsoid.facts() for ellipsoid in drawn]
    return Drawn(Mask(mask, scan.grid), shapes, {"brain": brain}, facts={"BrainFrom": found})
