"""How like real lesions painted ones are: a patient's lesions are voided, painted again and compared.

    python pipelines/benchmark/synthesis_benchmark.py MS/sub-07/anat --donor MS/sub-19/anat --seeds 0 1 2

A folder holds one *_T1w, *_FLAIR and *_mask on one grid, a stripped brain at about 1 mm. Prints a row for each way
to paint and each contrast: structural similarity, PSNR and mean squared error in the mask as Uhr's code has them
(slices, range -1 to 1), texture and lesion-to-white-matter contrast as multiples of the real lesions' own; and, of
all lesions of some size, how many are removed in part or whole, with less than two thirds of the real one's contrast
in FLAIR, and how many have the brightness of grey matter in T1w. "paste" puts voxels of the donor's lesions there.
Ways are METHOD:KEY=VALUE,KEY=VALUE.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any, NamedTuple

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from runs import line
from scipy import ndimage
from skimage.filters import threshold_multiotsu
from skimage.metrics import structural_similarity

import brainfill
from brainfill.metrics.texture import local_sd_ratio

CONTRASTS = ("T1w", "FLAIR")
SEED_SETTING = "coarse:grainy=false,keep=0,brightness=median,t0=3"
WAYS = ("conditional", "conditional:grain=false", "coarse", "guided", SEED_SETTING, "paste")
SMALLEST_VOX = 10
REMOVED = 2 / 3
ALIKE = 0.08


class Patient(NamedTuple):
    """Images by contrast with their values, the lesions, and medians of grey and white matter by contrast."""

    paths: dict[str, Path]
    values: dict[str, NDArray[Any]]
    lesions: NDArray[np.bool_]
    mask: Path
    grey: dict[str, float]
    white: dict[str, float]


def main() -> None:
    """Read the command line, paint, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("patient", type=Path)
    parser.add_argument("--donor", type=Path, required=True, help="another patient")
    parser.add_argument("--ways", nargs="+", default=WAYS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--model", default="", help="of the conditional painter")
    parser.add_argument("--redraw", default="", help="model of the other ones")
    args = parser.parse_args()
    patient, donor = load(args.patient), load(args.donor)
    print(line(["way", "contrast", "ssim", "psnr", "mse", "texture", "contrast_ratio", "seconds"]))
    for way in args.ways:
        model = args.model if way.startswith("conditional") else args.redraw
        began = time.monotonic()
        painted = [paint(patient, donor, way, model, seed) for seed in args.seeds]
        seconds = (time.monotonic() - began) / len(painted)
        for name in CONTRASTS:
            figures = np.mean([compared(patient, run[name], name) for run in painted], axis=0)
            print(line([way, name, *(f"{v:.4g}" for v in figures), f"{seconds:.1f}"]), flush=True)
        print(line([way, *failures(patient, painted)]), flush=True)
    print(line(["real", *failures(patient, [patient.values])]))


def load(folder: Path) -> Patient:
    """A patient's images, lesions and tissues."""
    paths = {name: one(folder, f"*_{name}.nii.gz") for name in CONTRASTS}
    mask = one(folder, "*_mask.nii.gz")
    values = {name: np.asarray(nib.load(p).dataobj, np.float32) for name, p in paths.items()}
    lesions = np.asarray(nib.load(mask).dataobj) > 0
    t1 = values["T1w"]
    healthy = (t1 > 0) & ~ndimage.binary_dilation(lesions, iterations=3)
    low, high = threshold_multiotsu(t1[healthy], 3)
    grey, white = (t1 > low) & (t1 <= high) & healthy, (t1 > high) & healthy
    medians = [{n: float(np.median(v[w])) for n, v in values.items()} for w in (grey, white)]
    return Patient(paths, values, lesions, mask, *medians)


def one(folder: Path, pattern: str) -> Path:
    """The only file of a pattern."""
    (found,) = folder.glob(pattern)
    return found


def paint(
    patient: Patient, donor: Patient, way: str, model: str, seed: int
) -> dict[str, NDArray[Any]]:
    """The patient's images with lesions painted in one way."""
    if way == "paste":
        return pasted(patient, donor, seed)
    method, _, settings = way.partition(":")
    done = brainfill.synthesize(
        patient.paths["T1w"],
        patient.mask,
        flair=patient.paths["FLAIR"],
        method=method,
        model=model,
        seed=seed,
        settings=[s for s in settings.split(",") if s],
    )
    images = done.first.images.items()
    return {name: np.asarray(image.dataobj, np.float32) for name, image in images}


def pasted(patient: Patient, donor: Patient, seed: int) -> dict[str, NDArray[Any]]:
    """Each lesion filled with the voxels of a donor's lesion of near size, on the scale of white matter."""
    rng = np.random.default_rng(seed)
    theirs, _ = ndimage.label(donor.lesions, np.ones((3, 3, 3)))
    sizes = np.bincount(theirs.ravel())[1:]
    ours, count = ndimage.label(patient.lesions, np.ones((3, 3, 3)))
    out = {name: values.copy() for name, values in patient.values.items()}
    for number in range(1, count + 1):
        where = ours == number
        near = np.argsort(np.abs(np.log(sizes / where.sum())))[:5]
        taken = theirs == 1 + int(rng.choice(near))
        index = np.arange(where.sum()) % taken.sum()
        for name in CONTRASTS:
            scale = patient.white[name] / donor.white[name]
            out[name][where] = donor.values[name][taken][index] * scale
    return out


def compared(patient: Patient, painted: NDArray[Any], name: str) -> list[float]:
    """Figures of one contrast."""
    truth, mask = patient.values[name], patient.lesions
    top = truth.max()
    x, y = (np.clip(v / top, 0, 1) * 2 - 1 for v in (painted, truth))
    slices = np.flatnonzero(mask.any(axis=(0, 1)))
    maps = [
        structural_similarity(x[..., k], y[..., k], data_range=2, full=True)[1][mask[..., k]]
        for k in slices
    ]
    mse = float(((x - y)[mask] ** 2).mean())
    texture = local_sd_ratio(painted, mask) / local_sd_ratio(truth, mask)
    white = patient.white[name]
    contrast = (np.median(painted[mask]) - white) / (np.median(truth[mask]) - white)
    ssim = float(np.concatenate(maps).mean())
    return [ssim, 10 * np.log10(4 / mse), mse, texture, float(contrast)]


def failures(patient: Patient, painted: list[dict[str, NDArray[Any]]]) -> list[str]:
    """Of all lesions of some size, how many have lost contrast in FLAIR and how many look like grey matter in T1w."""
    labels, _ = ndimage.label(patient.lesions, np.ones((3, 3, 3)))
    sizes = np.bincount(labels.ravel())
    seen = [n for n in range(1, len(sizes)) if sizes[n] >= SMALLEST_VOX]
    removed = grey = 0
    for images in painted:
        for number in seen:
            where = labels == number
            real, shown = (np.median(v["FLAIR"][where]) for v in (patient.values, images))
            white = patient.white["FLAIR"]
            removed += (shown - white) < REMOVED * (real - white)
            level = np.median(images["T1w"][where])
            grey += abs(level / patient.grey["T1w"] - 1) < ALIKE
    total = len(seen) * len(painted)
    return [f"removed {removed} of {total}", f"like grey matter {grey} of {total}"]


if __name__ == "__main__":
    main()
