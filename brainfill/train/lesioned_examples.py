"""Training examples of a painter: a crop around a lesion, a patient's own or one painted into healthy tissue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from brainfill.core.config import check_ranges, option
from brainfill.core.grid import BoolArray, Box, FloatArray
from brainfill.lesions.paint import Profile, painted
from brainfill.lesions.shapes import lesions as stamped
from brainfill.models._base import FamilyConfig, first_fill, normalised, tissue_level
from brainfill.train.examples import SURROUNDINGS_VOX, AugmentConfig, augmented, crop_at
from brainfill.train.lesioned import LesionedPack

_BRIGHT = 0.75  # of the tissue level: white matter in a T1w image
_MOSTLY = 0.6
_TRIES = 20


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
    varied: float = option(0.1, "spread of the logarithm of a painted lesion's contrast", low=0.0)

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
    patients = [i for i, lesions in enumerate(pack.lesions) if lesions.any()]
    chosen = int(rng.choice(patients))
    lesions = pack.lesions[chosen]
    # Many voxels are those of few large lesions; the many small ones are to be learnt as well.
    weights = np.sqrt(np.bincount(lesions.ravel())[1:])
    number = 1 + int(rng.choice(len(weights), p=weights / weights.sum()))
    voxels = np.argwhere(lesions == number)
    centre = voxels[int(rng.integers(len(voxels)))]
    image = np.stack([crop_at(contrast, centre, wide) for contrast in pack.images[chosen]]) / 255
    numbers = crop_at(lesions, centre, wide)
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
    best = -1.0
    everyone = range(len(pack.images))
    whole = [i for i in everyone if all(contrast.any() for contrast in pack.images[i])]
    people = whole if whole and rng.random() < mix.complete else everyone
    for _ in range(_TRIES):
        chosen = int(rng.choice(people))
        t1, lesions = pack.images[chosen][0], pack.lesions[chosen]
        centre = rng.integers(t1.shape)
        if t1[tuple(centre)] < _BRIGHT * 255 * 0.7 or lesions[tuple(centre)]:
            continue
        crop = crop_at(t1, centre, wide) / 255
        healthy = (crop > 0) & (crop_at(lesions, centre, wide) == 0)
        hole = np.zeros(wide, bool)
        hole[inner.slices] = stamped(inner.shape, pack.shapes, rng)
        hole &= healthy
        white = crop > _BRIGHT * tissue_level(crop, hole) if hole.any() else hole
        share = float(white[hole].mean()) if hole.any() else 0.0
        if share > best:
            best = share
            parts = [crop_at(contrast, centre, wide) / 255 for contrast in pack.images[chosen]]
            found = np.stack(parts), hole
        if share > _MOSTLY:
            break
    if best <= 0:
        return _with_room(pack, wide, inner, mix, rng)
    return found


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
