"""Seconds and memory of `brainfill fill` where lesions are many, large or finely sampled.

    python pipelines/benchmark/speed_benchmark.py OASIS_BIDS LESION_MASKS --person 1008 --head HEAD --brain BRAIN

Cases: 30 small lesions in white matter, a hole of 40 ml and 250 lesions of 30 ml together, at the voxel size of the
person; 30 lesions in a whole head brought to 0.5 mm; and lesions of 118,000 voxels in a brain of 0.8 mm. Every fill is
a process of its own, start-up, reading and writing included. NiftySeg's seg_FillLesions and ANTs' LesionFilling are run
beside it where they are installed. Prints seconds by the clock, processor seconds and peak memory, and PASS or what
falls short of the aims, which are for two idle cores.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import nibabel as nib
import numpy as np
from holes import blob, lesion_shapes, make_hole
from numpy.typing import NDArray
from runs import line, load_person, masks, measured, save
from scipy import ndimage

Bools = NDArray[np.bool_]
_AIMS_S = {"ms": 4, "40 ml": 15, "250 lesions": 20, "0.5 mm": 40, "0.8 mm": 60}
_MOST_MB = 2000
_SEED = 2023


class Case(NamedTuple):
    """A scan and its hole, as files."""

    name: str
    scan: Path
    mask: Path


def main() -> None:
    """Read the command line, make the cases, fill them, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bids", type=Path, help="stripped 1 mm T1w with derivatives/labels")
    parser.add_argument("lesions", type=Path, help="folder of lesion masks that give the shapes")
    parser.add_argument("--person", default="1008")
    parser.add_argument("--head", type=Path, help="whole head, brought to 0.5 mm")
    parser.add_argument("--brain", type=Path, help="stripped brain of 0.8 mm")
    parser.add_argument("--cases", nargs="+", choices=list(_AIMS_S), default=list(_AIMS_S))
    parser.add_argument("--methods", nargs="+", default=["diffusion"])
    args = parser.parse_args()
    short = []
    print(line(["case", "voxels", "method", "seconds", "processor_s", "peak_mb"]))
    with tempfile.TemporaryDirectory() as folder:
        for name in args.cases:
            case = _case(name, Path(folder), args)
            if case is None:
                continue
            voxels = int(np.asarray(nib.load(case.mask).dataobj).sum())
            for method, command in _commands(case, args.methods).items():
                seconds, processor_s, peak_mb = measured(command)
                print(line([name, voxels, method, seconds, processor_s, peak_mb]), flush=True)
                if method == "diffusion" and seconds > _AIMS_S[name]:
                    short.append(f"{name}: {seconds:.1f} s, aim {_AIMS_S[name]}")
                if method == "diffusion" and peak_mb > _MOST_MB:
                    short.append(f"{name}: {peak_mb:.0f} MB, aim {_MOST_MB}")
    print("PASS" if not short else "\n".join(["short of the aims:", *short]))


def _case(name: str, folder: Path, args: argparse.Namespace) -> Case | None:
    """The files of a case; None where its scan was not given."""
    rng = np.random.default_rng([_SEED, list(_AIMS_S).index(name)])
    shapes = lesion_shapes(masks(args.lesions))
    if name in ("0.5 mm", "0.8 mm"):
        path = args.head if name == "0.5 mm" else args.brain
        if path is None:
            return None
        data, affine = _fine(path, 0.5) if name == "0.5 mm" else _as_it_is(path)
        enough = _count(30) if name == "0.5 mm" else _voxels(118_000)
        hole = _scattered(_middle(data, affine), _finer(shapes, affine), enough, rng)
        return _saved(name, folder, data, affine, hole)
    person = load_person(args.bids, args.person)
    if name == "ms":
        hole = make_hole("ms", person.tissues, shapes, rng)
    elif name == "40 ml":
        hole = blob(person.tissues > 0, 40, rng)
    else:
        few = [shape for shape in shapes if 70 <= shape.sum() <= 500]
        hole = _scattered(person.tissues >= 2, few, _count(250), rng)
    return _saved(name, folder, person.truth, person.image.affine, hole)


