"""Training examples of a painter: a crop around a lesion, a patient's own or one painted into healthy tissue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from brainfill.core.config import check_ranges, option
from brainfill.core.errors import DataError
from brainfill.core.grid import BoolArray, Box, FloatArray
from brainfill.lesions.paint import Profile, painted
from brainfill.lesions.shapes import lesions as stamped
from brainfill.models._brightness import normalised, tissue_level
from brainfill.models._config import FamilyConfig
from brainfill.models._first_fill import first_fill
from brainfill.train.examples import SURROUNDINGS_VOX, AugmentConfig, augmented, crop_at
from brainfill.train.lesioned import LesionedPack
from brainfill.train.pack import BRIGHT

_WHITE = 0.75  # of the tissue level: white matter in a T1w image
_MOSTLY = 0.6
_TRIES, _MOST_TRIES = 20, 2000


@dataclass(frozen=True, kw_only=True)
class LesionMix:
    """Where the lesions of the examples come from."""

    own: float = option(0.5, "probability of a patient's own lesion", low=0.0, high=1.0)
    others_shown: float = option(
        0.5, "probability that other lesions around it are left as they are", low=0.0, high=1.0
    )
    missing: float = option(
        0.5, "probability that one contrast of several is left out", low=0.0, high=1.0
    )
    complete: float = option(
        0.5,
        "probability that a lesion is painted into a scan with all contrasts",
        low=0.0,
        high=1.0,
    )
    varied: float = option(
        0.1, "spread of the logarithm of a painted lesion's contrast", low=0.0, high=5
    )

    def __post_init__(self) -> None:
        check_ranges(self)


def draw_lesioned(
    pack: LesionedPack,
    found: Sequence[Profile],
    model: FamilyConfig,
    mix: LesionMix,
    augment: AugmentConfig,
    rng: np.random.Generator,
) -> Tensor:
    """One normalised crop, its hole and its first fill: float32 (2 N + 1, D, H, W).

    Args:
        pack: where scans and shapes come from.
        found: brightness of its lesions.
        model: what is trained; one that redraws whole images gets holes that are whole crops.
        mix: where lesions come from.
        augment: changes of the crops, of each contrast on its own.
        rng: source of all draws.

    Raises:
        DataError: no scan has white matter to paint a lesion into.
    """
    m, (d, h, w) = SURROUNDINGS_VOX, model.crop_vox
    wide, inner = (d + 2 * m, h + 2 * m, w + 2 * m), Box((m, m, m), (d + m, h + m, w + m))
    if rng.random() < mix.own:
        image, hole = _own(pack, wide, inner, mix, rng)
    else:
        image, hole = _painted(pack, found, wide, inner, mix, rng)
    if rng.random() < 0.5:  # left and right are alike
        image, hole = image[:, :, ::-1], hole[:, ::-1]
    shown = [_shown(contrast, hole, augment, rng) for contrast in image]
    if len(shown) > 1 and all(c.any() for c in shown) and rng.random() < mix.missing:
        shown[int(rng.integers(len(shown)))][:] = 0
    if not model.conditional:
        hole = np.ones_like(hole)
    crop = torch.from_numpy(np.stack(shown))[None]
    unknown = torch.from_numpy(hole[None, None].astype(np.float32))
    first = first_fill(crop, unknown, model)
    whole = torch.cat([crop, unknown, first], dim=1)[0]
    return whole[:, m:-m, m:-m, m:-m].contiguous()


def _own(
    pack: LesionedPack,
    wide: tuple[int, int, int],
    inner: Box,
    mix: LesionMix,
    rng: np.random.Generator,
) -> tuple[FloatArray, BoolArray]:
    """A patient's crop (N, D, H, W) in [0, 1] around one of their lesions, and the lesions to paint."""
    chosen = int(rng.choice([i for i, places in enumerate(pack.places) if places]))
    places, lesions = pack.places[chosen], pack.lesions[chosen]
    # Many voxels are those of few large lesions; the many small ones are to be learnt as well.
    weights = np.sqrt([len(voxels) for voxels in places])
    voxels = places[int(rng.choice(len(places), p=weights / weights.sum()))]
    centre = voxels[int(rng.integers(len(voxels)))]
    image = np.stack([crop_at(contrast, centre, wide) for contrast in pack.images[chosen]]) / 255
    numbers, number = crop_at(lesions, centre, wide), lesions[tuple(centre)]
    hole = numbers == number if rng.random() < mix.others_shown else numbers > 0
    return image, _within(hole & (image[0] > 0), inner)


