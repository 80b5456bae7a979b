"""MS-like lesions: where they lie, their shape, and how much of the signal they take away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generator.anatomy import Anatomy, anatomy
from generator.fields import Array, Field, ramp, rotation

_EDGE_MM = 1.4  # width over which a lesion fades into healthy tissue
_CLEARANCE_MM = 3.0  # healthy tissue kept between two lesions


@dataclass(frozen=True)
class Kind:
    """One kind of lesion.

    Args:
        ventricle: allowed distance from the ventricles, low and high [mm].
        cortex: allowed depth below the white matter's surface, low and high [mm].
        long: half of its longest axis, low and high [mm].
        short: half of its other axes, low and high [mm].
        level: its signal as a share of normal white matter, low and high.
    """

    ventricle: tuple[float, float]
    cortex: tuple[float, float]
    long: tuple[float, float]
    short: tuple[float, float]
    level: tuple[float, float]


KINDS = {
    "periventricular": Kind((2, 6), (1, 99), (4.5, 8.5), (2.8, 4.4), (0.52, 0.72)),
    "deep": Kind((9, 99), (4, 99), (2.4, 5.0), (2.0, 3.6), (0.58, 0.80)),
    "juxtacortical": Kind((12, 99), (1, 3), (2.2, 3.6), (1.8, 2.6), (0.68, 0.80)),
    "punctate": Kind((6, 99), (3, 99), (1.3, 1.7), (1.2, 1.5), (0.68, 0.82)),
}


@dataclass(frozen=True, eq=False)
class Lesion:
    """An ellipsoid in template space.

    Args:
        centre: (3,) [mm].
        frame: (3, 3) orthonormal rows, the long axis first.
        radii: (3,) half axes [mm].
        level: its signal as a share of normal white matter.
    """

    centre: Array
    frame: Array
    radii: Array
    level: float


def draw_lesions(seed: int, counts: dict[str, int]) -> list[Lesion]:
    """So many lesions of each kind in the cerebral white matter, none touching another."""
    rng, maps = np.random.default_rng([seed, 2]), anatomy()
    lesions: list[Lesion] = []
    for name, count in counts.items():
        kind = KINDS[name]
        spots = iter(rng.permutation(_spots(maps, kind)))
        for _ in range(count):
            radii = np.array([rng.uniform(*kind.long), *rng.uniform(*kind.short, 2)])
            centre = next(spot for spot in spots if _is_free(spot, radii, lesions))
            frame = (
                _frame(maps, centre, rng)
                if name == "periventricular"
                else rotation(rng.uniform(0, 180, 3).tolist())
            )
            lesions.append(Lesion(centre, frame, radii, rng.uniform(*kind.level)))
    return lesions


def lost_signal(lesions: list[Lesion], healthy: Array, at: Array, edge: Field) -> Array:
    """Signal (N,) the lesions take from `healthy` (N,) at template positions `at` (N, 3).

    Tissue already darker than a lesion, such as fluid, keeps its signal.
    """
    lost = np.zeros_like(healthy)
    for lesion in lesions:
        near = np.flatnonzero(
            (np.abs(at - lesion.centre) < 1.8 * lesion.radii.max() + 2).all(axis=1)
        )
        if near.size:
            offset = (at[near] - lesion.centre) @ lesion.frame.T / lesion.radii
            reach = np.linalg.norm(offset, axis=1) + 0.18 * edge.at(at[near])
            opacity = ramp((1 - reach) * lesion.radii.min() / _EDGE_MM)
            level = lesion.level * (1.06 - 0.12 * ramp(1 - 1.5 * reach))
            drop = opacity * np.maximum(healthy[near] - level, 0)
            lost[near] = np.maximum(lost[near], drop)
    return lost


def _spots(maps: Anatomy, kind: Kind) -> Array:
    """Template positions (N, 3) where a lesion of this kind may have its centre [mm]."""
    white = maps.white
    x, _, z = white.T
    ventricle, cortex = maps.to_ventricle.at(white), -maps.depth.at(white)
    keep = (ventricle >= kind.ventricle[0]) & (ventricle <= kind.ventricle[1])
    keep &= (cortex >= kind.cortex[0]) & (cortex <= kind.cortex[1])
    # Neither the cerebellum nor the fibres between the deep nuclei.
    keep &= (z > -10) & ((np.abs(x) > 26) | (z > 18)) & (np.abs(x) > 6)
    return white[keep]


def _is_free(spot: Array, radii: Array, lesions: list[Lesion]) -> bool:
    return all(
        np.linalg.norm(spot - other.centre) > radii.max() + other.radii.max() + _CLEARANCE_MM
        for other in lesions
    )


def _frame(maps: Anatomy, centre: Array, rng: np.random.Generator) -> Array:
    """Rows whose first points away from the ventricle, as lesions along its veins do."""
    steps = 2 * np.eye(3)
    slope = maps.to_ventricle.at(centre + steps) - maps.to_ventricle.at(centre - steps)
    axes = np.column_stack([slope, rng.standard_normal((3, 2))])
    return np.linalg.qr(axes)[0].T
