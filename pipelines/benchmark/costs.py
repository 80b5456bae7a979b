"""What each command costs on the sample scan, one after the other on one core; `brainfill info` shows the result.

    python pipelines/benchmark/costs.py [--only COMMAND...]

Every run is a process of its own, start-up included. Writes brainfill/costs.json: processor seconds, seconds by
the clock (which other work on the machine makes longer) and the most memory a process had.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from brainfill import __version__

_ROOT = Path(__file__).parents[2]
_OUT = _ROOT / "brainfill" / "costs.json"
_SAMPLES = ("sub-01_T1w", "sub-01_lesion_mask", "sub-01_truth_T1w")
# `compare` reads what both runs of `thickness` left.
_RUNS = (
    "fill T1w.nii.gz lesion_mask.nii.gz -o filled.nii.gz --threads 1",
    "fill T1w.nii.gz lesion_mask.nii.gz -o fast.nii.gz --threads 1 --quality fast",
    "fill T1w.nii.gz lesion_mask.nii.gz -o best.nii.gz --threads 1 --quality best",
    "fill T1w.nii.gz lesion_mask.nii.gz -o sample.nii.gz --threads 1 --samples 1",
    "fill T1w.nii.gz lesion_mask.nii.gz -o patch.nii.gz --threads 1 --method patch",
    "fill T1w.nii.gz lesion_mask.nii.gz -o local.nii.gz --threads 1 --method localmean",
    "fill T1w.nii.gz lesion_mask.nii.gz -o page.nii.gz --threads 1 --report",
    "fill T1w.nii.gz lesion_mask.nii.gz -o mni.nii.gz --threads 1 --space mni",
    "smooth T1w.nii.gz --mask lesion_mask.nii.gz -o smoothed.nii.gz",
    "synthesize truth_T1w.nii.gz lesion_mask.nii.gz -o painted.nii.gz --threads 1",
    "preprocess T1w.nii.gz --mask lesion_mask.nii.gz -o preprocessed --threads 1",
    "masks ellipsoids truth_T1w.nii.gz -o ellipsoids.nii.gz",
    "masks place truth_T1w.nii.gz -o placed.nii.gz --n 10",
    "masks transfer T1w.nii.gz lesion_mask.nii.gz truth_T1w.nii.gz -o transferred.nii.gz",
    "evaluate fill T1w.nii.gz truth_T1w.nii.gz lesion_mask.nii.gz",
    "thickness T1w.nii.gz -o before --threads 1",
    "thickness truth_T1w.nii.gz -o after --threads 1",
    "compare before after -o compared",
    "robustness T1w.nii.gz lesion_mask.nii.gz -o robust --backends direct/deep --threads 1",
)


def main() -> None:
    """Read the command line, run everything, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=Path, default=_OUT)
    parser.add_argument("--only", nargs="+", help="commands to measure; figures of others stay")
    args = parser.parse_args()
    before = _read(args.out) if args.only else {}
    with tempfile.TemporaryDirectory(prefix="brainfill-costs-") as name:
        folder = Path(name)
        for sample in _SAMPLES:
            link = folder / f"{sample.removeprefix('sub-01_')}.nii.gz"
            link.symlink_to(_ROOT / "data-samples" / f"{sample}.nii.gz")
        runs = [
            _measured(line, folder)
            if not args.only or line.split()[0] in args.only
            else before[f"brainfill {line}"]
            for line in _RUNS
        ]
    facts = {
        "MeasuredBy": "python pipelines/benchmark/costs.py",
        "Version": __version__,
        "Machine": f"one core of {_processor()}",
        "Scan": "data-samples/sub-01_T1w.nii.gz: head of 1 mm voxels, 21 lesions, 6.5 ml",
        "Runs": runs,
    }
    args.out.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """The runs measured before, by command."""
    facts = json.loads(path.read_text(encoding="utf-8"))
    return {run["Command"]: run for run in facts["Runs"]}


def _measured(line: str, folder: Path) -> dict[str, Any]:
    words = [sys.executable, "-m", "brainfill", *shlex.split(line)]
    one = dict.fromkeys(("OMP_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"), "1")
    began = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - own command
        words, cwd=folder, stdout=subprocess.DEVNULL, env=os.environ | one
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    if status:
        sys.exit(f"failed: brainfill {line}")
    found = {
        "Command": f"brainfill {line}",
        "ProcessorSeconds": round(usage.ru_utime + usage.ru_stime, 1),
        "Seconds": round(seconds, 1),
        "PeakMiB": round(usage.ru_maxrss / 1024),
    }
    print(found, flush=True)
    return found


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))


if __name__ == "__main__":
    main()
