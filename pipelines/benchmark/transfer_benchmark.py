"""How many lesions of patients keep the rules after they were carried to healthy people: naively, and one by one.

    python pipelines/benchmark/transfer_benchmark.py OASIS_BIDS --patients T1,MASK T1,MASK --people 1002 1122 \
      --masks MASKS --hosts 3 --pictures FOLDER

For each pair of a patient and a person, prints how many lesions keep the rules of METHODS 21.3 after nearest
neighbours and an unmasked registration, and after `brainfill masks transfer`; judged by the tissues that the method
found itself, and by manual ones, which it never saw. With --masks, some masks of further patients are laid on the
template, whose brain they do not fit, as if it were theirs, and carried to the first person. The last line is PASS or
what falls short.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from runs import line

from brainfill.core.context import Context
from brainfill.core.volume import LabelMap, Mask, Scan
from brainfill.io.nifti import read_mask, read_volume
from brainfill.lesions.anatomy import Anatomy, anatomy
from brainfill.lesions.carried import carried
from brainfill.lesions.pool import pieces
from brainfill.lesions.rules import Rules
from brainfill.lesions.search import Search
from brainfill.lesions.transfer import Moved, transfer
from brainfill.lesions.transfer_table import rows
from brainfill.preprocess.steps.resample import resample_to
from brainfill.preprocess.template import MNI, load_template
from brainfill.tasks.masks._anatomy import Stripped, anatomy_in_mni, stripped, to_template
from brainfill.tasks.masks._base import Patient
from brainfill.tasks.masks._between import Prepared, between, prepared
from brainfill.tasks.masks.transfer import in_ras, warped

VENTRICLES = (51, 52)
LEAST_KEPT = {"own": 0.95, "manual": 0.9}
HEAD = (
    "pair",
    "way",
    "judge",
    "lesions",
    "kept",
    "share",
    "volume_ratio",
    "reasons",
    "outcomes",
    "seconds",
)


@dataclass(frozen=True, eq=False)
class Target:
    """A healthy person: as the method sees it, and as experts drew it."""

    name: str
    own: Stripped
    brain: Anatomy
    manual: Anatomy


@dataclass(frozen=True)
class Row:
    """How many lesions of a pair keep the rules."""

    pair: str
    way: str
    judge: str
    lesions: int
    kept: int


def main() -> None:
    """Read the command line, carry everything, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bids", type=Path, help="stripped 1 mm T1w with derivatives/labels")
    parser.add_argument("--patients", nargs="+", required=True, help="T1w,MASK")
    parser.add_argument("--people", nargs="+", required=True)
    parser.add_argument("--masks", type=Path, help="masks without a T1w")
    parser.add_argument("--hosts", type=int, default=3, help="how many of these")
    parser.add_argument("--pictures", type=Path, help="folder for masks, to look at")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    ctx = Context(threads=args.threads)
    print(line(HEAD), flush=True)
    targets = [target(args.bids, person, ctx) for person in args.people]
    found = []
    for pair in args.patients:
        t1, mask = map(Path, pair.split(","))
        whose = Patient(Scan(t1.name, {"T1w": read_volume(t1)}), read_mask(mask))
        ready = prepared(in_ras(whose, ctx), ctx)
        for person in targets:
            found += measured(f"{t1.name[:6]}>{person.name}", ready, person, ctx, args.pictures)
    for mask in sorted(args.masks.glob("*_mask.nii.gz"))[: args.hosts] if args.masks else ():
        name = f"{mask.name[:6]} on the template>{targets[0].name}"
        ready = prepared(on_template(mask, ctx), ctx)
        measured(name, ready, targets[0], ctx, args.pictures)
    print("; ".join(short(found)) or "PASS")


