"""What a lesion in a healthy brain has to obey, and how well one does."""

from __future__ import annotations

from dataclasses import dataclass, replace

from scipy import ndimage

from brainfill.core.grid import BoolArray, Box
from brainfill.core.touching import TOUCHING
from brainfill.lesions.anatomy import Anatomy
from brainfill.lesions.placing import Placed, with_margin

_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Bounds of METHODS 21.3.

    Args:
        permitted: least share of voxels where lesions may be.
        volume_ratio: least and largest volume, as a share of what it was.
    """

    permitted: float = 0.95
    volume_ratio: tuple[float, float] = (0.8, 1.25)


@dataclass(frozen=True, eq=False)
class Judged:
    """How a lesion keeps the rules.

    Args:
        pieces: connected parts it has.
        touches: whether it touches another lesion.
        volume_ratio: volume, as a share of what it was.
        permitted: share where lesions may be; grey matter included for one that touched it before.
        grey: share in grey matter.
        in_ventricles: voxels in the ventricles.
        reason: the first rule it breaks; empty if none.
    """

    pieces: int
    touches: bool
    volume_ratio: float
    permitted: float
    grey: float
    in_ventricles: int
    reason: str = ""


def judged(
    placed: Placed,
    mask: BoolArray,
    volume_before_ml: float,
    brain: Anatomy,
    rules: Rules,
    *,
    juxtacortical: bool,
) -> Judged:
    """Judge one lesion.

    Args:
        placed: where it is now, on the grid of `brain`; at least one voxel.
        mask: (X, Y, Z), all lesions.
        volume_before_ml: its volume in the patient [ml].
        brain: where it is now.
        rules: what it must obey.
        juxtacortical: whether it touched grey matter in the patient.
    """
    where, place = placed.where, placed.box.slices
    wide = with_margin(placed, mask.shape)
    others = mask[wide.box.slices].copy()
    others[_inside(placed.box, wide.box)] &= ~where
    grey = brain.grey[place][where]
    allowed = brain.permitted[place][where] | (grey & juxtacortical)
    ratio = float(where.sum()) * brain.grid.voxel_ml() / volume_before_ml
    found = Judged(
        pieces=int(ndimage.label(where, TOUCHING)[1]),
        touches=bool((wide.where & others).any()),
        volume_ratio=ratio,
        permitted=float(allowed.mean()),
        grey=float(grey.mean()),
        in_ventricles=int(brain.ventricles[place][where].sum()),
    )
    return replace(found, reason=_broken(found, rules, juxtacortical=juxtacortical))


def _broken(found: Judged, rules: Rules, *, juxtacortical: bool) -> str:
    low, high = rules.volume_ratio
    broken = {
        "in ventricle": found.in_ventricles > 0,
        "in grey matter": found.grey > 0 and not juxtacortical,
        "outside tissue": found.permitted < rules.permitted - _ROUNDING,
        "volume": not low <= found.volume_ratio <= high,
        "in pieces": found.pieces > 1,
        "touches another": found.touches,
    }
    return next((name for name, is_broken in broken.items() if is_broken), "")


def _inside(box: Box, wide: Box) -> tuple[slice, ...]:
    corners = zip(box.start, box.stop, wide.start, strict=True)
    return tuple(slice(low - start, high - start) for low, high, start in corners)
