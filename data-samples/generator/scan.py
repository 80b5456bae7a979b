"""What a scanner makes of a person: sampling on a grid, shading, noise, whole numbers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from generator.fields import Array, rotation
from generator.lesions import Lesion, lost_signal
from generator.person import Person, t1w

WHITE = 100  # signal of white matter in the file
VISIBLE = 0.02  # change, as a share of white matter, from which a voxel belongs to the lesion
_DIRECTIONS = {
    "R": (1, 0, 0), "L": (-1, 0, 0), "A": (0, 1, 0), "P": (0, -1, 0), "S": (0, 0, 1), "I": (0, 0, -1),
}  # fmt: skip
_CRUMB = 6.0  # smallest lesion [mm3]


@dataclass(frozen=True)
class Protocol:
    """The grid of a scan.

    Args:
        shape: voxels along each array axis.
        spacing: voxel size along each array axis [mm].
        axes: direction of the array axes, such as "RAS".
        tilt: rotation of the grid about x, y, z [degrees].
        parts: each voxel is the mean of this many points along each array axis.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    axes: str = "RAS"
    tilt: tuple[float, float, float] = (0.0, 0.0, 0.0)
    parts: tuple[int, int, int] = (1, 1, 1)

    def affine(self, who: Person) -> Array:
        """(4, 4) voxel index to world [mm], the head in the middle of the grid."""
        columns = np.array([_DIRECTIONS[axis] for axis in self.axes], dtype=float).T
        affine = np.eye(4)
        affine[:3, :3] = rotation(self.tilt) @ columns * self.spacing
        middle = (np.array(self.shape) - 1) / 2
        affine[:3, 3] = np.round(who.centre() - affine[:3, :3] @ middle, 3)
        return affine


@dataclass(frozen=True, eq=False)
class Scan:
    """A scan with lesions, the same head without them (int16), and the lesions' mask (uint8)."""

    image: NDArray[np.int16]
    healthy: NDArray[np.int16]
    mask: NDArray[np.uint8]
    affine: Array


def scan(who: Person, lesions: list[Lesion], protocol: Protocol, seed: int) -> Scan:
    """Scan a person; both images carry the same noise and are equal outside the mask."""
    affine = protocol.affine(who)
    healthy, lost = np.zeros((2, *protocol.shape))
    for i in range(protocol.shape[0]):
        healthy[i], lost[i] = _slab(who, lesions, protocol, affine, i)
    mask = _without_crumbs(lost > VISIBLE, float(np.prod(protocol.spacing)))
    shading, noise = _receive(who, protocol.shape, affine, seed)
    images = [_magnitude((healthy - drop) * shading, noise) for drop in (lost * mask, 0)]
    return Scan(images[0], images[1], mask.astype(np.uint8), affine)


def _slab(who: Person, lesions: list[Lesion], protocol: Protocol, affine: Array, i: int) -> Array:
    """Healthy and lost signal (2, Y, Z) of the plane of voxels `i`."""
    plane = protocol.shape[1:]
    total = np.zeros((2, *plane))
    inside = [(np.arange(n) + 0.5) / n - 0.5 for n in protocol.parts]
    for part in product(*inside):
        index = np.indices(plane, dtype=float).reshape(2, -1).T + part[1:]
        index = np.column_stack([np.full(len(index), i + part[0]), index])
        at = who.to_template(index @ affine[:3, :3].T + affine[:3, 3])
        healthy = t1w(who, at)
        lost = lost_signal(lesions, healthy, at, who.fields["edge"])
        total += np.stack([healthy, lost]).reshape(total.shape)
    return total / np.prod(protocol.parts)


def _without_crumbs(mask: NDArray[np.bool_], voxel: float) -> NDArray[np.bool_]:
    """The mask without specks of a few cubic millimetres that the rough borders shed."""
    parts, _ = ndimage.label(mask, np.ones((3, 3, 3)))
    return mask & (np.bincount(parts.ravel())[parts] * voxel > _CRUMB)


def _receive(who: Person, shape: tuple[int, ...], affine: Array, seed: int) -> tuple[Array, Array]:
    """Coil shading (X, Y, Z) around 1, and complex noise (2, X, Y, Z), strongest mid-head."""
    index = np.indices(shape, dtype=float).reshape(3, -1).T
    world = index @ affine[:3, :3].T + affine[:3, 3]
    shading = np.exp(0.07 * who.fields["bias"].at(world)).reshape(shape)
    away = np.linalg.norm(world - who.centre(), axis=1).reshape(shape)
    spread = 0.003 + 0.015 * np.exp(-((away / 75) ** 2))
    return shading, spread * np.random.default_rng([seed, 3]).standard_normal((2, *shape))


def _magnitude(signal: Array, noise: Array) -> NDArray[np.int16]:
    return np.rint(WHITE * np.hypot(signal + noise[0], noise[1])).astype(np.int16)
