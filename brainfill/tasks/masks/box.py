"""A filled box around each lesion of a mask, with jittered sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from brainfill.core.config import option
from brainfill.core.errors import ConfigError, DataError
from brainfill.tasks.masks._base import Drawn, MaskConfig, Pool

if TYPE_CHECKING:
    from brainfill.core.context import Context
    from brainfill.core.volume import Scan


@dataclass(frozen=True, kw_only=True)
class Config(MaskConfig):
    """How far the sides of the boxes may move outwards.

    Raises:
        ConfigError: a number out of range, or both units given.
    """

    grow_vox: int | None = option(
        None,
        "each side moves by 0 to this many; 6 without --grow-mm",
        unit="voxels",
        low=0,
        high=200,
    )
    grow_mm: float | None = option(
        None, "each side moves by up to this", unit="mm", low=0, high=200
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.grow_vox is not None and self.grow_mm is not None:
            msg = "--grow-vox and --grow-mm say the same in two units"
            raise ConfigError(msg, "leave one of them out")


def run(scan: Scan, pool: Pool, config: Config, ctx: Context) -> Drawn:  # noqa: ARG001 - all kinds alike
    """Boxes around the lesions of a scan (METHODS 3.6).

    Args:
        scan: RAS, with the lesions; boxes follow its axes.
        pool: not used.
        config: what to draw.
        ctx: not used.

    Raises:
        DataError: there is no lesion.
    """
    import numpy as np

    from brainfill.core.volume import Mask
    from brainfill.lesions.boxes import draw_boxes

    if scan.lesion is None:
        msg = f"no lesions of '{scan.subject}' were given to put boxes around"
        raise DataError(msg, "give their mask")
    if not scan.lesion.data.any():
        msg = f"the mask '{scan.subject}' is empty: there is nothing to put a box around"
        raise DataError(msg, "check that it is the right file")
    rng = np.random.default_rng(config.seed)
    usual = 6 if config.grow_mm is None else 0
    filled, shapes = draw_boxes(
        scan.lesion,
        rng,
        grow_vox=usual if config.grow_vox is None else config.grow_vox,
        grow_mm=config.grow_mm or 0.0,
    )
    return Drawn(Mask(filled, scan.grid), shapes, {"lesion": scan.lesion})
