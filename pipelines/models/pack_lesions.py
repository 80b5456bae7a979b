"""Pack patients with their lesions, healthy people and lesion shapes for training painters of lesions, at 1 mm.

    python pipelines/models/pack_lesions.py PACK.npz --patients MS --healthy OASIS --shapes MASKS

MS (BIDS-like: sub-*/anat/*_T1w, *_FLAIR and *_mask) and OASIS (sub-*/anat/*_T1w) are stripped brains at 1 mm; people
given with --exclude are left out. Of healthy people there is no FLAIR.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from brainfill.train.lesioned import LesionedPack, packed_scan, save_lesioned
from brainfill.train.pack import packed_shapes

CONTRASTS = ("T1w", "FLAIR")


def main() -> None:
    """Read the command line, pack, say how much."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--patients", type=Path, required=True)
    parser.add_argument("--healthy", type=Path, required=True)
    parser.add_argument("--shapes", type=Path, required=True, help="folder of lesion masks")
    parser.add_argument("--exclude", nargs="*", default=[], help="people left out, such as sub-07")
    args = parser.parse_args()
    people, scans = [], []
    for folder in sorted(args.patients.glob("sub-*/anat")):
        if folder.parent.name not in args.exclude:
            found = [values(one(folder, f"*_{c}.nii.gz")) for c in CONTRASTS]
            scans.append(packed_scan(found, values(one(folder, "*_mask.nii.gz")) > 0))
            people.append(folder.parent.name)
    for folder in sorted(args.healthy.glob("sub-*/**/anat")):
        if not any(part in args.exclude for part in folder.parts):
            t1 = values(one(folder, "*_T1w.nii.gz"))
            scans.append(packed_scan([t1, np.zeros_like(t1)], np.zeros(t1.shape, bool)))
            people.append("_".join(p for p in folder.parts if p.startswith(("sub-", "ses-"))))
    masks = sorted(args.shapes.rglob("*.nii.gz"))
    kept = [path for path in masks if path.name.partition("_")[0] not in args.exclude]
    shapes = [shape for path in kept for shape in packed_shapes(values(path) > 0)]
    images, lesions = zip(*scans, strict=True)
    save_lesioned(LesionedPack(people, CONTRASTS, images, lesions, shapes), args.out)
    print(f"{len(people)} people and {len(shapes)} shapes in {args.out}: {', '.join(people)}")


def one(folder: Path, pattern: str) -> Path:
    """The only file of a pattern."""
    (found,) = folder.glob(pattern)
    return found


def values(path: Path) -> NDArray[np.float32]:
    """The values of an image, its axes turned to RAS."""
    return np.asarray(nib.as_closest_canonical(nib.load(path)).dataobj, np.float32)


if __name__ == "__main__":
    main()
