"""Pack heads with their brains for training the skull stripper, at 2 mm.

    PYTHONPATH=pipelines/benchmark python pipelines/models/pack_heads.py IXI2MM LABELMAPS PACK.npz

Of the people of IXI2MM (BIDS, with derivatives/dlmuse) the last 20 in name order are held out; for what
counts as brain see brains.py. LABELMAPS are whole heads in regions, which
training paints in random contrasts; their brain is every region of the skull's inside above the
lowest slice of the cerebellum.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import nibabel as nib
import numpy as np
from brains import HELD_OUT, brain_of, closed, head_of, people_of
from numpy.typing import NDArray
from scipy import ndimage

from brainfill.preprocess.pieces import solid
from brainfill.train.labelled import LabelledPack, save_labelled

SPACING_MM = 2.0
OPENING_VOX = 2
# Sides, and structures of one kind of tissue, look alike.
ALIKE = ((2, 41, 85), (3, 42, 17, 53, 18, 54), (4, 43, 5, 44, 14, 15, 24), (7, 46), (8, 47))
ALIKE += ((10, 49), (11, 50, 26, 58), (12, 51), (13, 52), (16, 28, 60), (25, 57), (30, 62, 72))
CEREBELLUM = (7, 8, 46, 47)
FIRST_OUTSIDE = 500


def main() -> None:
    """Read the command line, pack, say how much."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ixi", type=Path)
    parser.add_argument("labelmaps", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    people = [head(args.ixi, person) for person in people_of(args.ixi)[:-HELD_OUT]]
    maps = [painted(path) for path in sorted(args.labelmaps.glob("*_dseg.nii.gz"))]
    names, images, classes = zip(*people, *maps, strict=True)
    flags = [False] * len(people) + [True] * len(maps)
    save_labelled(LabelledPack(names, images, classes, flags, SPACING_MM), args.out)
    print(f"{len(people)} people, {len(maps)} maps in {args.out}")


def head(ixi: Path, person: str) -> tuple[str, NDArray[np.uint8], NDArray[np.uint8]]:
    """Name, scan and brain of one person."""
    scan = nib.load(head_of(ixi, person))
    brain = nib.Nifti1Image(brain_of(ixi, person).astype(np.uint8), scan.affine)
    shown = values(scan).astype(np.float32)
    image = np.clip(shown / np.percentile(shown, 99.9) * 255, 0, 255).round()
    return person, turned(image), turned(values(brain))


def painted(path: Path) -> tuple[str, NDArray[np.uint8], NDArray[np.uint8]]:
    """Name, regions and brain of a label map, every second voxel of its 1 mm."""
    labels = values(nib.load(path))[::2, ::2, ::2]
    inside = (labels > 0) & (labels < FIRST_OUTSIDE)
    lowest = np.flatnonzero(np.isin(labels, CEREBELLUM).any(axis=(0, 1)))[0]
    inside[:, :, :lowest] = False
    ball = ndimage.iterate_structure(ndimage.generate_binary_structure(3, 1), OPENING_VOX)
    brain = solid(closed(ndimage.binary_opening(inside, ball)))
    for first, *others in ALIKE:
        labels[np.isin(labels, others)] = first
    _, regions = np.unique(labels, return_inverse=True)
    return path.name.partition("_dseg")[0], turned(regions.reshape(labels.shape)), turned(brain)


def values(image: nib.Nifti1Image) -> NDArray[np.generic]:
    """The values of an image, its axes turned to RAS."""
    return np.array(nib.as_closest_canonical(image).dataobj)


def turned(array: NDArray[np.generic]) -> NDArray[np.uint8]:
    """RAS (X, Y, Z) as (D, H, W)."""
    return np.ascontiguousarray(array.transpose(2, 0, 1).astype(np.uint8))


if __name__ == "__main__":
    main()
