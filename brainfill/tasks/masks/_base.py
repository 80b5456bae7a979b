"""What a kind of mask is given, what it hands back, and how its mask gets back to the scan.

A kind is a module of this folder with `Config`, a MaskConfig, and `run(scan, pool, config, ctx) -> Drawn`. It sees the
scan turned to RAS, so that a mask does not depend on how the scan is stored. In place of a pool it may want a patient.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from brainfill.core import registry
from brainfill.core.config import MOST_SEED, check_ranges, option
from brainfill.core.errors import ConfigError, DataError
from brainfill.tasks._base import Result, Table

if TYPE_CHECKING:
    from brainfill.core.context import Context
    from brainfill.core.volume import Mask, Scan, Volume
    from brainfill.lesions.pool import Piece

KINDS = "brainfill.tasks.masks"


class PoolMask(NamedTuple):
    """A mask to take lesions from: its name, and a function that reads it."""

    name: str
    read: Callable[[], Mask]


Pool = Sequence[PoolMask]


@dataclass(frozen=True, eq=False)
class Patient:
    """Whose lesions are carried to the scan.

    Args:
        scan: T1w, perhaps with `brain` and `labels` (tissues).
        lesion: the lesions, on the grid of the T1 or of the FLAIR.
        flair: image the lesions were drawn on, if that is not the T1.
    """

    scan: Scan
    lesion: Mask
    flair: Volume | None = None


@dataclass(frozen=True, kw_only=True)
class MaskConfig:
    """What every kind of mask lets the user choose.

    Raises:
        ConfigError: a number out of range.
    """

    # Whether all labels of the mask to start from belong to it, or just one.
    any_label: ClassVar[bool] = False
    # Whether the kind is given a Patient instead of a pool.
    from_patient: ClassVar[bool] = False
    seed: int = option(0, "start of every random draw", low=0, high=MOST_SEED)

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True, eq=False)
class Drawn:
    """What a kind has drawn, on the grid of the scan it was given.

    Args:
        mask: the lesions.
        shapes: each thing that was drawn, in world millimetres, as JSON can hold it.
        within: the table says what share of each lesion lies in these, such as {"brain": ...}.
        others: further masks, and scans that differ from the given one, by name; written beside the mask.
        table: the table with more columns, begun by `lesion_rows`.
        facts: more for the record.
    """

    mask: Mask
    shapes: Sequence[Mapping[str, Any]]
    within: Mapping[str, Mask] = field(default_factory=dict)
    others: Mapping[str, Mask | Volume] = field(default_factory=dict)
    table: Table | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def draw(kind: str, scan: Scan, pool: Pool | Patient, config: MaskConfig, ctx: Context) -> Result:
    """Draw a mask of a kind.

    Args:
        kind: module of this folder.
        scan: the scan; perhaps with `lesion` (a mask to start from), `brain` and `labels` (tissues).
        pool: masks to take lesions from, or the patient whose lesions are carried.
        config: of this kind.
        ctx: progress, warnings.

    Returns:
        volumes "mask" and further ones by name; table "components"; facts.

    Raises:
        ConfigError: no such kind.
        DataError: nothing can be drawn from these inputs.
    """
    from brainfill.core.volume import Mask
    from brainfill.lesions.components import label_lesions
    from brainfill.preprocess.steps import reorient

    plugin = registry.load(KINDS, kind)
    turned, undo = reorient.build(reorient.Config("RAS"))(scan, ctx)
    drawn: Drawn = plugin.run(turned, pool, config, ctx)
    if not drawn.mask.data.any():
        msg = f"the mask drawn for '{scan.subject}' is empty"
        raise DataError(msg, "what was drawn is smaller than a voxel, or lies outside the image")
    table = drawn.table or lesion_rows(drawn.mask, drawn.within)
    facts = {
        "Kind": kind,
        **drawn.facts,
        "Drawn": list(drawn.shapes),
        "LesionCount": int(label_lesions(drawn.mask).data.max()),
        "LesionVoxels": int(drawn.mask.data.sum()),
        "LesionVolumeML": drawn.mask.volume_ml(),
    }
    volumes = {
        name: undo.mask(found) if isinstance(found, Mask) else undo.volume(found)
        for name, found in {"mask": drawn.mask, **drawn.others}.items()
    }
    return Result(volumes, {"components": table}, facts)


def lesion_rows(mask: Mask, within: Mapping[str, Mask]) -> list[dict[str, Any]]:
    """One row per component of a mask, the largest first: size, place, shares inside other masks."""
    from brainfill.lesions.components import label_lesions, mask_table

    return list(mask_table(label_lesions(mask), within))


def brain_of(scan: Scan, ctx: Context) -> tuple[Mask, str]:
    """The brain of a scan, in one piece and without holes, and where it comes from: given, shown alone, or found.

    Raises:
        DataError: no brain was found.
    """
    from brainfill.core.volume import Mask
    from brainfill.preprocess.brain import stripped_brain
    from brainfill.preprocess.pieces import solid
    from brainfill.preprocess.strippers import builtin

    image, origin = scan.images["T1w"], "given"
    brain = scan.brain
    if brain is None:
        brain, origin = stripped_brain(image), "all that the stripped scan shows"
    if brain is None:
        brain = builtin.build(builtin.Config())(image, ctx)
        origin = "found by the network brain-mask"
    if not brain.data.any():
        msg = f"the brain mask for '{scan.subject}' is empty"
        raise DataError(msg, "check that it is the right file")
    return Mask(solid(brain.data), scan.grid), origin


def tissue_of(scan: Scan, wanted: Sequence[int]) -> Mask | None:
    """Where lesions are allowed: the wanted labels, or the one there is; None without labels.

    Raises:
        ConfigError: labels are wanted, but there are none.
        DataError: no such label, or it is unclear which ones are meant.
    """
    import numpy as np

    from brainfill.core.volume import Mask

    if scan.labels is None:
        if wanted:
            msg = "labels of tissue were chosen, but no tissue was given"
            raise ConfigError(msg, "give the label map with --tissue")
        return None
    labels = scan.labels.data
    found = np.unique(labels[labels != 0]).tolist()
    shown = ", ".join(map(str, found[:12])) + (", ..." if len(found) > 12 else "")
    for label in wanted:
        if label not in found:
            msg = f"the tissue for '{scan.subject}' has no label {label}; it has {shown or 'none'}"
            raise DataError(msg, "give one of these with --tissue-label")
    if not found:
        msg = f"the tissue for '{scan.subject}' is empty"
        raise DataError(msg, "check that it is the right file")
    if not wanted and len(found) > 1:
        msg = f"the tissue for '{scan.subject}' has {len(found)} labels ({shown})"
        raise DataError(msg, "say where lesions may be with --tissue-label, once for each label")
    return Mask(np.isin(labels, list(wanted) or found), scan.grid)


def pool_pieces(
    pool: Pool,
    ctx: Context,
    smallest_ml: float,
    largest_ml: float = float("inf"),
    *,
    fill_holes: bool = False,
) -> list[Piece]:
    """The lesions of all masks of a pool whose volume lies in a range, turned to RAS."""
    from brainfill.lesions.pool import pieces
    from brainfill.preprocess.steps.reorient import reoriented_mask

    found: list[Piece] = []
    for number, (name, read) in enumerate(pool):
        ctx.progress("reading the pool of masks", number, len(pool))
        mask = reoriented_mask(read(), "RAS")
        found += pieces(name, mask, smallest_ml, largest_ml, fill_holes=fill_holes)
    ctx.progress("reading the pool of masks", len(pool), len(pool))
    return found
