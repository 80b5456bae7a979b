"""What a kind of mask is given, what it hands back, and how its mask gets back to the scan.

A kind is a module of this folder with `Config`, a MaskConfig, and `run(scan, pool, config, ctx) -> Drawn`. It sees the
scan turned to RAS, so that a mask does not depend on how the scan is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from brainfill.core import registry
from brainfill.core.config import check_ranges, option
from brainfill.core.errors import DataError
from brainfill.tasks._base import Result, Table

if TYPE_CHECKING:
    from brainfill.core.context import Context
    from brainfill.core.volume import Mask, Scan

KINDS = "brainfill.tasks.masks"
# Masks to take lesions from, with their names; read one after the other.
Pool = Iterable[tuple[str, "Mask"]]


@dataclass(frozen=True, kw_only=True)
class MaskConfig:
    """What every kind of mask lets the user choose.

    Raises:
        ConfigError: a number out of range.
    """

    seed: int = option(0, "start of every random draw", low=0)

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True, eq=False)
class Drawn:
    """What a kind has drawn, on the grid of the scan it was given.

    Args:
        mask: the lesions.
        shapes: each thing that was drawn, in world millimetres, as JSON can hold it.
        brain: where the head's brain is, if it was asked for.
        tissue: where lesions were allowed, if that is less than the brain.
        masks: further masks by name, written beside the first.
        table: one row per lesion, where there is more to say than size, place and shares.
        facts: more for the record.
    """

    mask: Mask
    shapes: Sequence[Mapping[str, Any]]
    brain: Mask | None = None
    tissue: Mask | None = None
    masks: Mapping[str, Mask] = field(default_factory=dict)
    table: Table | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def draw(kind: str, scan: Scan, pool: Pool, config: MaskConfig, ctx: Context) -> Result:
    """Draw a mask of a kind.

    Args:
        kind: module of this folder.
        scan: the scan; perhaps with `lesion` (a mask to start from), `brain` and `labels` (tissues).
        pool: masks to take lesions from.
        config: of this kind.
        ctx: progress, warnings.

    Returns:
        volumes "mask" and further ones by name; table "components"; facts.

    Raises:
        ConfigError: no such kind.
        DataError: nothing can be drawn from these inputs.
    """
    from brainfill.lesions.components import label_lesions, mask_table
    from brainfill.preprocess.steps import reorient

    plugin = registry.load(KINDS, kind)
    turned, undo = reorient.build(reorient.Config("RAS"))(scan, ctx)
    drawn: Drawn = plugin.run(turned, pool, config, ctx)
    if not drawn.mask.data.any():
        msg = f"the mask drawn for '{scan.subject}' is empty"
        raise DataError(msg, "its shapes are smaller than a voxel, or lie outside the image")
    table = drawn.table or mask_table(label_lesions(drawn.mask), drawn.brain, drawn.tissue)
    facts = {
        "Kind": kind,
        **drawn.facts,
        "Drawn": list(drawn.shapes),
        "LesionCount": len(table),
        "LesionVoxels": int(drawn.mask.data.sum()),
        "LesionVolumeML": drawn.mask.volume_ml(),
    }
    volumes = {n: undo.mask(m) for n, m in {"mask": drawn.mask, **drawn.masks}.items()}
    return Result(volumes, {"components": table}, facts)


def brain_of(scan: Scan, ctx: Context) -> tuple[Mask, str]:
    """The brain of a scan, and where it comes from: given, the whole of a stripped scan, or found.

    Raises:
        DataError: no brain was found.
    """
    from brainfill.preprocess.brain import stripped_brain
    from brainfill.preprocess.strippers import builtin

    if scan.brain is not None:
        if not scan.brain.data.any():
            msg = f"the brain mask for '{scan.subject}' is empty"
            raise DataError(msg, "check that it is the right file")
        return scan.brain, "given"
    image = next(iter(scan.images.values()))
    brain = stripped_brain(image)
    if brain is not None:
        return brain, "all that the stripped scan shows"
    return builtin.build(builtin.Config())(image, ctx), "found by the network brain-mask"
