"""Compare filling methods on people with known truth: accuracy, seconds and memory in one run.

    python pipelines/benchmark/fill_benchmark.py OASIS_BIDS LESION_MASKS --people 1002 1008 1122
    python pipelines/benchmark/fill_benchmark.py OASIS_BIDS LESION_MASKS --people 1002 1008 1122 \
      --patients MS --kinds ms-45 ms-70 edge-45 edge-70 ms-70-eroded ms-70-grown --dilate own 0 1 2 3

The holes of the first have hard borders, and masks that fit. Kinds with a rim, such as ms-70-eroded, are lesions seen
with a point spread (0.70 voxels here), as bright as those of patients, under a mask at half height that the rater
drew a voxel too small or too large; `touched_rms_pct` is the error in every voxel that the lesion has a share in.

Every fill is a run of the `brainfill` command in a process of its own, so seconds and peak memory
include start-up and reading and writing. Prints one line per fill, the mean per method, and PASS or
what falls short of the aims.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from aims import rim_shortfalls, shortfalls
from holes import KINDS, lesion_shapes, make_hole, overwritten
from numpy.typing import NDArray
from rims import RIM_KINDS, Look, Painted, looks_of, paint
from runs import Person, Score, array, file_name, filled, line, load_person, masks, save


def main() -> None:
    """Read the command line, fill everything, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bids", type=Path, help="stripped 1 mm T1w with derivatives/labels")
    parser.add_argument("lesions", type=Path, help="folder of lesion masks that give the shapes")
    parser.add_argument("--people", nargs="+", required=True)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=[*KINDS, *RIM_KINDS])
    parser.add_argument(
        "--methods",
        nargs="+",
        default=["diffusion", "patch", "harmonic", "localmean", "histogram"],
        help="method, or method:option=value,option=value for other options of `brainfill fill`",
    )
    parser.add_argument("--seed", type=int, default=2023)
    parser.add_argument(
        "--patients", type=Path, help="their lesions lend kinds with a rim their brightness"
    )
    parser.add_argument(
        "--dilate",
        nargs="+",
        default=["0"],
        help="0 fills exactly the mask; own is the method's default",
    )
    parser.add_argument("--keep", type=Path, help="keep inputs and results in this folder")
    parser.add_argument("--figures", type=Path, help="draw one picture per kind into this folder")
    args = parser.parse_args()
    if any("-" in kind for kind in args.kinds) and args.patients is None:
        parser.error("kinds with a rim need --patients")
    shapes = lesion_shapes(masks(args.lesions))
    looks = looks_of(args.patients) if args.patients else []
    table = defaultdict(list)
    print(line(["person", "kind", "hole_ml", "method", "dilate", *Score._fields]))
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for name in args.people:
            person = load_person(args.bids, name)
            for kind in args.kinds:
                rng = np.random.default_rng([args.seed, int(name), *seed_of(kind)])
                painted = damaged(kind, person, shapes, looks, rng)
                hole = painted.mask
                case = folder / f"{name}_{kind}"
                affine = person.image.affine
                t1 = save(Path(f"{case}_T1w.nii.gz"), painted.scan, affine, person.image.header)
                mask = save(Path(f"{case}_mask.nii.gz"), hole.astype(np.uint8), affine)
                ways = list(itertools.product(args.methods, args.dilate))
                for method, dilate in ways:
                    out = result(case, method, dilate)
                    score = filled(
                        t1, mask, out, method, dilate, person.truth, person.tissues, painted.share
                    )
                    table[kind, method, dilate].append(score)
                    row = [name, kind, f"{hole.sum() / 1000:.1f}", method, dilate, *score]
                    print(line(row), flush=True)
                if args.figures and name == args.people[0]:
                    _figure(args.figures, kind, case, ways, person.truth)
    print("\nmean over people")
    means = {case: Score(*np.mean(rows, axis=0).tolist()) for case, rows in table.items()}
    for case, score in means.items():
        print(line([*case, *score]))
    hard = {(k, m): s for (k, m, d), s in means.items() if k in KINDS and d == args.dilate[0]}
    short = shortfalls(hard) + rim_shortfalls(means)
    print("PASS" if not short else "\n".join(["short of the aims:", *short]))


def seed_of(kind: str) -> list[int]:
    """Numbers that tell kinds apart; masks of one lesion that raters drew differently share their lesions."""
    if kind in KINDS:
        return [KINDS.index(kind)]
    place, softness, *_ = kind.split("-")
    return [KINDS.index(place), int(softness)]


def damaged(
    kind: str,
    person: Person,
    shapes: Sequence[NDArray[np.bool_]],
    looks: Sequence[Look],
    rng: np.random.Generator,
) -> Painted:
    """A person's scan with lesions of a kind."""
    if kind in RIM_KINDS:
        return paint(kind, person.truth, person.tissues, shapes, looks, rng)
    hole = make_hole(kind, person.tissues, shapes, rng)
    scan = overwritten(kind, person.truth, hole, person.tissues, rng)
    return Painted(scan, hole.astype(np.float64), hole)


def result(case: Path, method: str, dilate: str) -> Path:
    """The file of a fill."""
    return Path(f"{case}_{file_name(method)}_dilate-{dilate}.nii.gz")


def _figure(
    folder: Path, kind: str, case: Path, ways: Sequence[tuple[str, str]], truth: np.ndarray
) -> None:
    from figures import draw

    folder.mkdir(parents=True, exist_ok=True)
    columns = {"scan": Path(f"{case}_T1w.nii.gz")}
    columns |= {
        f"{method}, dilate {dilate}": result(case, method, dilate) for method, dilate in ways
    }
    hole = array(Path(f"{case}_mask.nii.gz")) > 0
    shown = {title: array(path) for title, path in columns.items()}
    draw(folder / f"{kind}.png", hole, shown, truth.astype(np.float32), ["coronal", "axial"])


if __name__ == "__main__":
    main()
