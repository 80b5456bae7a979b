"""What companions add to patches: entries of their own, where they are known.

A companion tells most by its value at the centre and next to it, from which a linear prediction also makes up for what
interpolation blurred. Entries farther away were tried: they add noise to the choice of candidates, and cost accuracy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from brainfill.core.companion import Companion
from brainfill.core.grid import BoolArray, FloatArray
from brainfill.interpolation.patches import Stencil, whole_patches
from brainfill.interpolation.sites import Site
from brainfill.interpolation.smooth import noise_sd

_NEAR_VOX = 1


@dataclass(frozen=True, eq=False)
class _Layer:
    """One companion, padded and flat.

    Args:
        values: float32 (V,), of mean 0 and standard deviation 1 in tissue; 0 where not known.
        known: bool (V,).
        steps: (Q,), from a voxel to the entries of its patch.
        weights: float32 (Q,), how much each counts.
    """

    values: Tensor
    known: Tensor
    steps: Tensor
    weights: Tensor


@dataclass(frozen=True, eq=False)
class Beside:
    """The entries that all companions of a site add to its patches.

    Args:
        layers: of each.
        whole: bool (X, Y, Z), voxels at which all entries are known, as candidates need them.
    """

    layers: Sequence[_Layer]
    whole: BoolArray

    def entries(self, where: Tensor) -> tuple[Tensor, Tensor]:
        """Values and support (N, Q) at flat indices of the padded site; support is 0 where not known."""
        around = [where[:, None] + layer.steps for layer in self.layers]
        values = [layer.values[a] for layer, a in zip(self.layers, around, strict=True)]
        support = [
            layer.known[a] * layer.weights for layer, a in zip(self.layers, around, strict=True)
        ]
        return torch.cat(values, dim=1), torch.cat(support, dim=1)


def beside(
    site: Site,
    shape: Stencil,
    companions: Sequence[Companion],
    enough: int,
    device: str,
) -> tuple[Beside | None, list[str]]:
    """The entries of those companions that leave enough candidates, None if none does; and the names of the others.

    Args:
        site: surroundings of the lesion.
        shape: of its patches.
        companions: on the grid of the image that the site was cut from.
        enough: candidates below which a companion is not used.
        device: where the entries are wanted.
    """
    layers, left_out, whole, near = [], list[str](), site.tissue, _near(shape)
    for companion in companions:
        part = companion.crop(site.box)
        known = part.known.data & np.isfinite(part.image.data)
        here = whole & whole_patches(shape.pad(known), near)[shape.inner]
        if int(here.sum()) >= enough:
            layers.append(_layer(site, shape, near, part.image.data, known, device))
            whole = here
        else:
            left_out.append(companion.name)
    return (Beside(layers, whole) if layers else None), left_out


def _near(shape: Stencil) -> Stencil:
    """The centre of a patch and the voxels next to it."""
    keep = np.abs(shape.offsets).sum(axis=1) <= _NEAR_VOX
    return Stencil(shape.offsets[keep], shape.weights[keep])


def _layer(
    site: Site,
    shape: Stencil,
    near: Stencil,
    image: FloatArray,
    known: BoolArray,
    device: str,
) -> _Layer:
    tissue = site.tissue & known
    mean, sd = float(image[tissue].mean()), float(image[tissue].std()) or 1.0
    # A noisy companion must not choose the candidates.
    noise, own = (
        noise_sd(a, tissue) / (float(a[tissue].std()) or 1.0) for a in (image, site.image)
    )
    trust = min(1.0, (own / noise) ** 2) if noise else 1.0
    padded = shape.pad(np.where(known, (image - mean) / sd, 0).astype(np.float32))
    return _Layer(
        torch.from_numpy(padded.ravel()).to(device),
        torch.from_numpy(shape.pad(known).ravel()).to(device),
        torch.from_numpy(near.steps(padded.shape)).to(device),
        torch.from_numpy(near.weights * np.float32(trust)).to(device),
    )
