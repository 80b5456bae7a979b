"""Whether painted lesions teach a segmenter: trained on painted ones, on a patient's own, and on both.

    PYTHONPATH=pipelines/models python pipelines/benchmark/downstream.py TRAIN TEST RUN --healthy OASIS --shapes MASKS

TRAIN and TEST are anat folders of two patients: MS/sub-19/anat and MS/sub-07/anat. Healthy people get shapes of the other patients in their white
matter (`brainfill masks components`), painted by `brainfill synthesize`. The segmenter is a small one: gradient
boosted trees that see each voxel's T1w brightness, plain, blurred by 1, 2, 4 and 8 mm, its gradient and its depth in
the brain, and take as lesion what is likelier than the threshold that is best in training. Prints Dice, how many
real lesions were met, and how many of the found ones meet none.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from pack_lesions import one, values
from runs import line
from scipy import ndimage
from sklearn.ensemble import HistGradientBoostingClassifier

import brainfill
from brainfill.metrics.overlap import dice

SMALLEST_VOX = 5
WHITE = 3
LESIONS = 30
BLURS_MM = (1, 2, 4, 8)
OTHERS = 30  # healthy voxels for each of a lesion
THRESHOLDS = np.linspace(0.05, 0.95, 19)


class Person(NamedTuple):
    """Features (n, F) of the n voxels of a brain, and what they are."""

    features: NDArray[np.float32]
    lesions: NDArray[np.bool_]
    brain: NDArray[np.bool_]


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
    parser.add_argument("--model", default="", help="painter")
    args = parser.parse_args()
    args.run.mkdir(parents=True, exist_ok=True)
    test = person(*(one(args.test, name) for name in ("*_T1w.nii.gz", "*_mask.nii.gz")))
    real = [person(*(one(args.train, name) for name in ("*_T1w.nii.gz", "*_mask.nii.gz")))]
    painted = [painted_person(args, name, number) for number, name in enumerate(args.people)]
    print(line(["trained on", "dice", "lesions", "met", "found", "wrong"]))
    for name, people in (("painted", painted), ("real", real), ("both", painted + real)):
        print(line([name, *scores(people, test)]), flush=True)


def person(image: Path, mask: Path) -> Person:
    """A T1w of a stripped brain at 1 mm, and its lesions."""
    t1, lesions = values(image), values(mask) > 0
    brain = t1 > 0
    level = np.percentile(t1[brain], 90)
    share = brain.astype(np.float32)
    shown = [t1 / level]
    for blur in BLURS_MM:
        # Of the brain alone, so that voxels near its surface are not dark.
        inside = ndimage.gaussian_filter(share, blur)
        shown.append(ndimage.gaussian_filter(t1, blur) / level / np.maximum(inside, 1e-3))
    shown.append(ndimage.gaussian_gradient_magnitude(t1, 1) / level)
    shown.append(ndimage.distance_transform_edt(brain))
    features = np.stack([feature[brain] for feature in shown], axis=1).astype(np.float32)
    return Person(features, lesions[brain], brain)


def painted_person(args: argparse.Namespace, name: str, seed: int) -> Person:
    """A healthy person with painted lesions."""
    path = one(args.healthy / f"sub-{name}/ses-01/anat", "*_T1w.nii.gz")
    image, mask = (args.run / f"{name}_{what}.nii.gz" for what in ("T1w", "mask"))
    if not image.is_file():
        labels = args.healthy / f"derivatives/labels/sub-{name}/ses-01/anat"
        tissues = nib.load(one(labels, "*_desc-tissues_dseg.nii.gz"))
        white = np.asarray(tissues.dataobj) == WHITE
        pool = [
            p for p in sorted(args.shapes.rglob("*.nii.gz")) if args.test.parent.name not in p.name
        ]
        drawn = brainfill.draw_mask(
            "components",
            path,
            tissue=nib.Nifti1Image(white.astype(np.uint8), tissues.affine),
            pool=pool,
            n=LESIONS,
            seed=seed,
        )
        done = brainfill.synthesize(path, drawn.mask, model=args.model, seed=seed)
        nib.save(done.first.lesion, mask)
        nib.save(done.first.images["T1w"], image)
    return person(image, mask)


def scores(people: Sequence[Person], test: Person) -> list[str]:
    """Figures of a segmenter on a person it never saw."""
    rng = np.random.default_rng(0)
    chosen = [sampled(p, rng) for p in people]
    features = np.concatenate([p.features[c] for p, c in zip(people, chosen, strict=True)])
    lesions = np.concatenate([p.lesions[c] for p, c in zip(people, chosen, strict=True)])
    segmenter = HistGradientBoostingClassifier(random_state=0).fit(features, lesions)
    likely = [segmenter.predict_proba(p.features)[:, 1] for p in people]
    threshold = max(
        THRESHOLDS,
        key=lambda t: np.mean(
            [dice(k > t, p.lesions) for k, p in zip(likely, people, strict=True)]
        ),
    )
    found, truth = (np.zeros(test.brain.shape, bool) for _ in range(2))
    found[test.brain] = segmenter.predict_proba(test.features)[:, 1] > threshold
    truth[test.brain] = test.lesions
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
