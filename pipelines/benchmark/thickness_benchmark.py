"""Cortical thickness of people without lesions, with painted ones, filled, and scanned twice; by `brainfill thickness`.

    python pipelines/benchmark/thickness_benchmark.py OASIS LESION_MASKS RUN --people sub-1002 sub-1008 \
      --rescanned sub-1004 sub-1005 --backends direct/deep direct/atropos

Lesions of MS patients are painted into the white matter of healthy people (`brainfill masks components`, `brainfill
synthesize`) and filled again (`brainfill fill`). What each backend measures in the scan with lesions and in the filled
one is compared with what it measures in the healthy scan, which is the truth. What is in RUN already is not done again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import nibabel as nib
import numpy as np
from brains import OASIS_HELD_OUT, labels_of, t1w_of
from runs import line

WHITE = 3
LESIONS = 60
COLUMNS = (
    *("person", "backend", "compared", "mean_mm", "global_pct", "regions_pct"),
    *("near_pct", "seconds", "peak_mb"),
)


def main() -> None:
    """Read the command line, paint, fill, measure, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("oasis", type=Path)
    parser.add_argument("shapes", type=Path, help="folder of lesion masks of patients")
    parser.add_argument("run", type=Path)
    parser.add_argument("--people", nargs="*", default=OASIS_HELD_OUT)
    parser.add_argument("--rescanned", nargs="*", default=[])
    parser.add_argument("--backends", nargs="+", default=["direct/deep", "direct/atropos"])
    parser.add_argument("--set", nargs="*", default=[], help="settings of the backends")
    args = parser.parse_args()
    args.run.mkdir(parents=True, exist_ok=True)
    print(line(COLUMNS), flush=True)
    for person in args.people:
        scans = with_lesions(args, person)
        for backend in args.backends:
            compared(args, person, backend, scans)
    for person in args.rescanned:
        twice = {s: t1w_of(args.oasis, person, s) for s in ("ses-01", "ses-02")}
        for backend in args.backends:
            compared(args, person, backend, twice)


def with_lesions(args: argparse.Namespace, person: str) -> dict[str, Path]:
    """The healthy scan first, then the same with painted lesions, then that filled."""
    healthy = t1w_of(args.oasis, person)
    mask, lesioned, filled = (
        args.run / f"{person}_{w}.nii.gz" for w in ("mask", "lesioned", "filled")
    )
    if not filled.exists():
        tissues = nib.load(labels_of(args.oasis, person, "tissues"))
        white = args.run / f"{person}_white.nii.gz"
        flags = (np.asarray(tissues.dataobj) == WHITE).astype(np.uint8)
        nib.save(nib.Nifti1Image(flags, tissues.affine), white)
        seed = person.removeprefix("sub-")
        drawn = ["--tissue", white, "--n", LESIONS, "--seed", seed]
        ask("masks", "components", healthy, args.shapes, "-o", mask, *drawn)
        ask("synthesize", healthy, mask, "-o", lesioned, "--seed", seed)
        ask("fill", lesioned, mask, "-o", filled)
    return {"healthy": healthy, "lesioned": lesioned, "filled": filled}


def compared(args: argparse.Namespace, person: str, backend: str, scans: dict[str, Path]) -> None:
    """Measure all scans and compare each with the first."""
    mask = args.run / f"{person}_mask.nii.gz"
    results = {name: measured(args, person, backend, name, scan) for name, scan in scans.items()}
    first = next(iter(results))
    for name, (folder, seconds, peak_mb) in results.items():
        record = json.loads(next(folder.glob("*thickness.json")).read_text(encoding="utf-8"))
        cells = [person, backend, name, record["Global"]["mean_mm"]]
        if name == first:
            print(line([*cells, "", "", "", seconds, peak_mb]), flush=True)
            continue
        out = args.run / f"{folder.name}_against_{first}"
        near = ["--lesion", mask, "--labels", next(results[first][0].glob("*dseg.nii.gz"))]
        pair = [
            results[first][0],
            folder,
            "-o",
            out,
            "--force",
            *(near if "healthy" in scans else []),
        ]
        ask("compare", *pair)
        found = json.loads((out / "comparison.json").read_text(encoding="utf-8"))
        keys = ("GlobalMean", "ROIAverage", "NearLesion")
        changes = [found[key]["ChangePct"] if key in found else "" for key in keys]
        print(line([*cells, *changes, seconds, peak_mb]), flush=True)


def measured(
    args: argparse.Namespace, person: str, backend: str, name: str, scan: Path
) -> tuple[Path, float | str, float | str]:
    """The folder of a result; seconds and peak memory, if it was measured now."""
    folder = args.run / f"{person}_{backend.replace('/', '-')}_{name}"
    if folder.is_dir() and any(folder.glob("*thickness.json")):
        return folder, "", ""
    tool, _, segmenter = backend.partition("/")
    options = ["--backend", tool, *(["--segmenter", segmenter] if segmenter else [])]
    options += [part for setting in args.set for part in ("--set", setting)]
    began = time.perf_counter()
    # Stripped scans: who strips brains would have nothing to do.
    peak_mb = ask("thickness", scan, "-o", folder, "--skullstrip", "none", *options)
    return folder, time.perf_counter() - began, peak_mb


def ask(*words: object) -> float:
    """Run `brainfill`; its peak memory [MB]."""
    command = [sys.executable, "-m", "brainfill", *map(str, words), "-q"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - own command
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"failed: {' '.join(command)}")
    return usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
