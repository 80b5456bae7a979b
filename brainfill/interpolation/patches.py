"""Patches of voxels: their shape, and a library of whole ones around a lesion."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from brainfill.core.grid import BoolArray, FloatArray
from brainfill.interpolation.sites import EXACT, Site
from brainfill.interpolation.smooth import noise_sd

if TYPE_CHECKING:
    from brainfill.interpolation.companion_patches import Beside

_SIGMA_OVER_RADIUS = 0.48


@dataclass(frozen=True, eq=False)
class Stencil:
    """Shape of a patch.

    Args:
        offsets: whole voxels (P, 3), the centre among them.
        weights: float32 (P,), how much each counts when patches are compared.
    """

    offsets: NDArray[np.intp]
    weights: FloatArray

    @property
    def reach(self) -> tuple[int, int, int]:
        """Voxels the patch extends from its centre along each axis."""
        x, y, z = np.abs(self.offsets).max(axis=0).tolist()
        return x, y, z

    def pad(self, array: NDArray[Any]) -> NDArray[Any]:
        """The array with its outermost values repeated, so that every voxel has a whole patch."""
        # In C order, whatever the order of the file, because patches are read by flat index.
        return np.ascontiguousarray(np.pad(array, [(r, r) for r in self.reach], mode="edge"))

    @property
    def inner(self) -> tuple[slice, ...]:
        """Where the array lies in the padded one."""
        return tuple(slice(r, -r) for r in self.reach)

    def steps(self, shape: tuple[int, ...]) -> NDArray[np.intp]:
        """Offsets (P,) in the flat index of an array of `shape`."""
        strides = np.array([shape[1] * shape[2], shape[2], 1])
        return np.asarray(self.offsets @ strides)


@dataclass(frozen=True, eq=False)
class Library:
    """Whole patches of tissue, standardised.

    Args:
        patches: float32 (M, P); the entries of companions stand last.
        squares: float32 (M, P), `patches` squared.
        centres: float32 (M,), the value in the middle of each.
        mean: of the tissue, in the unit of the image; subtracted.
        sd: of the tissue; divided by.
        noise: variance of the noise, after division.
        own: how many entries are those of the image itself.
    """

    patches: Tensor
    squares: Tensor
    centres: Tensor
    mean: float
    sd: float
    noise: float
    own: int

    def first(self, count: int) -> Library:
        """A library of so many of the patches."""
        patches, squares, centres = self.patches[:count], self.squares[:count], self.centres[:count]
        return replace(self, patches=patches, squares=squares, centres=centres)

    @property
    def beside(self) -> bool:
        """Whether patches have entries of companions."""
        return self.own < self.patches.shape[1]

    @property
    def range(self) -> tuple[float, float]:
        """Lowest and highest centre."""
        return float(self.centres.min()), float(self.centres.max())


def stencil(radius_vox: float, spacing: tuple[float, float, float]) -> Stencil:
    """A ball of voxels around the centre, and its neighbours along each axis.

    Args:
        radius_vox: radius in voxels of the finest axis.
        spacing: voxel size [mm].
    """
    sides = np.asarray(spacing) / min(spacing)
    reach = np.maximum(1, np.floor(radius_vox / sides)).astype(int)
    offsets = np.stack(np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij"), -1)
    offsets = offsets.reshape(-1, 3)
    away = np.linalg.norm(offsets * sides, axis=1)
    keep = (away <= radius_vox) | (np.abs(offsets).sum(axis=1) == 1)
    weights = np.exp(-0.5 * (away[keep] / (_SIGMA_OVER_RADIUS * radius_vox)) ** 2)
    return Stencil(offsets[keep], weights.astype(np.float32))


def collect(
    site: Site,
    shape: Stencil,
    search_mm: float,
    most: int,
    rng: np.random.Generator,
    device: str,
    beside: Beside | None = None,
    *,
    shuffled: bool = False,
) -> Library:
    """Patches around a lesion that are known throughout and centred on tissue.

    Args:
        site: surroundings of the lesion.
        shape: of the patches.
        search_mm: distance of centres from the lesion; all of the site where that gives none.
        most: how many at most; a random choice of them beyond that.
        rng: makes the choice.
        device: where the library is wanted.
        beside: entries of companions, known throughout as well.
        shuffled: whether the first of them must be a random choice as well.
    """
    # Beyond the ends of the image its outermost values count as known: thin volumes have patches too.
    whole = whole_patches(shape.pad(site.known), shape)[shape.inner] & site.tissue
    if beside is not None:
        whole &= beside.whole
    away = ndimage.distance_transform_edt(~site.hole, sampling=site.grid.spacing())
    near = whole & (away <= search_mm * (1 + EXACT))
    chosen = np.argwhere(near if near.any() else whole)
    if shuffled or len(chosen) > most:
        world = np.round(site.grid.to_world(chosen.astype(np.float64)), 3)
        chosen = chosen[np.lexsort(world.T[::-1])][rng.permutation(len(chosen))[:most]]
    mean = float(site.image[site.tissue].mean())
    sd = float(site.image[site.tissue].std()) or 1.0
    image = ((shape.pad(site.image) - mean) / sd).astype(np.float32)
    flat = np.ravel_multi_index(tuple((chosen + np.array(shape.reach)).T), image.shape)
    noise = (noise_sd(site.image, site.tissue) / sd) ** 2
    values = torch.from_numpy(image.ravel()).to(device)
    where = torch.from_numpy(flat).to(device)
    patches = values[where[:, None] + torch.from_numpy(shape.steps(image.shape)).to(device)]
    own = patches.shape[1]
    if beside is not None:
        patches = torch.cat([patches, beside.entries(where)[0]], 1)
    return Library(patches, patches.square(), values[where], mean, sd, noise, own)


def whole_patches(known: BoolArray, shape: Stencil) -> BoolArray:
    """Where all voxels of a patch are known."""
    footprint = np.zeros([2 * r + 1 for r in shape.reach], bool)
    footprint[tuple((shape.offsets + np.array(shape.reach)).T)] = True
    return np.asarray(ndimage.binary_erosion(known, footprint))
