"""A disc on each of a run of slices; or, half of the time, some lesions of a mask."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from brainfill.core.config import MOST_LABEL, option
from brainfill.core.errors import ConfigError, DataError, GeometryError
from brainfill.tasks.masks._base import Drawn, MaskConfig, Pool, brain_of, tissue_of

if TYPE_CHECKING:
    import numpy as np

    from brainfill.core.context import Context
    from brainfill.core.volume import Mask, Scan


@dataclass(frozen=True, kw_only=True)
class Config(MaskConfig):
    """Which slices, how the discs lie, and how often there are lesions instead."""

    plane: Literal["axial", "coronal", "sagittal"] = option("axial", "plane of the discs")
    same_centre: bool = option(True, "discs share their centre (a bumpy tube), or each has its own")
    depth_mm: float = option(
        32.0, "thickness of the run of slices; 0 for all with tissue", unit="mm", low=0, high=500
    )
    share_circles: float = option(
        0.5, "probability of discs, where --lesions gives an alternative", low=0.0, high=1.0
    )
    smallest_ml: float = option(
        0.02, "lesions of --lesions below are left out", unit="ml", low=0, high=5000
    )
    tissue_labels: tuple[int, ...] = option(
        (), "label of --tissue that counts; repeatable", low=0, high=MOST_LABEL
    )
    tries: int = option(
        100, "draws before giving up on discs that meet tissue", low=1, high=1_000_000
    )


def run(scan: Scan, pool: Pool, config: Config, ctx: Context) -> Drawn:
    """Discs, or a union of lesions (METHODS 3.1 to 3.3).

    Args:
        scan: RAS; perhaps with tissue labels.
        pool: masks of lesions that lie where the scan does; may be empty.
        config: what to draw.
        ctx: warnings.

    Raises:
        ConfigError: a share without a pool.
        DataError: no brain, no tissue, or no lesion in it.
    """
    import numpy as np

    from brainfill.core.volume import Mask
    from brainfill.lesions.circles import draw_circles

    usual = next(f.default for f in fields(config) if f.name == "share_circles")
    if not pool and config.share_circles != usual:
        msg = "--share-circles means nothing without lesions to draw instead"
        raise ConfigError(msg, "give a mask or a folder of masks with --lesions")
    brain, found = brain_of(scan, ctx)
    tissue = tissue_of(scan, config.tissue_labels)
    within = {"brain": brain} | ({} if tissue is None else {"tissue": tissue})
    rng = np.random.default_rng(config.seed)
    facts: dict[str, Any] = {"BrainFrom": found}
    shapes: list[dict[str, Any]]
    if pool and rng.random() >= config.share_circles:
        hole, shapes = _lesions(scan, pool, tissue, config, rng, ctx)
        facts["Shapes"] = "lesions"
    else:
        flags, shapes = draw_circles(
            tissue or brain,
            config.plane,
            config.depth_mm,
            config.tries,
            rng,
            same_centre=config.same_centre,
        )
        hole = Mask(flags, scan.grid)
        facts["Shapes"] = "circles"
    return Drawn(hole, shapes, within, facts=facts)


def _lesions(
    scan: Scan,
    pool: Pool,
    tissue: Mask | None,
    config: Config,
    rng: np.random.Generator,
    ctx: Context,
) -> tuple[Mask, list[dict[str, Any]]]:
    """Some lesions, inside the tissue, of the first mask in random order that has any."""
    from brainfill.core.volume import Mask
    from brainfill.lesions.pool import pieces, some_of
    from brainfill.preprocess.match import match_mask
    from brainfill.preprocess.steps.reorient import reoriented_mask

    for index in rng.permutation(len(pool)):
        name, read = pool[index]
        try:
            mask = match_mask(reoriented_mask(read(), "RAS"), scan.images["T1w"], warn=ctx.warn)
        except GeometryError as error:
            msg = f"lesion mask '{name}' and image '{scan.subject}' do not fit: {error}"
            raise GeometryError(msg, "bring the mask to the image first") from error
        inside = mask if tissue is None else Mask(mask.data & tissue.data, scan.grid)
        if found := pieces(name, inside, config.smallest_ml):
            union, chosen = some_of(found, inside, rng)
            shapes = [
                {"source": p.source, "component": p.number, "volume_ml": p.mask.volume_ml()}
                for p in chosen
            ]
            return Mask(union, scan.grid), shapes
    where = "in the tissue" if tissue else "in the image"
    msg = f"none of {len(pool)} masks has a lesion of {config.smallest_ml:g} ml or more {where}"
    raise DataError(msg, "check the masks, or lower --smallest-ml")
