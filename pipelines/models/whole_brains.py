"""Skull-stripped scans of two data sets at 2 mm, for the model of large lesions.

    python pipelines/models/whole_brains.py OASIS_BIDS IXI_BIDS OUT --without 1002 1008 1122

IXI is stripped by its labels. Writes OUT/manifest.tsv, which `brainfill train pack` reads.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy import ndimage

IXI_HELD_OUT = 20  # the last in name order
OASIS_TURNS = 3  # so that about four crops in ten are of its finer scans


def main() -> None:
    """Read the command line, strip, write the manifest."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("oasis", type=Path)
    parser.add_argument("ixi", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--without", nargs="*", default=[], help="people of OASIS left out")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    oasis = sorted(args.oasis.glob("sub-*/ses-*/anat/*_T1w.nii*"))
    kept = [p for p in oasis if not any(f"sub-{name}" in p.name for name in args.without)]
    ixi = sorted(args.ixi.glob("sub-*/anat/*_T1w.nii*"))[:-IXI_HELD_OUT]
    scans = kept * OASIS_TURNS + [stripped(p, args.ixi, args.out) for p in ixi]
    rows = [os.path.relpath(scan, args.out) for scan in scans]
    (args.out / "manifest.tsv").write_text("\n".join(["image", *rows, ""]), encoding="utf-8")


def stripped(scan: Path, bids: Path, out: Path) -> Path:
    """The scan without what has no label and is not enclosed by labels."""
    person = scan.parts[-3]
    labels = bids / "derivatives" / "dlmuse" / person / "anat" / f"{person}_desc-muse_dseg.nii.gz"
    image = nib.load(scan)
    brain = np.asarray(nib.load(labels).dataobj) > 0
    brain = ndimage.binary_fill_holes(ndimage.binary_closing(brain))
    target = out / scan.name
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj) * brain, image.affine), target)
    return target


if __name__ == "__main__":
    main()
