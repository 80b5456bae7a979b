"""Whether painted lesions teach a segmenter: trained on painted ones, on a patient's own, and on both.

    PYTHONPATH=pipelines/models python pipelines/benchmark/downstream.py TRAIN TEST RUN --shapes MASKS

TRAIN and TEST are anat folders of two patients with T1w, FLAIR and lesion mask: MS/sub-19/anat and MS/sub-07/anat. As
no healthy person with a FLAIR is at hand, lesions are painted into TRAIN's own scans: shapes of the other patients, in
its white matter away from its own lesions (`brainfill masks components`), by `brainfill synthesize` jointly in T1w and
FLAIR; its own lesions and 2 mm around them are then left out, neither lesion nor healthy. The segmenter is a small
one: gradient boosted trees that see each voxel's brightness in both contrasts as a share of white matter's, plain and
blurred by 1, 2, 4 and 8 mm, their gradients and the depth in the brain, and take as lesion what is likelier than a
threshold. Prints Dice, how many real lesions were met, and how many of the found ones meet none, with the threshold
that is best in training, and with the one that is best for TEST, which nobody would know: what is lost between them is
lost to the threshold.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from pack_lesions import CONTRASTS, one, values
from runs import line
from scipy import ndimage
from skimage.filters import threshold_multiotsu
from sklearn.ensemble import HistGradientBoostingClassifier

import brainfill
from brainfill.metrics.overlap import dice

SMALLEST_VOX = 5
LESIONS = 30
NEAR_MM, AWAY_MM = 2, 3  # left out around real lesions; where none is painted
BLURS_MM = (1, 2, 4, 8)
OTHERS = 30  # healthy voxels for each of a lesion
THRESHOLDS = 1 / (1 + np.exp(-np.linspace(-4, 8, 49)))


class Person(NamedTuple):
    """Features (n, F) of the n voxels of a brain whose nature is known, what they are, and where (X, Y, Z)."""

    features: NDArray[np.float32]
    lesions: NDArray[np.bool_]
    where: NDArray[np.bool_]


def main() -> None:
    """Read the command line, paint, train three times, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--shapes", type=Path, required=True, help="lesion masks, by patient")
    parser.add_argument("--seeds", nargs="+", type=int, default=range(6))
    parser.add_argument("--model", default="", help="painter")
    args = parser.parse_args()
    args.run.mkdir(parents=True, exist_ok=True)
    test, real = (person(folder, mask_of(folder)) for folder in (args.test, args.train))
    painted = [painted_person(args, seed) for seed in args.seeds]
    print(line(["trained on", "threshold", "dice", "lesions", "met", "found", "wrong"]))
    for name, people in (("painted", painted), ("real", [real]), ("both", [*painted, real])):
        for threshold, figures in scores(people, test).items():
            print(line([name, threshold, *figures]), flush=True)


def mask_of(folder: Path) -> NDArray[np.bool_]:
    """The lesions of a patient."""
    return values(one(folder, "*mask.nii.gz")) > 0


def person(
    folder: Path, lesions: NDArray[np.bool_], unknown: NDArray[np.bool_] | None = None
) -> Person:
    """A stripped brain at 1 mm in T1w and FLAIR, and its lesions.

    Args:
        folder: of the images.
        lesions: (X, Y, Z).
        unknown: (X, Y, Z), what is neither lesion nor healthy.
    """
    images = [values(one(folder, f"*{name}.nii.gz")) for name in CONTRASTS]
    brain, white = images[0] > 0, white_matter(images[0])
    share = brain.astype(np.float32)
    shown = [ndimage.distance_transform_edt(brain)]
    for image in images:
        shares = np.where(brain, image, 0) / np.median(image[white])
        shown += [shares, ndimage.gaussian_gradient_magnitude(shares, 1)]
        for blur in BLURS_MM:
            # Of the brain alone, so that voxels near its surface are not dark.
            inside = ndimage.gaussian_filter(share, blur)
            shown.append(ndimage.gaussian_filter(shares, blur) / np.maximum(inside, 1e-3))
    where = brain if unknown is None else brain & ~unknown
    features = np.stack([feature[where] for feature in shown], axis=1).astype(np.float32)
    return Person(features, lesions[where], where)


