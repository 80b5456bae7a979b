"""Do stripes of slice-wise fills go away by `brainfill smooth`, and what does it cost?

    python pipelines/benchmark/stripes_benchmark.py OASIS_BIDS LESION_MASKS --people 1002 1008 1122 --model RUN/bundle

Fills are draws of a slice-wise model, and fills by patches whose slices were each made brighter or darker by a
random amount. Prints one line per fill with the stripe index across the slices and psnr_01 before and after, the
means, and PASS or what falls short: the index nearer to 1, and psnr_01 not down by more than 0.2 dB.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from holes import KINDS, lesion_shapes, make_hole, overwritten
from numpy.typing import NDArray
from runs import array, border_step, line, load_person, masks, save

from brainfill.metrics.image import fill_metrics

MOST_DB_LOST = 0.2
DRAW = ["--samples", "1", "--steps", "25"]


class Effect(NamedTuple):
    """Before and after smoothing: index across the slices, psnr_01 [dB], step at the border [% of the brightest]."""

    index_before: float
    index_after: float
    psnr_before: float
    psnr_after: float
    step_before: float
    step_after: float


def main() -> None:
    """Read the command line, fill and smooth everything, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bids", type=Path, help="stripped 1 mm T1w with derivatives/labels")
    parser.add_argument("lesions", type=Path, help="folder of lesion masks that give the shapes")
    parser.add_argument("--people", nargs="+", required=True)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--model", type=Path, help="bundle of the family slice2d")
    parser.add_argument("--offsets", nargs="*", type=float, default=[0.02, 0.05])
    parser.add_argument("--options", nargs="*", default=[], help="of `brainfill smooth`, no dashes")
    parser.add_argument("--seed", type=int, default=2023)
    args = parser.parse_args()
    shapes = lesion_shapes(masks(args.lesions))
    table: dict[tuple[str, str], list[Effect]] = defaultdict(list)
    print(line(["person", "kind", "fill", *Effect._fields]))
    with tempfile.TemporaryDirectory() as scratch:
        for name in args.people:
            person = load_person(args.bids, name)
            for kind in args.kinds:
                rng = np.random.default_rng([args.seed, int(name), KINDS.index(kind)])
                hole = make_hole(kind, person.tissues, shapes, rng)
                damaged = overwritten(kind, person.truth, hole, person.tissues, rng)
                case, affine = Path(scratch) / f"{name}_{kind}", person.image.affine
                t1 = save(Path(f"{case}_T1w.nii.gz"), damaged, affine, person.image.header)
                mask = save(Path(f"{case}_mask.nii.gz"), hole.astype(np.uint8), affine)
                for fill, path in _fills(t1, mask, args.model, args.offsets, rng).items():
                    effect = smoothed(path, mask, person.truth, args.options)
                    table[kind, fill].append(effect)
                    print(line([name, kind, fill, *effect]), flush=True)
    print("\nmean over people")
    short = []
    for (kind, fill), effects in table.items():
        mean = Effect(*np.mean(effects, axis=0).tolist())
        print(line([kind, fill, *mean]))
        short += [f"{kind}, {fill}: {text}" for text in _shortfalls(mean)]
    print("PASS" if not short else "\n".join(["short of the aims:", *short]))


def smoothed(filled: Path, mask: Path, truth: NDArray[np.generic], options: list[str]) -> Effect:
    """Smooth a fill along z by the command and compare both with the truth."""
    out = Path(str(filled).replace(".nii.gz", "_smooth.nii.gz"))
    given = [part for option in options for part in f"--{option}".split("=", 1)]
    command = ["smooth", filled, "--mask", mask, "-o", out, "--axis", "z", "--json", *given]
    index = json.loads(_brainfill(*command))["StripeIndex"]
    hole, real = array(mask) > 0, truth.astype(np.float32)
    bright = float(np.percentile(real, 99.5))
    psnr, step = [], []
    for path in (filled, out):
        image = array(path)
        found = fill_metrics(image, real, hole, np.where(hole, 0, real))
        psnr.append(found["psnr_01"])
        step.append(100 * border_step(image, real, hole) / bright)
    return Effect(index["Before"]["z"], index["After"]["z"], *psnr, *step)


def _fills(
    t1: Path, mask: Path, model: Path | None, offsets: list[float], rng: np.random.Generator
) -> dict[str, Path]:
    """Fills by what made them."""
    found: dict[str, Path] = {}
    if model:
        found["slice2d"] = _filled(t1, mask, "slice2d", "--model", model, *DRAW)
    if offsets:
        patch = _filled(t1, mask, "patch", "--method", "patch")
        image, hole, affine = array(patch), array(mask) > 0, _affine(patch)
        level = float(np.percentile(image, 99))
        for share in offsets:
            # Slices of these scans lie along the last array axis, which is z.
            shifted = image + rng.normal(0, share * level, image.shape[2])
            path = Path(str(patch).replace("_patch", f"_offsets{share:g}"))
            found[f"offsets {share:g}"] = save(path, np.where(hole, shifted, image), affine)
    return found


def _filled(t1: Path, mask: Path, name: str, *options: str | Path) -> Path:
    out = Path(str(t1).replace("_T1w", f"_{name}"))
    _brainfill("fill", t1, mask, "-o", out, "--dilate", "0", *options)
    return out


def _affine(path: Path) -> NDArray[np.floating[Any]]:
    import nibabel as nib

    return np.asarray(nib.load(path).affine)


def _brainfill(*arguments: str | Path) -> str:
    command = [sys.executable, "-m", "brainfill", *map(str, arguments), "-q"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603
    if done.returncode:
        sys.exit(f"failed: {' '.join(command)}")
    return done.stdout


def _shortfalls(e: Effect) -> list[str]:
    missed = []
    before, after = (abs(math.log(index)) for index in (e.index_before, e.index_after))
    if after > before:
        missed.append(f"index {e.index_before:.2f} became {e.index_after:.2f}, farther from 1")
    if e.psnr_after < e.psnr_before - MOST_DB_LOST:
        missed.append(f"{e.psnr_before - e.psnr_after:.2f} dB lost, at most {MOST_DB_LOST}")
    return missed


if __name__ == "__main__":
    main()
