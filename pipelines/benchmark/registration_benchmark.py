"""How well manual tissues of stripped brains fall on those of the MNI template, and what N4 and registration cost.

    python pipelines/benchmark/registration_benchmark.py OASIS_BIDS --people 1002 1008 --threads 2

Every run is a process of its own. Prints, for each way to register, Dice of grey and white matter with the
template's classes, correlation, overlap of the brains, seconds and memory; for each setting of N4, the spread of a
known field before and after, seconds and memory. The last line is PASS or what falls short.
"""

from __future__ import annotations

import argparse
import dataclasses
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from runs import Person, line, load_person

from brainfill.core.context import Context
from brainfill.core.grid import Grid
from brainfill.core.volume import LabelMap, Mask, Scan, Volume
from brainfill.preprocess._ants import load_ants
from brainfill.preprocess.steps import n4, register

GREY, WHITE = 2, 3
WAYS = ("affine:fast", "affine:balanced", "affine:best", "syn:fast", "syn:balanced")
SHRINKS = ("n4:3", "n4:4", "n4:6")
LONGEST_S = {"affine:balanced": 30.0, "n4:4": 15.0}
LEAST_WHITE = {"affine:balanced": 0.60, "syn:balanced": 0.70}


def main() -> None:
    """Read the command line, run everything, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bids", type=Path, help="stripped 1 mm T1w with derivatives/labels")
    parser.add_argument("--people", nargs="+", required=True)
    parser.add_argument("--ways", nargs="+", default=[*WAYS, *SHRINKS])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--deterministic", action="store_true")
    args = parser.parse_args()
    ctx = Context(threads=args.threads, deterministic=args.deterministic)
    found: dict[str, list[dict[str, float]]] = {}
    for name in args.people:
        person = load_person(args.bids, name)
        for way in args.ways:
            figures = _apart(person, way, ctx)
            print(line([name, way, *(f"{n} {v:.3g}" for n, v in figures.items())]), flush=True)
            found.setdefault(way, []).append(figures)
    for way, rows in found.items():
        means = {n: float(np.mean([r[n] for r in rows])) for n in rows[0]}
        print(line(["mean", way, *(f"{n} {v:.3g}" for n, v in means.items())]))
    print("; ".join(_short(found)) or "PASS")


def _apart(person: Person, way: str, ctx: Context) -> dict[str, float]:
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(measured, person, way, ctx).result()


def measured(person: Person, way: str, ctx: Context) -> dict[str, float]:
    """Figures of one run, with seconds and the most memory this process ever had."""
    scan = _scan(person)
    kind, _, effort = way.partition(":")
    if kind == "n4":
        figures = _shaded(scan, int(effort), ctx)
    else:
        figures = _registered(scan, kind, effort, ctx)
    figures["mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return figures


def _scan(person: Person) -> Scan:
    grid = Grid(person.truth.shape, person.image.affine)
    image, tissues = Volume(person.truth, grid), LabelMap(person.tissues, grid)
    return Scan("a person", {"T1w": image}, brain=Mask(person.truth > 0, grid), labels=tissues)


def _registered(scan: Scan, kind: str, effort: str, ctx: Context) -> dict[str, float]:
    config: Any = register.Config(kind=kind, effort=effort)
    load_ants(ctx)  # takes seconds of its own
    (moved, undo), cost = _timed(lambda: register.build(config)(scan, ctx))
    grey, white = _template_classes()
    labels = moved.labels.data
    return {
        "grey": _dice(labels == GREY, grey),
        "white": _dice(labels == WHITE, white),
        "correlation": undo.facts["Correlation"],
        "brain": undo.facts["BrainOverlapDice"],
        **cost,
    }


def _template_classes() -> tuple[np.ndarray, np.ndarray]:
    from nilearn.datasets import load_mni152_gm_template, load_mni152_wm_template

    grey, white = (
        np.asarray(load(resolution=1).dataobj)
        for load in (load_mni152_gm_template, load_mni152_wm_template)
    )
    return (grey > 0.5) & (grey >= white), (white > 0.5) & (white > grey)


def _shaded(scan: Scan, shrink: int, ctx: Context) -> dict[str, float]:
    """A field of +-20 % across the head is multiplied in; what is left of it in white matter?"""
    image = scan.images["T1w"]
    clean, _ = n4.build(n4.Config())(scan, ctx)
    x, y, z = (np.linspace(-1, 1, n) for n in image.grid.shape)
    field = np.exp(0.2 * x[:, None, None] - 0.15 * y[None, :, None] ** 2 + 0.1 * z[None, None])
    shaded = dataclasses.replace(
        scan, images={"T1w": Volume(clean.images["T1w"].data * field, image.grid)}
    )
    (corrected, _), cost = _timed(lambda: n4.build(n4.Config(shrink=shrink))(shaded, ctx))
    white = scan.labels.data == WHITE
    left = corrected.images["T1w"].data[white] / clean.images["T1w"].data[white]
    return {
        "before": float(field[white].std() / field[white].mean()),
        "after": float(left.std() / left.mean()),
        **cost,
    }


def _timed(run: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """What a function gives, with its seconds by the clock and of processor time."""
    began, worked = time.perf_counter(), time.process_time()
    given = run()
    seconds = {"seconds": time.perf_counter() - began, "cpu_s": time.process_time() - worked}
    return given, seconds


def _dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * int((a & b).sum()) / int(a.sum() + b.sum())


def _short(found: dict[str, list[dict[str, float]]]) -> list[str]:
    short = []
    for way, rows in found.items():
        slowest = max(r["seconds"] for r in rows)
        if slowest > LONGEST_S.get(way, np.inf):
            short.append(f"{way} took {slowest:.0f} s, aim {LONGEST_S[way]:.0f}")
        white = np.mean([r.get("white", 1.0) for r in rows])
        if white < LEAST_WHITE.get(way, 0):
            short.append(f"{way} lays white matter on white matter by {white:.2f} only")
    return short


if __name__ == "__main__":
    main()
