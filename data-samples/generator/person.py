"""One synthetic person: how the template is bent, and what each point of the head looks like in T1w."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generator.anatomy import HIGH, LOW, anatomy
from generator.fields import Array, Field, noise_field, ramp, rotation

Triple = tuple[float, float, float]

# Signal of each tissue, white matter being 1.
GM, CSF, FAT, SKIN, MUSCLE, BONE, MARROW = 0.68, 0.22, 1.0, 0.5, 0.45, 0.06, 0.35
_FARTHEST_SKIN = 25.0  # from the hull of the brain [mm]
_CENTRE = np.array([0.0, -16.0, 20.0])  # middle of the head in the template's space [mm]


@dataclass(frozen=True, eq=False)
class Person:
    """What makes a head its own; positions in the template's space [mm].

    Args:
        bend: six displacement fields, three coarse then three fine [mm, standard deviation 1].
        stretch: (3, 3) from the person's space to the template's.
        shift: (3,) where the scanner sees the template's origin [mm].
        fields: random fields by use: "fold", "thick", "texture", "skull", "blotch", "bias", "edge".
    """

    bend: tuple[Field, ...]
    stretch: Array
    shift: Array
    fields: dict[str, Field]

    def centre(self) -> Array:
        """Middle of the head (3,) in the person's space [mm]."""
        return self.shift + np.linalg.solve(self.stretch, _CENTRE)

    def to_template(self, points: Array) -> Array:
        """Person's positions (N, 3) [mm] to template positions (N, 3) [mm]."""
        coarse = np.stack([field.at(points) for field in self.bend[:3]], axis=1)
        fine = np.stack([field.at(points) for field in self.bend[3:]], axis=1)
        return (points - self.shift) @ self.stretch.T + 2.2 * coarse + 1.5 * fine


def person(seed: int) -> Person:
    """The person drawn from `seed`."""
    rng = np.random.default_rng([seed, 1])
    sigmas = {
        "fold": 3.5, "thick": 9.0, "texture": 1.6, "skull": 30.0, "blotch": 3.0, "bias": 60.0, "edge": 2.5,
    }  # fmt: skip
    bend = tuple(noise_field(rng, LOW, HIGH, sigma) for sigma in (45.0,) * 3 + (10.0,) * 3)
    stretch = np.diag(1 + 0.04 * rng.standard_normal(3)) @ rotation(rng.normal(0, 2.0, 3).tolist())
    shift = np.round(rng.normal(0, 8.0, 3), 1)
    return Person(
        bend, stretch, shift, {k: noise_field(rng, LOW, HIGH, s) for k, s in sigmas.items()}
    )


def t1w(who: Person, at: Array) -> Array:
    """T1w signal (N,) at template positions `at` (N, 3): white matter 1, air 0, no noise, no bias."""
    maps = anatomy()
    signal = np.zeros(len(at))
    hull = maps.hull.at(at)
    solid = np.flatnonzero((hull < _FARTHEST_SKIN) | (_below(at) < 1))
    signal[solid] = _head(who, at[solid], hull[solid])
    inside = ramp(1.6 * (maps.brain.at(at) - 0.5))
    brain = np.flatnonzero(inside > 0)
    signal[brain] += inside[brain] * (_brain(who, at[brain]) - signal[brain])
    signal[solid] *= 1 + 0.025 * who.fields["texture"].at(at[solid])
    return signal


def _brain(who: Person, at: Array) -> Array:
    """Cortex as a ribbon of an individual's thickness; the rest as in the template."""
    maps, fields = anatomy(), who.fields
    t1 = maps.t1.at(at)
    template = np.clip(GM + (t1 - 165) * (1 - GM) / 58, 0.18, 1.06)
    depth = maps.depth.at(at) + 0.6 * fields["fold"].at(at)
    thick = 2.9 + 0.3 * fields["thick"].at(at) + 0.6 * np.maximum(maps.ridge.at(at) - 3.6, 0)
    thick -= 1.5 * ramp((140 - t1) / 40)
    white = ramp(-depth / 1.3)
    fluid = ramp((depth - thick) / 1.5)
    ribbon = GM + white * (1 - GM) + fluid * (CSF - GM)
    return ribbon + _uncortical(at) * (template - ribbon)


def _uncortical(at: Array) -> Array:
    """1 in deep grey matter, ventricles, brainstem and cerebellum, 0 in the cortex."""
    x, y, z = np.abs(at[:, 0]), at[:, 1], at[:, 2]
    shapes = (
        _ellipsoid(x, y, z, (14, -8, 6), (21, 46, 22)),
        _ellipsoid(x, y, z, (24, -22, -14), (14, 26, 12)),
        _ellipsoid(x, y, z, (0, -64, -38), (62, 42, 27)),
        _ellipsoid(x, y, z, (0, -28, -40), (20, 20, 42)),
    )
    return ramp(np.max([8 * (1 - s) for s in shapes], axis=0))


def _ellipsoid(x: Array, y: Array, z: Array, centre: Triple, radii: Triple) -> Array:
    """0 in the centre, 1 on the surface."""
    offsets = [(v - c) / r for v, c, r in zip((x, y, z), centre, radii, strict=True)]
    return np.linalg.norm(offsets, axis=0)


def _head(who: Person, at: Array, hull: Array) -> Array:
    """Fluid, bone with marrow, muscle, fat and skin by distance from the brain; no face."""
    maps, fields = anatomy(), who.fields
    skull, blotch = fields["skull"].at(at), fields["blotch"].at(at)
    inner = 2.2 + 0.5 * skull
    outer = inner + 5.5 + 1.2 * skull
    marrow = np.clip(MARROW * (1 + 0.5 * blotch), 0, 1) * ramp(
        (2.2 - np.abs(hull - 0.5 * (inner + outer))) / 1.5
    )
    vault = CSF + ramp(hull - inner) * (BONE + marrow - CSF)
    under = ramp((maps.gap.at(at) - 8) / 4) * ramp((-15 - at[:, 2]) / 12)
    flesh = np.clip(MUSCLE + 0.2 * blotch, BONE, FAT)
    surface = np.minimum(hull - outer - 5.5 - fields["thick"].at(at), _below(at))
    fat = ramp((surface + 5.0) / 2.0)
    flesh += fat * (FAT * (1 + 0.1 * blotch) - flesh)
    flesh += ramp(surface + 1.8) * (SKIN - flesh)
    soft = np.maximum(under, ramp(hull - outer))
    return (vault + soft * (flesh - vault)) * ramp(-surface)


def _below(at: Array) -> Array:
    """Rough distance from the neck and the featureless mass in front of it [mm]."""
    x, y, z = at.T
    neck = 58 * (np.hypot(x / 58, (y + 34) / 62) - 1) + np.maximum(z + 35, 0)
    front = 46 * (_ellipsoid(x, y, z, (0, 28, -55), (58, 52, 50)) - 1)
    return np.minimum(neck, front)