def _scattered(
    where: Bools,
    shapes: Sequence[Bools],
    enough: Callable[[int, int], bool],
    rng: np.random.Generator,
) -> Bools:
    """Lesions with their middle in `where` that do not touch, until their number and voxels are enough."""
    hole = np.zeros(where.shape, bool)
    centres = np.argwhere(where)
    number = voxels = 0
    while not enough(number, voxels):
        shape = shapes[int(rng.integers(len(shapes)))]
        start = centres[rng.integers(len(centres))] - np.array(shape.shape) // 2
        stop = start + shape.shape
        if (start < 2).any() or (stop > np.array(where.shape) - 2).any():
            continue
        around = tuple(slice(a - 2, b + 2) for a, b in zip(start, stop, strict=True))
        if not hole[around].any():
            hole[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))] |= shape
            number, voxels = number + 1, voxels + int(shape.sum())
    return hole


def _count(least: int) -> Callable[[int, int], bool]:
    return lambda number, _: number >= least


def _voxels(least: int) -> Callable[[int, int], bool]:
    return lambda _, voxels: voxels >= least


def _as_it_is(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    image = nib.load(path)
    return np.asarray(image.dataobj), image.affine


def _fine(path: Path, side_mm: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """An image brought to another voxel size, and its affine."""
    data, affine = _as_it_is(path)
    fine = ndimage.zoom(data.astype(np.float32), nib.affines.voxel_sizes(affine) / side_mm, order=1)
    scale = np.diag([*(np.array(data.shape) / fine.shape), 1])
    return np.rint(fine).astype(np.int16), affine @ scale


def _finer(shapes: Sequence[Bools], affine: NDArray[Any]) -> list[Bools]:
    """Lesions of 1 mm voxels at the voxel size of a scan."""
    sides = nib.affines.voxel_sizes(affine)
    return [ndimage.zoom(shape.astype(np.float32), 1 / sides, order=1) > 0.5 for shape in shapes]


def _middle(data: NDArray[Any], affine: NDArray[Any], reach_mm: float = 45) -> Bools:
    """Bright voxels near the middle of a scan, where the brain is."""
    half = reach_mm / nib.affines.voxel_sizes(affine)
    middle = np.array(data.shape) / 2
    near = tuple(slice(int(m - h), int(m + h)) for m, h in zip(middle, half, strict=True))
    where = np.zeros(data.shape, bool)
    where[near] = data[near] > np.percentile(data[near], 50)
    return where


def _saved(name: str, folder: Path, truth: NDArray[Any], affine: NDArray[Any], hole: Bools) -> Case:
    scan = truth.copy()
    scan[hole] = 0
    stem = folder / name.replace(" ", "-")
    return Case(
        name,
        save(Path(f"{stem}_T1w.nii.gz"), scan, affine),
        save(Path(f"{stem}_mask.nii.gz"), hole.astype(np.uint8), affine),
    )


def _commands(case: Case, methods: Sequence[str]) -> dict[str, list[str]]:
    """What fills the case: ours by method, and those of others that are installed."""
    scan, mask = str(case.scan), str(case.mask)
    out = str(case.scan.with_name("filled.nii.gz"))
    ours = [sys.executable, "-m", "brainfill", "fill", scan, mask, "-o", out, "--force", "-q"]
    found = {method: [*ours, "--dilate", "0", "--method", method] for method in methods}
    if program := shutil.which("seg_FillLesions"):
        found["NiftySeg"] = [program, "-i", scan, "-l", mask, "-o", out]
    if program := shutil.which("LesionFilling"):
        found["ANTs"] = [program, "3", scan, mask, out]
    return found


if __name__ == "__main__":
    main()
