"""How much worse fills get on worse scans of the same people, against the truth of that scan.

    python pipelines/benchmark/robustness.py OASIS_BIDS LESION_MASKS --people 1002 --kinds ms edge --head VBG

Each scan is changed as scanners change it, then damaged, filled, and compared with itself before the
damage. Prints psnr_01 of each change and how far it lies below that of the clean scan. A head is
compared with its own brain, stripped: skull, fat and air are then all that is new.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import nibabel as nib
import numpy as np
from holes import KINDS, WHITE, lesion_shapes, make_hole, overwritten
from runs import Person, array, filled, line, load_person, masks, save

from brainfill.core.grid import Grid
from brainfill.preprocess.steps.reorient import reoriented_grid
from brainfill.preprocess.steps.resample import resample_to, resampled_grid

LARGEST_LOSS_DB = 2.0
STRIPPED, SKULL_ON = "stripped", "skull on"

Found = Mapping[tuple[str, str, str], Sequence[float]]


class Case(NamedTuple):
    """A changed scan, on its grid, with hole and tissues."""

    name: str
    truth: np.ndarray
    hole: np.ndarray
    tissues: np.ndarray
    grid: Grid


def main() -> None:
    """Read the command line, fill everything, print; the last line is PASS or what falls short."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bids", type=Path, help="stripped 1 mm T1w with derivatives/labels")
    parser.add_argument("lesions", type=Path, help="folder of lesion masks that give the shapes")
    parser.add_argument("--people", nargs="+", required=True)
    parser.add_argument("--kinds", nargs="+", default=["ms", "edge"], choices=KINDS)
    parser.add_argument("--methods", nargs="+", default=["diffusion", "patch"])
    parser.add_argument("--head", type=Path, help=load_head.__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=2023)
    args = parser.parse_args()
    shapes = lesion_shapes(masks(args.lesions))
    people = {name: load_person(args.bids, name) for name in args.people}
    ways = dict.fromkeys(people, changed)
    if args.head:
        people["head"], whole = load_head(args.head)
        ways["head"] = partial(with_skull, whole=whole)
    found = defaultdict(list)
    print(line(["person", "kind", "change", "method", "psnr_01", "seconds", "peak_mb"]))
    with tempfile.TemporaryDirectory() as scratch:
        for number, (name, person) in enumerate(people.items()):
            for kind in args.kinds:
                rng = np.random.default_rng([args.seed, number, KINDS.index(kind)])
                hole = make_hole(kind, person.tissues, shapes, rng)
                for case in ways[name](person, hole, rng):
                    for method in args.methods:
                        score = _filled(case, kind, method, Path(scratch), rng)
                        found[kind, case.name, method].append(score.psnr_01)
                        cost = [score.seconds, score.peak_mb]
                        print(
                            line([name, kind, case.name, method, score.psnr_01, *cost]), flush=True
                        )
    _summary(found, args.methods[0])


def _summary(found: Found, judged: str) -> None:
    short = []
    print("\nmean over people: psnr_01 and dB below the clean scan")
    for (kind, change, method), values in found.items():
        clean = found[kind, STRIPPED if change in (STRIPPED, SKULL_ON) else "clean", method]
        mean, loss_db = float(np.mean(values)), float(np.mean(clean) - np.mean(values))
        print(line([kind, change, method, mean, loss_db]))
        if loss_db > LARGEST_LOSS_DB and method == judged:
            short.append(f"{kind} {change}: {loss_db:.1f} dB")
    print("PASS" if not short else "short of the aim: " + "; ".join(short))


