"""Compare filling methods on people with known truth: accuracy, seconds and memory in one run.

    python pipelines/benchmark/fill_benchmark.py OASIS_BIDS LESION_MASKS --people 1002 1008 1122

Every fill is a run of the `brainfill` command in a process of its own, so seconds and peak memory
include start-up and reading and writing. Prints one line per fill, the mean per method, and PASS or
what falls short of the aims.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
from aims import shortfalls
from holes import KINDS, lesion_shapes, make_hole, overwritten
from runs import Score, array, file_name, filled, line, load_person, masks, save


def main() -> None:
    """Read the command line, fill everything, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bids", type=Path, help="stripped 1 mm T1w with derivatives/labels")
    parser.add_argument("lesions", type=Path, help="folder of lesion masks that give the shapes")
    parser.add_argument("--people", nargs="+", required=True)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument(
        "--methods",
        nargs="+",
        default=["diffusion", "patch", "harmonic", "localmean", "histogram"],
        help="method, or method:option=value,option=value for other options of `brainfill fill`",
    )
    parser.add_argument("--seed", type=int, default=2023)
    parser.add_argument("--dilate", type=int, default=0, help="0 fills exactly the hole")
    parser.add_argument("--keep", type=Path, help="keep inputs and results in this folder")
    parser.add_argument("--figures", type=Path, help="draw one picture per kind into this folder")
    args = parser.parse_args()
    shapes = lesion_shapes(masks(args.lesions))
    table = defaultdict(list)
    print(line(["person", "kind", "hole_ml", "method", *Score._fields]))
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for name in args.people:
            person = load_person(args.bids, name)
            for kind in args.kinds:
                rng = np.random.default_rng([args.seed, int(name), KINDS.index(kind)])
                hole = make_hole(kind, person.tissues, shapes, rng)
                damaged = overwritten(kind, person.truth, hole, person.tissues, rng)
                case = folder / f"{name}_{kind}"
                affine = person.image.affine
                t1 = save(Path(f"{case}_T1w.nii.gz"), damaged, affine, person.image.header)
                mask = save(Path(f"{case}_mask.nii.gz"), hole.astype(np.uint8), affine)
                for method in args.methods:
                    out = Path(f"{case}_{file_name(method)}.nii.gz")
                    score = filled(t1, mask, out, method, args.dilate, person.truth, person.tissues)
                    table[kind, method].append(score)
                    row = [name, kind, f"{hole.sum() / 1000:.1f}", method, *score]
                    print(line(row), flush=True)
                if args.figures and name == args.people[0]:
                    _figure(args.figures, kind, case, args.methods, person.truth)
    print("\nmean over people")
    means = {case: Score(*np.mean(rows, axis=0).tolist()) for case, rows in table.items()}
    for case, score in means.items():
        print(line([*case, *score]))
    short = shortfalls(means)
    print("PASS" if not short else "\n".join(["short of the aims:", *short]))


def _figure(folder: Path, kind: str, case: Path, methods: list[str], truth: np.ndarray) -> None:
    from figures import draw

    folder.mkdir(parents=True, exist_ok=True)
    images = {method: f"{case}_{file_name(method)}.nii.gz" for method in methods}
    columns = {"void": f"{case}_T1w.nii.gz"} | images
    hole = array(Path(f"{case}_mask.nii.gz")) > 0
    shown = {title: array(Path(path)) for title, path in columns.items()}
    draw(folder / f"{kind}.png", hole, shown, truth.astype(np.float32), ["coronal", "axial"])


if __name__ == "__main__":
    main()
