"""Make people without labels into a folder that `fill_benchmark.py` reads: tissues by the shipped network.

    python pipelines/benchmark/label_tissues.py BIDS OUT --people 55 56 57 59 60

BIDS holds stripped T1w of 1 mm, sub-LABEL/anat/sub-LABEL_T1w.nii.gz (or .bz2); OUT gets them as session 01, with
derivatives/labels. The tissues say where lesions are put, and which level errors are a part of; fills never see them.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import nibabel as nib
import numpy as np

from brainfill.core.context import Context
from brainfill.core.grid import Grid
from brainfill.core.volume import Mask, Scan, Volume
from brainfill.preprocess.registration import Registration
from brainfill.preprocess.tissues import deep


def main() -> None:
    """Read the command line, label everybody."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bids", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--people", nargs="+", required=True)
    args = parser.parse_args()
    for person in args.people:
        t1 = next((args.bids / f"sub-{person}" / "anat").glob(f"sub-{person}_T1w.nii*"))
        label(nib.load(t1), person, args.out)


def label(image: nib.Nifti1Image, person: str, out: Path) -> None:
    """Write a person's scan and tissues."""
    name = f"sub-{person}_ses-01"
    data = np.asarray(image.dataobj)
    grid = Grid(data.shape, image.affine)
    scan = Scan(person, {"T1w": Volume(data.astype(np.float32), grid)}, brain=Mask(data > 0, grid))
    # The network asks for no registration.
    tissues = deep.build(deep.Config())(
        scan, Registration((), ()), Context(threads=os.cpu_count() or 1)
    )
    folders = (out, out / "derivatives" / "labels")
    t1, labels = (folder / f"sub-{person}" / "ses-01" / "anat" for folder in folders)
    t1.mkdir(parents=True, exist_ok=True)
    labels.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(data, image.affine, image.header), t1 / f"{name}_T1w.nii.gz")
    found = tissues.labels().data.astype(np.uint8)
    nib.save(nib.Nifti1Image(found, image.affine), labels / f"{name}_desc-tissues_dseg.nii.gz")
    counts = np.bincount(found.ravel(), minlength=4)[1:] / 1000
    print(name, *(f"{ml:.0f} ml" for ml in counts), flush=True)


if __name__ == "__main__":
    main()
