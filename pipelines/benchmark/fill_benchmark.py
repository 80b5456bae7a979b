"""Compare filling methods on people with known truth: accuracy, seconds and memory in one run.

    python pipelines/benchmark/fill_benchmark.py OASIS_BIDS LESION_MASKS --people 1002 1008 1122

Every fill is a run of the `brainfill` command in a process of its own, so seconds and peak memory
include start-up and reading and writing. Prints one line per fill, then the mean per method.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import nibabel as nib
import numpy as np
from holes import KINDS, lesion_shapes, make_hole, overwritten

from brainfill.metrics.image import fill_metrics

SHOWN = ("psnr_01", "mae", "ssim_brats")


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
    args = parser.parse_args()
    masks = [_ras(path) > 0 for path in sorted(args.lesions.glob("*_mask.nii.gz"))]
    shapes = lesion_shapes(masks)
    table = defaultdict(list)
    print("person\tkind\thole_ml\tmethod\t" + "\t".join(SHOWN) + "\tseconds\tpeak_mb")
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for person in args.people:
            for kind in args.kinds:
                truth, t1, mask = _case(args.bids, person, kind, shapes, args.seed, folder)
                for method in args.methods:
                    out = (
                        folder
                        / f"{person}_{kind}_{method.replace(':', '_').replace('/', '_')}.nii.gz"
                    )
                    seconds, peak_mb = _run(t1, mask, out, method, args.dilate)
                    damaged, hole = _array(t1), _array(mask) > 0
                    damaged[hole] = 0
                    scores = fill_metrics(_array(out), truth, hole, damaged)
                    row = [*(scores[name] for name in SHOWN), seconds, peak_mb]
                    table[kind, method].append(row)
                    cells = "\t".join(f"{v:.4f}" for v in row)
                    print(
                        f"{person}\t{kind}\t{hole.sum() / 1000:.1f}\t{method}\t{cells}", flush=True
                    )
    print("\nmean over people")
    for (kind, method), rows in table.items():
        cells = "\t".join(f"{v:.4f}" for v in np.mean(rows, axis=0))
        print(f"{kind}\t{method}\t{cells}")


def _case(
    bids: Path, person: str, kind: str, shapes: list, seed: int, folder: Path
) -> tuple[np.ndarray, Path, Path]:
    """Truth (as stored), and the paths of the damaged scan and of its mask."""
    name = f"sub-{person}_ses-01"
    image = nib.load(bids / f"sub-{person}/ses-01/anat/{name}_T1w.nii.gz")
    labels = bids / f"derivatives/labels/sub-{person}/ses-01/anat/{name}_desc-tissues_dseg.nii.gz"
    tissues = np.asarray(nib.load(labels).dataobj)
    rng = np.random.default_rng([seed, int(person), KINDS.index(kind)])
    truth = np.asarray(image.dataobj)
    hole = make_hole(kind, tissues, shapes, rng)
    damaged = overwritten(kind, truth, hole, tissues, rng)
    t1, mask = folder / f"{person}_{kind}_T1w.nii.gz", folder / f"{person}_{kind}_mask.nii.gz"
    nib.save(nib.Nifti1Image(damaged, image.affine, image.header), t1)
    nib.save(nib.Nifti1Image(hole.astype(np.uint8), image.affine), mask)
    return truth.astype(np.float32), t1, mask


def _run(t1: Path, mask: Path, out: Path, method: str, dilate: int) -> tuple[float, float]:
    """Fill in a process of its own; wall seconds and peak resident memory [MB]."""
    name, _, options = method.partition(":")
    extra = [f"--{option}" for option in options.split(",") if option]
    command = [sys.executable, "-m", "brainfill", "fill", str(t1), str(mask), "-o", str(out)]
    command += ["--method", name, "--dilate", str(dilate), "--force", "-q", *extra]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - own command
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"failed: {' '.join(command)}")
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def _array(path: Path) -> np.ndarray:
    return np.asarray(nib.load(path).dataobj, dtype=np.float32)


def _ras(path: Path) -> np.ndarray:
    return np.asarray(nib.as_closest_canonical(nib.load(path)).dataobj)


if __name__ == "__main__":
    main()
