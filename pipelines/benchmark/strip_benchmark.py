"""Compare a skull stripper with known brains: agreement, seconds and memory, person by person.

    python pipelines/benchmark/strip_benchmark.py IXI2MM --also HEAD.nii.gz BRAIN.nii.gz

Takes the last 20 people in name order, whom the shipped network was not trained on. The known brain is
what dlmuse labelled, closed by 4 mm and filled (see brains.py): automatic labels at 2 mm that no rater
corrected, which end where the labels end, at the foramen magnum. A person whom they misjudge counts
against the stripper all the same. Every run is a process of its own, so seconds and peak memory include
start-up and reading and writing. The last line is PASS or what falls short of the aims.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import nibabel as nib
import numpy as np
from brains import HELD_OUT, brain_of, head_of, people_of
from numpy.typing import NDArray
from runs import line

from brainfill.core.grid import Grid
from brainfill.metrics.overlap import dice, distance95_mm
from brainfill.preprocess.pieces import solid

MEAN_DICE, WORST_DICE = 0.97, 0.95
WORST_MM, SECONDS, PEAK_MB = 4.0, 10.0, 2048.0


class Score(NamedTuple):
    """One brain found, and what it cost.

    Args:
        dice: see brainfill.metrics.overlap, as `d95_mm`.
        d95_mm: distance within which 95 % of the surfaces lie.
        ml: volume found.
        solid: 1 if it is one piece without holes, else 0.
        seconds: start-up included.
        peak_mb: peak memory.
    """

    dice: float
    d95_mm: float
    ml: float
    solid: float
    seconds: float
    peak_mb: float


def main() -> None:
    """Read the command line, strip everybody, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bids", type=Path, help="heads with derivatives/dlmuse")
    parser.add_argument("--people", nargs="+", help="others than the last 20")
    parser.add_argument("--way", default="builtin", help="module of brainfill.preprocess.strippers")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", dest="settings")
    parser.add_argument("--also", nargs=2, type=Path, metavar=("HEAD", "BRAIN"), action="append")
    args = parser.parse_args()
    people = args.people or people_of(args.bids)[-HELD_OUT:]
    print(line(["person", *Score._fields]))
    scores = []
    for person in people:
        score = stripped(
            head_of(args.bids, person), brain_of(args.bids, person), args.way, args.settings
        )
        scores.append(score)
        print(line([person, *score]), flush=True)
    print(line(["mean", *np.mean(scores, axis=0).tolist()]))
    print(line(["lowest", *np.min(scores, axis=0).tolist()]))
    print(line(["highest", *np.max(scores, axis=0).tolist()]))
    for head, brain in args.also or []:
        truth = np.asarray(nib.load(brain).dataobj) > 0.5
        print(line([head.name, *stripped(head, truth, args.way, args.settings)]), flush=True)
    short = shortfalls(scores)
    print("PASS" if not short else "\n".join(["short of the aims:", *short]))


def stripped(head: Path, truth: NDArray[np.bool_], way: str, settings: list[str]) -> Score:
    """Find the brain of a head in a process of its own, and compare it with the truth."""
    script = Path(__file__).with_name("strip_one.py")
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "mask.nii.gz"
        command = [sys.executable, str(script), way, str(head), str(out), "--set", *settings]
        began = time.perf_counter()
        process = subprocess.Popen(command)  # noqa: S603 - own command
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        if status:
            sys.exit(f"failed: {' '.join(command)}")
        image = nib.load(out)
        found = np.asarray(image.dataobj) > 0
    grid = Grid(found.shape, image.affine)
    return Score(
        dice(found, truth),
        distance95_mm(found, truth, grid.spacing()),
        float(found.sum()) * grid.voxel_ml(),
        float(np.array_equal(solid(found), found)),
        seconds,
        usage.ru_maxrss / 1024,
    )


def shortfalls(scores: list[Score]) -> list[str]:
    """One sentence for each aim that is missed."""
    columns = Score(*np.array(scores).T)
    mean, worst = np.mean(columns.dice), np.min(columns.dice)
    apart, seconds, peak = (np.max(c) for c in (columns.d95_mm, columns.seconds, columns.peak_mb))
    aims = (
        (mean >= MEAN_DICE, f"mean Dice {mean:.4f}, at least {MEAN_DICE}"),
        (worst >= WORST_DICE, f"lowest Dice {worst:.4f}, at least {WORST_DICE}"),
        (apart <= WORST_MM, f"surfaces {apart:.2f} mm apart, at most {WORST_MM}"),
        (np.all(columns.solid), "a brain in several pieces or with holes"),
        (seconds <= SECONDS, f"{seconds:.1f} s, at most {SECONDS}"),
        (peak <= PEAK_MB, f"{peak:.0f} MB, at most {PEAK_MB:.0f}"),
    )
    return [text for reached, text in aims if not reached]


if __name__ == "__main__":
    main()
