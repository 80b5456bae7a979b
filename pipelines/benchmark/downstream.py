"""Whether painted lesions teach a segmenter: trained on painted ones, on a patient's own, and on both.

    python pipelines/benchmark/downstream.py MS/sub-19/anat MS/sub-07/anat RUN --healthy OASIS --shapes MS/lesion_masks

The first patient trains, the second is looked at; neither's images serve for painting. Healthy people get shapes of
the other patients in their white matter (as `brainfill masks components` places them), painted by
`brainfill synthesize`. Each segmenter sees T1w alone, starts from the same weights and takes the same steps. Prints
Dice, and how many of the real lesions were met and how many of the found ones meet none.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import torch
from numpy.typing import NDArray
from pack_lesions import one, values
from runs import line
from scipy import ndimage

import brainfill
from brainfill.bundles.store import load_segmenter
from brainfill.metrics.overlap import dice
from brainfill.segmentation._base import normalised
from brainfill.train.labelled import LabelledPack, save_labelled
from brainfill.train.run import train_run

SMALLEST_VOX = 5
WHITE = 3
LESIONS = 30
SETTINGS = (
    'model.classes=["background","lesion"]',
    "model.crop_vox=[64,64,64]",
    "train.batch=2",
    "train.rate=2e-3",
    "train.warmup=50",
    "train.ema=0.99",
    "train.looks.painted=0",
    "train.looks.contrast=0.3",
    "train.looks.lesions=0",
    "train.looks.cut=0",
    "train.looks.cropped=0",
    "train.looks.stripped=0",
    "train.looks.no_head=0",
    "train.looks.warp.shift_vox=[30.0,30.0,40.0]",
)
Person = tuple[str, NDArray[np.uint8], NDArray[np.uint8]]


def main() -> None:
    """Read the command line, paint, train three times, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--healthy", type=Path, required=True)
    parser.add_argument(
        "--people", nargs="+", default=["1000", "1001", "1006", "1007", "1009", "1010"]
    )
    parser.add_argument("--shapes", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--model", default="", help="painter")
    args = parser.parse_args()
    args.run.mkdir(parents=True, exist_ok=True)
    real = [person(args.train, one(args.train, "*_mask.nii.gz"))]
    painted = [painted_person(args, name, number) for number, name in enumerate(args.people)]
    print(line(["trained on", "dice", "lesions", "met", "found", "wrong"]))
    for name, people in (
        ("painted", painted),
        ("real", real),
        ("both", painted + real * len(painted)),
    ):
        print(
            line([name, *scores(trained(people, args.run / name, args.steps), args.test)]),
            flush=True,
        )


def person(folder: Path, mask: Path) -> Person:
    """A T1w and its lesions as a pack holds them."""
    path = one(folder, "*_T1w.nii.gz")
    return path.name, *packed(values(path), values(mask) > 0)


def painted_person(args: argparse.Namespace, name: str, seed: int) -> Person:
    """A healthy person with painted lesions."""
    anat = args.healthy / f"sub-{name}/ses-01/anat"
    path = one(anat, "*_T1w.nii.gz")
    mask = args.run / f"{name}_mask.nii.gz"
    if not mask.is_file():
        labels = args.healthy / f"derivatives/labels/sub-{name}/ses-01/anat"
        tissues = nib.load(one(labels, "*_desc-tissues_dseg.nii.gz"))
        white = nib.Nifti1Image((values_of(tissues) == WHITE).astype(np.uint8), tissues.affine)
        pool = [
            p for p in sorted(args.shapes.rglob("*.nii.gz")) if args.test.parent.name not in p.name
        ]
        drawn = brainfill.draw_mask(
            "components", path, tissue=white, pool=pool, n=LESIONS, seed=seed
        )
        nib.save(drawn.mask, mask)
    done = brainfill.synthesize(path, mask, model=args.model, seed=seed)
    image = nib.as_closest_canonical(done.first.images["T1w"])
    lesions = nib.as_closest_canonical(done.first.lesion)
    return name, *packed(np.asarray(image.dataobj), np.asarray(lesions.dataobj) > 0)


def values_of(image: nib.Nifti1Image) -> NDArray[np.generic]:
    """The values of an image as they are stored."""
    return np.asarray(image.dataobj)


def packed(image: NDArray[np.floating], lesions: NDArray[np.bool_]) -> Sequence[NDArray[np.uint8]]:
    """RAS (X, Y, Z) as (D, H, W), 255 the 99.9th percentile of the brain."""
    top = np.percentile(image[image > 0], 99.9)
    scaled = np.clip(image / top * 255, 0, 255).round()
    return [np.ascontiguousarray(a.transpose(2, 0, 1).astype(np.uint8)) for a in (scaled, lesions)]


def trained(people: Sequence[Person], run: Path, steps: int) -> Path:
    """A segmenter's bundle."""
    names, images, classes = zip(*people, strict=True)
    run.mkdir(exist_ok=True)
    pack = run / "pack.npz"
    save_labelled(LabelledPack(names, images, classes, [False] * len(names), 1.0), pack)
    settings = [*SETTINGS, f"train.steps={steps}"]
    return train_run("blocks", "small", pack, run, settings=settings, say=lambda _: None)


def scores(bundle: Path, folder: Path) -> list[str]:
    """Figures of a segmenter on a patient."""
    segmenter = load_segmenter(bundle).segmenter
    _, image, truth = person(folder, one(folder, "*_mask.nii.gz"))
    shown = torch.from_numpy(normalised(image.astype(np.float32)))[None, None]
    found = segmenter.shares(shown)[0, 0].numpy() > 0.5
    real, theirs = pieces(truth > 0), pieces(found)
    met = sum(bool(found[p].any()) for p in real)
    wrong = sum(not truth[p].any() for p in theirs)
    figures = [f"{dice(found, truth > 0):.3f}", len(real), met, len(theirs), wrong]
    return [str(figure) for figure in figures]


def pieces(flags: NDArray[np.bool_]) -> list[tuple[NDArray[np.intp], ...]]:
    """Voxels of each connected piece of some size."""
    labels, count = ndimage.label(flags, np.ones((3, 3, 3)))
    found = [np.nonzero(labels == number) for number in range(1, count + 1)]
    return [p for p in found if p[0].size >= SMALLEST_VOX]


if __name__ == "__main__":
    main()
