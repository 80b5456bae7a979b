"""Pack brains whose tissues and regions are known: for training `tissues` at 1 mm and `regions` at 2 mm.

    PYTHONPATH=pipelines/benchmark python pipelines/models/pack_brains.py OASIS IXI2MM TISSUES.npz REGIONS.npz

OASIS are stripped adults at 1 mm with manual labels, in tissues and after Neuromorphometrics; three people are held
out. IXI2MM are heads at 2 mm with automatic labels of the same numbers, for `regions` only: the last 20 in name order
are held out. Regions have no side, so that examples may be mirrored, and reach some way beyond the cortex, so that
every voxel near it has one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import nibabel as nib
import numpy as np
from brains import HELD_OUT, OASIS_HELD_OUT, brain_of, head_of, labels_of, people_of, t1w_of
from numpy.typing import NDArray
from pack_heads import turned, values
from scipy import ndimage

from brainfill.thickness.regions import DEEP, FIRST, HINDBRAIN, load_names, region_names
from brainfill.train.labelled import LabelledPack, save_labelled

HINDBRAIN_LABELS = (11, 35, 38, 39, 40, 41, 71, 72, 73)
# Fluid, white matter and vessels: cortex may be carried on into these, never into grey matter below it.
YIELDING = (0, 4, 44, 45, 46, 51, 52, 49, 50, 63, 64, 69, *range(81, 96))
REACH_MM = 3.0
IMAGE_PCT = 99.9

Example = tuple[str, NDArray[np.uint8], NDArray[np.uint8]]


def main() -> None:
    """Read the command line, pack both, say how much."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("oasis", type=Path)
    parser.add_argument("ixi", type=Path)
    parser.add_argument("tissues", type=Path)
    parser.add_argument("regions", type=Path)
    args = parser.parse_args()
    adults = [p for p in people_of(args.oasis) if p not in OASIS_HELD_OUT]
    save([tissues(args.oasis, person) for person in adults], 1.0, args.tissues)
    heads = people_of(args.ixi)[:-HELD_OUT]
    known = [regions(args.oasis, person) for person in adults]
    known += [automatic_regions(args.ixi, person) for person in heads]
    save(known, 2.0, args.regions)


def save(examples: list[Example], spacing_mm: float, out: Path) -> None:
    """Write one pack."""
    names, images, classes = zip(*examples, strict=True)
    pack = LabelledPack(names, images, classes, [False] * len(names), spacing_mm)
    save_labelled(pack, out)
    print(f"{len(names)} brains in {out}, {out.stat().st_size / 1e6:.0f} MB", flush=True)


def tissues(oasis: Path, person: str) -> Example:
    """Name, brain and tissues (1 fluid, 2 grey, 3 white) of an adult."""
    image, labels = nib.load(t1w_of(oasis, person)), nib.load(labels_of(oasis, person, "tissues"))
    return person, scaled(values(image)), turned(values(labels))


def regions(oasis: Path, person: str) -> Example:
    """Name, brain and regions of an adult, at 2 mm."""
    image = values(nib.load(t1w_of(oasis, person))).astype(np.float32)
    labels = values(nib.load(labels_of(oasis, person, "neuromorphometrics")))
    return person, scaled(halved(image)), turned(commonest(classes_of(labels, REACH_MM)))


def automatic_regions(ixi: Path, person: str) -> Example:
    """Name, brain and regions of a head at 2 mm."""
    scan = nib.load(head_of(ixi, person))
    brain = nib.Nifti1Image(brain_of(ixi, person).astype(np.uint8), scan.affine)
    found = ixi / "derivatives" / "dlmuse" / person / "anat" / f"{person}_desc-muse_dseg.nii.gz"
    image = values(scan).astype(np.float32) * values(brain)
    return person, scaled(image), turned(classes_of(values(nib.load(found)), REACH_MM / 2))


def classes_of(labels: NDArray[np.generic], reach_vox: float) -> NDArray[np.uint8]:
    """0 outside, then the classes of the bundle in order: DEEP, HINDBRAIN, regions without sides."""
    found = np.where(np.isin(labels, HINDBRAIN_LABELS), HINDBRAIN, np.where(labels > 0, DEEP, 0))
    order = region_names()
    for label, name in load_names().items():
        found[labels == label] = FIRST + order.index(name.region)
    away, nearest = ndimage.distance_transform_edt(found < FIRST, return_indices=True)
    carried = np.isin(labels, YIELDING) & (away <= reach_vox)
    return np.where(carried, found[tuple(nearest)], found).astype(np.uint8)


def scaled(image: NDArray[np.generic]) -> NDArray[np.uint8]:
    """RAS values as bytes (D, H, W)."""
    shown = image.astype(np.float32)
    return turned(np.clip(shown / np.percentile(shown[shown > 0], IMAGE_PCT) * 255, 0, 255).round())


def halved(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means of blocks of 2 x 2 x 2 voxels."""
    return np.asarray(blocks(image).mean(axis=(1, 3, 5)))


def commonest(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The class most voxels of a block have; of equals the first."""
    parts = blocks(labels)
    found = np.zeros(parts.shape[::2], np.uint8)
    most = np.zeros(found.shape, np.uint8)
    for label in np.unique(labels):
        votes = (parts == label).sum(axis=(1, 3, 5), dtype=np.uint8)
        better = votes > most
        found[better], most[better] = label, votes[better]
    return found


def blocks(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """(X, Y, Z) as (X / 2, 2, Y / 2, 2, Z / 2, 2), zeros added to odd sizes."""
    even = np.pad(array, [(0, n % 2) for n in array.shape])
    x, y, z = (n // 2 for n in even.shape)
    return even.reshape(x, 2, y, 2, z, 2)


if __name__ == "__main__":
    main()