def _painted(
    pack: LesionedPack,
    found: Sequence[Profile],
    wide: tuple[int, int, int],
    inner: Box,
    mix: LesionMix,
    rng: np.random.Generator,
) -> tuple[FloatArray, BoolArray]:
    """A crop (N, D, H, W) in [0, 1] with lesions painted into its white matter, and where they are."""
    image, hole = _with_room(pack, wide, inner, mix, rng)
    levels = [tissue_level(contrast, hole) for contrast in image]
    shown = np.stack([c / level for c, level in zip(image, levels, strict=True)])
    profile = found[int(rng.integers(len(found)))]
    stronger = np.exp(rng.normal(0, mix.varied, (len(shown), 1)))
    profile = Profile(1 + (profile.layers - 1) * stronger, profile.grain)
    changed = painted(shown, hole, profile, rng)
    return changed * np.array(levels)[:, None, None, None], hole


def _with_room(
    pack: LesionedPack,
    wide: tuple[int, int, int],
    inner: Box,
    mix: LesionMix,
    rng: np.random.Generator,
) -> tuple[FloatArray, BoolArray]:
    """A crop and lesion shapes that lie mostly in white matter of no lesion; the best of some tries."""
    people: Sequence[int] = range(len(pack.images))
    if pack.complete and rng.random() < mix.complete:
        people = pack.complete
    best: tuple[FloatArray, BoolArray, float] | None = None
    for tried in range(_MOST_TRIES):
        room = _room(pack, int(rng.choice(people)), wide, inner, rng)
        if room and (best is None or room[2] > best[2]):
            best = room
        if best and (best[2] > _MOSTLY or tried >= _TRIES):
            return best[:2]
    msg = "no scan of the training data shows white matter to paint a lesion into"
    raise DataError(msg, "set train.lesions.own=1 to learn from patients' own lesions alone")


def _room(
    pack: LesionedPack,
    chosen: int,
    wide: tuple[int, int, int],
    inner: Box,
    rng: np.random.Generator,
) -> tuple[FloatArray, BoolArray, float] | None:
    """A crop of a scan, shapes in its tissue outside lesions, and their share of white matter, if any."""
    t1, lesions = pack.images[chosen][0], pack.lesions[chosen]
    centre = rng.integers(t1.shape)
    if t1[tuple(centre)] < BRIGHT or lesions[tuple(centre)]:
        return None
    crop = crop_at(t1, centre, wide) / 255
    hole = np.zeros(wide, bool)
    hole[inner.slices] = stamped(inner.shape, pack.shapes, rng)
    hole &= (crop > 0) & (crop_at(lesions, centre, wide) == 0)
    if not hole.any():
        return None
    share = float((crop[hole] > _WHITE * tissue_level(crop, hole)).mean())
    if share == 0:
        return None
    image = np.stack([crop_at(contrast, centre, wide) for contrast in pack.images[chosen]]) / 255
    return image, hole, share


def _shown(
    contrast: FloatArray, hole: BoolArray, augment: AugmentConfig, rng: np.random.Generator
) -> FloatArray:
    if not contrast.any():
        return np.zeros(contrast.shape, np.float32)
    changed = augmented(np.clip(contrast, 0, None), augment, rng) * (contrast > 0)
    return normalised(changed, tissue_level(changed, hole))


def _within(flags: BoolArray, box: Box) -> BoolArray:
    out = np.zeros_like(flags)
    out[box.slices] = flags[box.slices]
    return out
