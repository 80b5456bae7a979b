"""What a second visit adds to a fill: lesions in one visit only, filled alone and with the other visit.

    python pipelines/benchmark/visits_benchmark.py OASIS_BIDS LESION_MASKS --people 1004 1005

Each person has a rescan, ses-02, in another position. Holes as in fill_benchmark.py are put into ses-01; the mask of
ses-02 is empty. Every fill is a run of the `brainfill` command in a process of its own, registration included. Prints one
line per fill, the mean per kind of hole, and PASS or where the other visit adds less than 1 dB.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import nibabel as nib
import numpy as np
from holes import KINDS, lesion_shapes, make_hole, overwritten
from numpy.typing import NDArray
from runs import array, line, load_person, masks, save

from brainfill.metrics.image import fill_metrics

GAIN_DB = 1.0
ALONE, TOGETHER = "alone", "with the other visit"


class Score(NamedTuple):
    """One fill against the truth; see brainfill.metrics.image, and seconds with start-up."""

    psnr_01: float
    mae: float
    seconds: float


def main() -> None:
    """Read the command line, fill everything, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bids", type=Path, help="stripped 1 mm T1w with derivatives/labels")
    parser.add_argument("lesions", type=Path, help="folder of lesion masks that give the shapes")
    parser.add_argument("--people", nargs="+", default=["1004", "1005"])
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--methods", nargs="+", default=["diffusion", "patch"])
    parser.add_argument("--seed", type=int, default=2023)
    parser.add_argument("--keep", type=Path, help="keep inputs and results in this folder")
    args = parser.parse_args()
    shapes = lesion_shapes(masks(args.lesions))
    table = defaultdict(list)
    print(line(["person", "kind", "method", "way", *Score._fields]))
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for name in args.people:
            for kind in args.kinds:
                case, truth, hole = damaged(args.bids, name, kind, shapes, args.seed, folder)
                for method in args.methods:
                    for way in (ALONE, TOGETHER):
                        score = filled(case, method, way, truth, hole)
                        table[kind, method, way].append(score)
                        print(line([name, kind, method, way, *score]), flush=True)
    print("\nmean over people")
    means = {key: Score(*np.mean(rows, axis=0).tolist()) for key, rows in table.items()}
    for key, score in means.items():
        print(line([*key, *score]))
    short = shortfalls(means)
    print("PASS" if not short else "\n".join(["short of the aims:", *short]))


def damaged(
    bids: Path,
    name: str,
    kind: str,
    shapes: Sequence[NDArray[np.bool_]],
    seed: int,
    folder: Path,
) -> tuple[list[Path], NDArray[np.float32], NDArray[np.bool_]]:
    """T1 and mask of both visits, what was in the hole, and the hole."""
    person = load_person(bids, name)
    rng = np.random.default_rng([seed, int(name), KINDS.index(kind)])
    hole = make_hole(kind, person.tissues, shapes, rng)
    scan = overwritten(kind, person.truth, hole, person.tissues, rng)
    affine, case = person.image.affine, folder / f"{name}_{kind}"
    other = bids / f"sub-{name}/ses-02/anat/sub-{name}_ses-02_T1w.nii.gz"
    seen = nib.load(other)
    paths = [
        save(Path(f"{case}_ses-01.nii.gz"), scan, affine, person.image.header),
        save(Path(f"{case}_ses-01_mask.nii.gz"), hole.astype(np.uint8), affine),
        other,
        save(Path(f"{case}_ses-02_mask.nii.gz"), np.zeros(seen.shape, np.uint8), seen.affine),
    ]
    return paths, person.truth.astype(np.float32), hole


def filled(
    case: Sequence[Path],
    method: str,
    way: str,
    truth: NDArray[np.float32],
    hole: NDArray[np.bool_],
) -> Score:
    """Fill the first visit by the command, in a process of its own, and score it."""
    t1 = case[0]
    out = t1.parent / f"{t1.name.removesuffix('.nii.gz')}_{method}_{way.partition(' ')[0]}"
    out.mkdir(exist_ok=True)
    result = out / f"{t1.name.removesuffix('.nii.gz')}_filled.nii.gz"
    inputs = [*map(str, case[:2]), "-o", str(result)]
    if way == TOGETHER:
        inputs = ["--visits", *map(str, case), "-o", str(out)]
    command = [sys.executable, "-m", "brainfill", "fill", *inputs, "--method", method]
    command += ["--dilate", "0", "--force", "-q"]
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - own command
    seconds = time.perf_counter() - began
    known = array(t1)
    known[hole] = 0
    found = fill_metrics(array(result), truth, hole, known)
    return Score(found["psnr_01"], found["mae"], seconds)


def shortfalls(means: dict[tuple[str, str, str], Score]) -> list[str]:
    """One sentence for each kind and method where the other visit adds too little."""
    found = []
    for (kind, method, way), score in means.items():
        if way != TOGETHER:
            continue
        gain = score.psnr_01 - means[kind, method, ALONE].psnr_01
        if gain < GAIN_DB:
            found.append(
                f"{kind}, {method}: {gain:+.2f} dB by the other visit, at least {GAIN_DB:g}"
            )
    return found


if __name__ == "__main__":
    main()