def load_head(folder: Path) -> tuple[Person, np.ndarray]:
    """Folder of a head: *_T1w, *_desc-brain_mask and *_prior-N_probseg (1 CSF, 2 and 3 grey, 4 white).

    Returns:
        The stripped brain with its tissues, and the whole head.
    """
    image = nib.load(min(folder.glob("*_T1w.nii.gz"), key=lambda path: len(path.name)))
    head, brain = np.asarray(image.dataobj), array(next(folder.glob("*_desc-brain_mask.nii.gz")))
    priors = [array(path) for path in sorted(folder.glob("*_prior-?_probseg.nii.gz"))]
    tissues = np.array([1, 2, 2, 3])[np.argmax(priors, axis=0)] * (np.sum(priors, axis=0) > 0.5)
    return Person(image, head * (brain > 0), tissues * (brain > 0)), head


def with_skull(
    person: Person,
    hole: np.ndarray,
    rng: np.random.Generator,  # noqa: ARG001 - called as `changed` is
    whole: np.ndarray,
) -> Iterator[Case]:
    """The stripped brain, and the whole head it came from."""
    grid = Grid(whole.shape, person.image.affine)
    yield Case(STRIPPED, person.truth.astype(np.float32), hole, person.tissues, grid)
    yield Case(SKULL_ON, whole.astype(np.float32), hole, person.tissues, grid)


def changed(person: Person, hole: np.ndarray, rng: np.random.Generator) -> Iterator[Case]:
    """The scan as it is, and changed in each of the ways."""
    truth, tissues = person.truth.astype(np.float32), person.tissues
    grid = Grid(truth.shape, person.image.affine)
    top, white = truth.max(), float(truth[tissues == WHITE].mean())
    yield Case("clean", truth, hole, tissues, grid)
    for gamma in (0.7, 1.4):
        yield Case(f"gamma {gamma}", top * (truth / top) ** gamma, hole, tissues, grid)
    i, _, k = (np.linspace(-1, 1, n) for n in truth.shape)
    field = 1 + 0.3 * np.sin(1.5 * i[:, None, None] + 2 * k[None, None, :])
    yield Case("bias 30 %", truth * field.astype(np.float32), hole, tissues, grid)
    real, imaginary = rng.normal(0, 0.05 * white, size=(2, *truth.shape))
    noisy = np.hypot(truth + real, imaginary) * (truth > 0)
    yield Case("Rician 5 %", noisy.astype(np.float32), hole, tissues, grid)
    thick = grid.affine.copy()
    depth = truth.shape[2] // 3
    thick[:3, 3] += thick[:3, 2]  # the middle of the first three slices
    thick[:3, 2] *= 3
    slices = Grid((*truth.shape[:2], depth), thick)
    means = truth[..., : 3 * depth].reshape(*slices.shape, 3).mean(axis=-1)
    yield Case("1x1x3 mm", means, *_moved(hole, tissues, grid, slices), slices)
    for spacing in (0.7, 2.0):
        target = resampled_grid(grid, spacing)
        values = resample_to(truth, grid, target, order=3).clip(0)
        yield Case(f"{spacing} mm", values, *_moved(hole, tissues, grid, target), target)
    turned = reoriented_grid(grid, "PIR")
    values = resample_to(truth, grid, turned, order=0)
    yield Case("PIR", values, *_moved(hole, tissues, grid, turned), turned)


def _moved(
    hole: np.ndarray, tissues: np.ndarray, grid: Grid, target: Grid
) -> tuple[np.ndarray, np.ndarray]:
    half = resample_to(hole.astype(np.float32), grid, target, order=1) > 0.5
    return half, resample_to(tissues.astype(np.float32), grid, target, order=0).round()


def _filled(case: Case, kind: str, method: str, folder: Path, rng: np.random.Generator):  # noqa: ANN202
    damaged = overwritten(kind, case.truth, case.hole, case.tissues, rng)
    t1 = save(folder / "t1.nii.gz", damaged.astype(np.float32), case.grid.affine)
    mask = save(folder / "mask.nii.gz", case.hole.astype(np.uint8), case.grid.affine)
    return filled(t1, mask, folder / "out.nii.gz", method, "0", case.truth, case.tissues, case.hole)


if __name__ == "__main__":
    main()
