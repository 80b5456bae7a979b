"""How well tissues and cortical regions of people the networks never saw are told apart, against manual labels.

    python pipelines/benchmark/tissue_benchmark.py OASIS --people sub-1002 sub-1008 sub-1122 --segmenters deep atropos

For each person and segmenter, after N4 and the registration it needs, prints Dice of fluid, grey and white matter in
the brain; mean Dice over the cortical labels of both sides: "regions" of grey matter as it was found with the labels
it was given, against manual grey matter with manual labels, and "labels" where the cortex is known, of the labels
alone; the share of "regions" above 0.5; seconds of segmentation alone, and peak memory so far. The last line is PASS
or what falls short of the aims.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import nibabel as nib
import numpy as np
from brains import OASIS_HELD_OUT, labels_of, t1w_of
from numpy.typing import NDArray
from runs import line

from brainfill.core.context import Context
from brainfill.core.grid import Grid
from brainfill.core.registry import load
from brainfill.core.volume import Mask, Scan
from brainfill.io.nifti import read_volume
from brainfill.lesions.anatomy import GREY, WHITE
from brainfill.metrics.overlap import dice
from brainfill.preprocess.steps.resample import resample_to
from brainfill.preprocess.tissues._base import brain_of
from brainfill.thickness.backends.direct import TISSUES
from brainfill.thickness.parcels import MODEL, left_half, numbered, parcels
from brainfill.thickness.placed import Placed, place
from brainfill.thickness.regions import load_names

AIMS = {"grey": 0.90, "white": 0.92, "regions": 0.70}
COLUMNS = (
    *("person", "segmenter", "fluid", "grey", "white"),
    *("regions", "labels", "above_half", "seconds", "peak_mb"),
)


def main() -> None:
    """Read the command line, segment everybody, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("oasis", type=Path)
    parser.add_argument("--people", nargs="+", default=OASIS_HELD_OUT)
    parser.add_argument("--segmenters", nargs="+", default=["deep"])
    parser.add_argument("--tissues", default="", help="model of deep, instead of the shipped one")
    parser.add_argument("--regions", default=MODEL, help="model of the regions")
    parser.add_argument("--pictures", type=Path, help="folder for label maps, to look at")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    print(line(COLUMNS), flush=True)
    rows = []
    for person in args.people:
        for name in args.segmenters:
            rows.append(measured(args, person, name))
            print(line([person, name, *rows[-1].values()]), flush=True)
    means = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
    print(line(["mean", "all", *means.values()]))
    first = [
        row for row, n in zip(rows, args.segmenters * len(args.people), strict=True) if n == "deep"
    ]
    short = [
        f"{key} {found:.3f}, aim {aim:g}"
        for key, aim in AIMS.items()
        if first and (found := float(np.mean([row[key] for row in first]))) < aim
    ]
    print("; ".join(short) or "PASS")


def measured(args: argparse.Namespace, person: str, name: str) -> dict[str, float]:
    """Figures of one person."""
    ctx = Context(threads=args.threads, read=read_volume)
    plugin = load(TISSUES, name)
    deep = name == "deep" and args.tissues
    config = plugin.Config(model=args.tissues) if deep else plugin.Config()
    image = read_volume(t1w_of(args.oasis, person))
    placed = place(Scan(person, {"T1w": image}), "none", 1.0, plugin.TEMPLATE, ctx)
    began = time.perf_counter()
    tissues = plugin.build(config)(placed.scan, placed.registration, ctx).labels().data
    everywhere = labels_everywhere(args, placed, tissues, ctx)
    labels = np.where(tissues == GREY, everywhere, 0)
    seconds = time.perf_counter() - began
    grid = placed.scan.grid
    true_tissues, true_labels = (
        on_grid(labels_of(args.oasis, person, kind), grid)
        for kind in ("tissues", "neuromorphometrics")
    )
    if args.pictures:
        args.pictures.mkdir(parents=True, exist_ok=True)
        for what, data in (("tissues", tissues), ("regions", labels)):
            out = args.pictures / f"{person}_{name}_{what}.nii.gz"
            nib.save(nib.Nifti1Image(data.astype(np.uint8), grid.affine), out)
    inside = true_tissues > 0
    overlap = [dice((tissues == t) & inside, true_tissues == t) for t in (1, GREY, WHITE)]
    cortex = np.isin(true_labels, list(load_names()))
    known = by_label(np.where(cortex, everywhere, 0), np.where(cortex, true_labels, 0))
    each = by_label(labels, np.where(true_tissues == GREY, true_labels, 0))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = [*overlap, float(each.mean()), float(known.mean()), float((each > 0.5).mean())]
    return dict(zip(COLUMNS[2:], [*figures, seconds, peak_mb], strict=True))


def labels_everywhere(
    args: argparse.Namespace, placed: Placed, tissues: NDArray[np.int32], ctx: Context
) -> NDArray[np.int32]:
    """Cortical labels of the voxels of the brain, as the backend `direct` gives them to grey matter."""
    scan, brain = placed.scan, brain_of(placed.scan)
    classes = parcels(scan.images["T1w"], brain, args.regions, ctx).classes(brain)
    inner = Mask(tissues == WHITE, scan.grid)
    return numbered(classes, left_half(inner, placed.registration, ctx)).data


def by_label(found: NDArray[np.int32], truth: NDArray[np.int32]) -> NDArray[np.float64]:
    """Dice of each cortical label."""
    return np.array([dice(found == label, truth == label) for label in load_names()])


def on_grid(path: Path, grid: Grid) -> NDArray[np.int32]:
    """Labels of a file on the grid of the working scan, whose voxels are the same or a turn of them."""
    volume = read_volume(path)
    return np.rint(resample_to(volume.data, volume.grid, grid, 0)).astype(np.int32)


if __name__ == "__main__":
    main()
