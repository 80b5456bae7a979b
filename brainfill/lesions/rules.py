"""What a lesion in a healthy brain has to obey, and how well one does."""

from __future__ import annotations

from dataclasses import dataclass

from scipy import ndimage

from brainfill.core.grid import BoolArray, Box
from brainfill.lesions.anatomy import Anatomy
from brainfill.lesions.components import TOUCHING


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
        voxels: how many it has.
        pieces: connected parts it has.
        touches: whether it touches another lesion.
        volume_ratio: volume, as a share of what it was.
        permitted: share where lesions may be; grey matter included for one that touched it before.
        grey: share in grey matter.
        in_ventricles: voxels in the ventricles.
        reason: the first rule it breaks; empty if none.
    """

    voxels: int
    pieces: int
    touches: bool
    volume_ratio: float
    permitted: float
    grey: float
    in_ventricles: int
    reason: str


def judged(
    where: BoolArray,
    others: BoolArray,
    volume_before_ml: float,
    brain: Anatomy,
    rules: Rules,
    *,
    juxtacortical: bool,
) -> Judged:
    """Judge one lesion.

    Args:
        where: (X, Y, Z) on the grid of `brain`.
        others: all other lesions.
        volume_before_ml: its volume in the patient [ml].
        brain: where it is now.
        rules: what it must obey.
        juxtacortical: whether it touched grey matter in the patient.
    """
    if not where.any():
        return Judged(0, 0, False, 0.0, 0.0, 0.0, 0, "lost")
    box = Box.around(where).grow((1, 1, 1)).within(brain.grid.shape)
    inside = where[box.slices]
    voxels = int(inside.sum())
    pieces = int(ndimage.label(inside, TOUCHING)[1])
    touches = bool((ndimage.binary_dilation(inside, TOUCHING) & others[box.slices]).any())
    grey = brain.grey[box.slices][inside]
    allowed = brain.permitted[box.slices][inside] | (grey & juxtacortical)
    ratio = voxels * brain.grid.voxel_ml() / volume_before_ml
    permitted, share, wet = (
        float(allowed.mean()),
        float(grey.mean()),
        int(brain.ventricles[box.slices][inside].sum()),
    )
    low, high = rules.volume_ratio
    broken = {
        "in ventricle": wet > 0,
        "in grey matter": share > 0 and not juxtacortical,
        "outside tissue": permitted < rules.permitted - 1e-9,
        "volume": not low <= ratio <= high,
        "in pieces": pieces > 1,
        "touches another": touches,
    }
    reason = next((name for name, is_broken in broken.items() if is_broken), "")
    return Judged(voxels, pieces, touches, ratio, permitted, share, wet, reason)