def white_matter(t1: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The brightest of three classes of a stripped T1w."""
    return np.asarray(t1 > threshold_multiotsu(t1[t1 > 0], 3)[1])


def painted_person(args: argparse.Namespace, seed: int) -> Person:
    """The patient of training, with painted lesions in place of their own."""
    folder = args.run / str(seed)
    far = ndimage.distance_transform_edt(~mask_of(args.train))
    if not (folder / "mask.nii.gz").is_file():
        paint(args, seed, far > AWAY_MM, folder)
    return person(folder, mask_of(folder), far <= NEAR_MM)


def paint(args: argparse.Namespace, seed: int, away: NDArray[np.bool_], folder: Path) -> None:
    """Write the patient of training with further lesions, in white matter away from their own, and a mask of these."""
    t1, flair = (
        nib.as_closest_canonical(nib.load(one(args.train, f"*_{name}.nii.gz")))
        for name in CONTRASTS
    )
    white = white_matter(np.asarray(t1.dataobj, np.float32)) & away
    people = [folder.parent.name for folder in (args.train, args.test)]
    masks = sorted(args.shapes.rglob("*.nii.gz"))
    pool = [path for path in masks if path.name.partition("_")[0] not in people]
    tissue = nib.Nifti1Image(white.astype(np.uint8), t1.affine)
    drawn = brainfill.draw_mask("components", t1, tissue=tissue, pool=pool, n=LESIONS, seed=seed)
    done = brainfill.synthesize(t1, drawn.mask, flair=flair, model=args.model, seed=seed)
    folder.mkdir(exist_ok=True)
    for name, image in done.first.images.items():
        nib.save(image, folder / f"{name}.nii.gz")
    nib.save(done.first.lesion, folder / "mask.nii.gz")


def scores(people: Sequence[Person], test: Person) -> dict[str, list[str]]:
    """Figures of a segmenter on a person it never saw, by where its threshold comes from."""
    rng = np.random.default_rng(0)
    chosen = [sampled(p, rng) for p in people]
    features = np.concatenate([p.features[c] for p, c in zip(people, chosen, strict=True)])
    lesions = np.concatenate([p.lesions[c] for p, c in zip(people, chosen, strict=True)])
    segmenter = HistGradientBoostingClassifier(random_state=0).fit(features, lesions)
    *likely, shown = (segmenter.predict_proba(p.features)[:, 1] for p in (*people, test))
    thresholds = {"training": best(likely, people), "test": best([shown], [test])}
    return {name: compared(shown > t, test) for name, t in thresholds.items()}


def best(likely: Sequence[NDArray[np.float64]], people: Sequence[Person]) -> float:
    """The threshold of the highest mean Dice."""
    pairs = list(zip(likely, people, strict=True))
    return max(THRESHOLDS, key=lambda t: np.mean([dice(k > t, p.lesions) for k, p in pairs]))


def compared(flags: NDArray[np.bool_], test: Person) -> list[str]:
    """Dice, real lesions, how many of them were met, found lesions, how many of them meet none."""
    found, truth = (np.zeros(test.where.shape, bool) for _ in range(2))
    found[test.where], truth[test.where] = flags, test.lesions
    real, theirs = pieces(truth), pieces(found)
    met = sum(bool(found[p].any()) for p in real)
    wrong = sum(not truth[p].any() for p in theirs)
    return [f"{dice(found, truth):.3f}", *map(str, (len(real), met, len(theirs), wrong))]


def sampled(person: Person, rng: np.random.Generator) -> NDArray[np.intp]:
    """All voxels of lesions, and some others."""
    inside, outside = np.flatnonzero(person.lesions), np.flatnonzero(~person.lesions)
    n = min(outside.size, OTHERS * inside.size)
    return np.concatenate([inside, rng.choice(outside, n, replace=False)])


def pieces(flags: NDArray[np.bool_]) -> list[tuple[NDArray[np.intp], ...]]:
    """Voxels of each connected piece of some size."""
    labels, count = ndimage.label(flags, np.ones((3, 3, 3)))
    found = [np.nonzero(labels == number) for number in range(1, count + 1)]
    return [p for p in found if p[0].size >= SMALLEST_VOX]


if __name__ == "__main__":
    main()