def target(bids: Path, person: str, ctx: Context) -> Target:
    """A person of the folder, with manual tissues and ventricles."""
    name = f"sub-{person}_ses-01"
    image = read_volume(bids / f"sub-{person}/ses-01/anat/{name}_T1w.nii.gz")
    folder = bids / f"derivatives/labels/sub-{person}/ses-01/anat"
    tissues, regions = (
        np.asarray(nib.load(folder / f"{name}_desc-{kind}_dseg.nii.gz").dataobj)
        for kind in ("tissues", "neuromorphometrics")
    )
    own = stripped(Scan(name, {"T1w": image}), ctx)
    brain = anatomy_in_mni(own, to_template(own, ctx), ctx)
    wet = Mask(np.isin(regions, VENTRICLES), image.grid)
    return Target(person, own, brain, anatomy(LabelMap(tissues, image.grid), wet))


def on_template(path: Path, ctx: Context) -> Patient:
    """A mask in its own space, laid on the template without any registration."""
    template, mask = load_template(MNI, ctx.read), read_mask(path)
    grid = template.image.grid
    lesion = resample_to(mask.data.astype(np.float32), mask.grid, grid, 1) > 0.5
    scan = Scan("the template", {"T1w": template.image}, brain=template.brain)
    return Patient(scan, Mask(lesion & template.brain.data, grid))


def measured(
    pair: str, ready: Prepared, person: Target, ctx: Context, pictures: Path | None
) -> list[Row]:
    """Carry the lesions of a pair both ways and judge them twice."""
    found = []
    for way in ("naive", "one by one"):
        began = time.process_time()
        mask, moved = carried_over(way, ready, person, ctx)
        seconds = time.process_time() - began
        if pictures:
            save(
                mask, person, pictures / f"{pair}_{way}.nii.gz".replace(" ", "-").replace(">", "-")
            )
        for judge, brain in (("own", person.brain), ("manual", person.manual)):
            found.append(told(pair, way, judge, mask, moved, brain, seconds))
    return found


def carried_over(
    way: str, ready: Prepared, person: Target, ctx: Context
) -> tuple[np.ndarray, list[Moved]]:
    """The lesions in the other brain."""
    wet = Mask(person.brain.ventricles, person.brain.grid)
    masked = way != "naive"
    between_them = between(ready, person.own, wet, "balanced", ctx, masked=masked)
    lesions = [
        carried(piece, between_them.brain, between_them.warp)
        for piece in pieces("patient", between_them.lesion)
    ]
    if not masked:
        return warped(lesions, between_them, person.brain.grid, ctx)
    rng = np.random.default_rng(0)
    return transfer(lesions, person.brain, between_them.warp, Rules(), Search(), rng)


def told(
    pair: str,
    way: str,
    judge: str,
    mask: np.ndarray,
    moved: Sequence[Moved],
    brain: Anatomy,
    seconds: float,
) -> Row:
    """Print one line of the table."""
    table = rows(moved, mask, brain, Rules())
    reasons = Counter(row["reason"] for row in table if row["reason"])
    kept = len(table) - sum(reasons.values())
    volume = sum(row["volume_ml"] for row in table) / sum(row["patient_ml"] for row in table)
    why, how = (
        ", ".join(f"{name} {n}" for name, n in counts.most_common()) or "-"
        for counts in (reasons, Counter(one.how for one in moved))
    )
    cells = [
        pair,
        way,
        judge,
        len(table),
        kept,
        kept / len(table),
        volume,
        why,
        how,
        round(seconds),
    ]
    print(line(cells), flush=True)
    return Row(pair, way, judge, len(table), kept)


def save(mask: np.ndarray, person: Target, path: Path) -> None:
    """Write a mask to look at."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(mask.astype(np.uint8), person.brain.grid.affine), path)


def short(found: Sequence[Row]) -> list[str]:
    """Print the shares over all pairs; what falls short of the aims."""
    lacking = []
    for judge, least in LEAST_KEPT.items():
        for way in ("naive", "one by one"):
            some = [row for row in found if (row.way, row.judge) == (way, judge)]
            share = sum(row.kept for row in some) / sum(row.lesions for row in some)
            print(
                line(
                    [
                        "all",
                        way,
                        judge,
                        sum(r.lesions for r in some),
                        sum(r.kept for r in some),
                        share,
                    ]
                )
            )
            if way != "naive" and share < least:
                lacking.append(
                    f"by {judge} tissues {share:.2f} of lesions keep the rules, aim {least:g}"
                )
    return lacking


if __name__ == "__main__":
    main()
