"""Damaged records, filters, config files and descriptions of datasets, given to `brainfill bids`.

    python tests/fuzz/records.py --n 10000 --seed 1

prints how often each exit code came, and every violation with the number of its case; one case is repeated alone with
`--only NUMBER`. What must hold of every case: the exit code is one of those documented, no exception but the project's
own comes out, and no file outside OUT_DIR changes.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import typer
from mutate import mutated, mutated_json

from brainfill.bids.config import LESION, BidsConfig
from brainfill.bids.pages import link_pages
from brainfill.bids.person import _forget_after
from brainfill.bids.records import Record, StepRecord, read_record
from brainfill.cli import app
from brainfill.report.related import PLACE

EXIT_CODES = (0, 2, 65, 66, 69, 75)
_FACTS: dict[str, dict[str, Any]] = {
    "lesion": {"LesionVoxels": 8, "LesionVolumeML": 0.1, "LesionCount": 1, "SkullStripped": False},
    "fill": {"FilledVoxels": 40, "LargestStripeIndex": 1.1, "BorderStepPct": None, "Warnings": []},
    "smooth": {"Smoothed": True, "VoxelsChanged": 3, "Warnings": ["odd"]},
    "unfilled": {"Global": {"mean_mm": 2.5, "left_mm": 2.5}},
    "thickness": {"Global": {"mean_mm": 2.4}},
    "compare": {"GlobalMean": {"ChangePct": 0.1}, "NearLesion": {"ChangePct": None}},
}
_FILTERS = {"t1w": {"acquisition": "a", "run": [1, None]}, "lesion": {"label": "lesion"}}
_TOML = """steps = ["fill", "smooth"]
method = "localmean"
dilate = 2
smooth_if = 1.5
mem-gb = 4.0
participant_label = ["01"]
n_procs = 2
report = true
"""
_DESCRIPTION = {
    "Name": "x",
    "BIDSVersion": "1.10.0",
    "GeneratedBy": [{"Name": "brainfill", "Version": "0"}],
    "DatasetLinks": {"raw": "../raw"},
}


class Outcome(NamedTuple):
    """What came of one case: its exit code, and what was violated, if anything."""

    code: int
    violation: str = ""


def run(numbers: range, seed: int) -> tuple[Counter[int], dict[int, str]]:
    """Try cases; how often each exit code came, and the violations by the number of their case."""
    counts: Counter[int] = Counter()
    violations = {}
    # typer would put all commands together anew in each call, which takes longer than the rest.
    once = mock.patch.object(app, "app", typer.main.get_command(app.app))
    with once, tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            place = Path(folder) / "case"
            outcome = _case(place, np.random.default_rng((seed, number)))
            counts[outcome.code] += 1
            if outcome.violation:
                violations[number] = outcome.violation
            shutil.rmtree(place)
    return counts, violations


def _case(folder: Path, rng: np.random.Generator) -> Outcome:
    _good(folder)
    before = _outside(folder)
    damage, words = _DAMAGES[rng.integers(len(_DAMAGES))]
    damage(folder, rng)
    raw, out = str(folder / "raw"), str(folder / "out")
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        outcome = _command(["brainfill", "bids", raw, out, *(w.format(folder) for w in words)])
        trouble = _removed(folder)
    violation = outcome.violation or trouble
    if not violation and _outside(folder) != before:
        violation = "a file outside OUT_DIR changed"
    return Outcome(outcome.code, violation)


def _good(folder: Path) -> None:
    """A dataset of one scan, and the results of an earlier run."""
    anat, out = folder / "raw/sub-01/anat", folder / "out"
    for place in (anat, out / "logs", out / "sub-01/anat"):
        place.mkdir(parents=True)
    for name in ("acq-a_T1w", "acq-a_label-lesion_mask"):
        (anat / f"sub-01_{name}.nii.gz").touch()
    for place in (folder / "raw", out):
        (place / "dataset_description.json").write_text(json.dumps(_DESCRIPTION))
    (folder / "x").write_text(PLACE)  # what a path such as ../../x leads to
    record = Record(out / "logs/sub-01_acq-a.json", {"Status": "done", "Message": ""})
    record.checksums(anat.iterdir())
    for number, (step, facts) in enumerate(_FACTS.items()):
        outputs = {f"sub-01/anat/sub-01_acq-a_{step}.nii.gz": 1, f"{step}.html": len(PLACE)}
        for path in outputs:
            (out / path).write_text(PLACE)
        record.steps[step] = StepRecord(f"print {number}", outputs, 1.5, facts)
    record.save()
    (folder / "f.json").write_text(json.dumps(_FILTERS))
    (folder / "c.toml").write_text(_TOML)


def _outside(folder: Path) -> dict[Path, bytes]:
    places = [p for p in folder.rglob("*") if p.is_file() and "out" not in p.parts]
    return {p: p.read_bytes() for p in places if p.suffix not in (".toml", ".json")}


def _spoilt(name: str) -> Callable[[Path, np.random.Generator], None]:
    """Damage a JSON or TOML file: what it says, or its bytes."""

    def damage(folder: Path, rng: np.random.Generator) -> None:
        path = folder / name
        if path.suffix == ".json" and rng.random() < 0.8:
            plain = json.loads(path.read_text())
            for _ in range(int(rng.integers(1, 3))):
                plain = mutated_json(plain, rng)
            path.write_text(json.dumps(plain))
        else:
            path.write_bytes(mutated(path.read_bytes(), rng))

    return damage


_RECORD = _spoilt("out/logs/sub-01_acq-a.json")
_PLAN = ("participant", "--method", "localmean", "--dry-run")
_DAMAGES: tuple[tuple[Callable[[Path, np.random.Generator], None], tuple[str, ...]], ...] = (
    (_RECORD, (*_PLAN, "--steps", "fill,smooth,thickness,compare")),
    (_RECORD, _PLAN),
    (_RECORD, ("group",)),
    (_spoilt("f.json"), (*_PLAN, "--bids-filter-file", "{}/f.json")),
    (_spoilt("c.toml"), ("participant", "--dry-run", "--config-file", "{}/c.toml")),
    (_spoilt("raw/dataset_description.json"), ("group",)),
    (_spoilt("out/dataset_description.json"), _PLAN),
)


def _removed(folder: Path) -> str:
    """What went wrong where a run takes back and links what a record names; empty if nothing did."""
    out = folder / "out"
    try:
        record = read_record(out / "logs/sub-01_acq-a.json")
        link_pages(record, out, ["a mask"])
        _forget_after(LESION, record, BidsConfig(), out)
    except Exception:  # noqa: BLE001 - any is a violation
        return traceback.format_exc()
    return ""


def _command(words: list[str]) -> Outcome:
    with mock.patch.object(sys, "argv", words):
        try:
            app.main()
        except SystemExit as stop:
            code = int(stop.code or 0)
            return Outcome(code, "" if code in EXIT_CODES else f"exit code {code}")
        except Exception:  # noqa: BLE001 - any is a violation
            return Outcome(1, traceback.format_exc())
    return Outcome(0)


def main() -> int:
    """Try as many cases as wanted; 1 if anything was violated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int)
    a = parser.parse_args()
    numbers = range(a.n) if a.only is None else range(a.only, a.only + 1)
    counts, violations = run(numbers, a.seed)
    print(dict(sorted(counts.items())))
    for number, violation in violations.items():
        print(f"{number}: {violation}")
    return bool(violations)


if __name__ == "__main__":
    sys.exit(main())
