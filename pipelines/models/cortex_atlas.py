"""Make the atlas of cortical regions that `brainfill thickness` names voxels by, in the space of the MNI template.

    python pipelines/models/cortex_atlas.py OASIS --leave-out 1002 1008 1122 --work FOLDER

OASIS is the BIDS folder of healthy adults with the manual Neuromorphometrics labels (CC BY-NC). Each person is laid on
the template, affinely and then by SyN; each voxel gets the cortical region most people have there, and voxels near the
cortex that nobody has any in get the nearest one. With --work the people laid already are not laid again.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from brainfill.core.context import Context
from brainfill.io.nifti import read_volume
from brainfill.preprocess.registration import register
from brainfill.preprocess.template import MNI, load_template
from brainfill.preprocess.transforms import carry
from brainfill.thickness.regions import ATLAS, NAMES

FIRST, LAST = 100, 207  # cortical labels; even on the right, odd on the left


def main() -> None:
    """Read the command line, lay everybody on the template, vote, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("oasis", type=Path)
    parser.add_argument("--leave-out", nargs="+", default=[])
    parser.add_argument("--work", type=Path, required=True, help="keeps the people laid")
    parser.add_argument("--kind", choices=("affine", "syn"), default="syn")
    parser.add_argument("--reach-mm", type=float, default=6.0, help="how far labels are carried on")
    parser.add_argument("--spacing-mm", type=int, default=1, help="voxel size of the atlas")
    parser.add_argument("--out", type=Path, default=ATLAS)
    args = parser.parse_args()
    template = load_template(MNI, read_volume)
    people = [p.name for p in sorted(args.oasis.glob("sub-*"))]
    people = [p for p in people if p.removeprefix("sub-") not in args.leave_out]
    laid = [on_template(args.oasis, person, args.kind, args.work) for person in people]
    atlas = grown(voted(laid), args.reach_mm)
    step = args.spacing_mm
    affine = template.image.grid.affine @ np.diag([step, step, step, 1])
    atlas = atlas[::step, ::step, ::step]
    nib.save(nib.Nifti1Image(atlas, affine), args.out)
    write_names(args.oasis / "neuromorphometrics_labels.csv", args.out.with_name(NAMES.name))
    print(f"{len(people)} people, {np.unique(atlas).size - 1} regions in {args.out}, ", end="")
    print(f"{args.out.stat().st_size / 1000:.0f} kB")


def on_template(oasis: Path, person: str, kind: str, work: Path) -> NDArray[np.uint8]:
    """All labels of a person on the grid of the template."""
    kept = work / f"{person}_{kind}.npz"
    if not kept.exists():
        np.savez_compressed(kept, labels=_moved(oasis, person, kind))
        print(f"{person} is laid on the template", flush=True)
    return np.load(kept)["labels"]


def _moved(oasis: Path, person: str, kind: str) -> NDArray[np.uint8]:
    anat = Path(person, "ses-01", "anat")
    image = read_volume(oasis / anat / f"{person}_ses-01_T1w.nii.gz")
    name = f"{person}_ses-01_desc-neuromorphometrics_dseg.nii.gz"
    labels = read_volume(oasis / "derivatives" / "labels" / anat / name).data
    template, ctx = load_template(MNI, read_volume), Context(threads=1)
    found = register(template.image, template.brain.data, image, None, kind, "balanced", ctx)
    on = carry(labels, image.grid, template.image.grid, [found.forward], "nearest", ctx)
    return np.rint(on).astype(np.uint8)


def voted(people: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """The label most people have in each voxel, among those who have cortex there; of equals the first."""
    labels = np.stack(people)
    found, most = np.zeros(labels.shape[1:], np.uint8), np.zeros(labels.shape[1:], np.uint8)
    for label in np.unique(labels[labels > 0]):
        votes = (labels == label).sum(axis=0, dtype=np.uint8)
        better = votes > most
        found[better], most[better] = label, votes[better]
    return found


def grown(labels: NDArray[np.uint8], reach_mm: float) -> NDArray[np.uint8]:
    """Labels at 1 mm carried on to the voxels at most `reach_mm` away."""
    away, nearest = ndimage.distance_transform_edt(labels == 0, return_indices=True)
    return np.where(away <= reach_mm, labels[tuple(nearest)], 0).astype(np.uint8)


def write_names(labels_csv: Path, out: Path) -> None:
    """The names of the cortical labels, one row each."""
    with labels_csv.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if FIRST <= int(row["Label Number"]) <= LAST]
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(("label", "hemisphere", "abbreviation", "region"))
        for row in rows:
            side, short, *words = row["Label Name"].split()
            writer.writerow((row["Label Number"], side.lower(), short, " ".join(words)))


if __name__ == "__main__":
    main()
