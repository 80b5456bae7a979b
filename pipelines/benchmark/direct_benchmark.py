"""Thickness that DiReCT reads on cortex of known thickness: shells around a ball, and waves. Ours, and that of ANTs.

    python pipelines/benchmark/direct_benchmark.py

Prints the mean over the cortex [mm] for each phantom, and the processor seconds for all of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from phantoms import beside_the_cut, folded, shell
from runs import line

from brainfill.core.context import Context
from brainfill.core.grid import FloatArray
from brainfill.thickness.direct import DirectConfig, direct
from brainfill.thickness.kapowski import KapowskiConfig, in_one_piece
from brainfill.thickness.sheet import Sheet

SHELLS_MM, FOLDS_MM = (1, 2, 3, 4, 5), (2.5, 3.5)
OURS = [DirectConfig(iterations=n) for n in (14, 16, 20, 40)]
THEIRS = [
    KapowskiConfig(step=step, iterations=n)
    for step, n in ((0.025, 45), (0.05, 22), (0.1, 10), (0.12, 8), (0.2, 15), (0.4, 10))
]


def main() -> None:
    """Measure all phantoms in all ways, print."""
    print(line(["engine", "settings", *SHELLS_MM, *(f"folds {mm}" for mm in FOLDS_MM), "cpu_s"]))
    for ours in OURS:
        row("brainfill", f"{ours.iterations} iterations", lambda s, c=ours: direct(s, c, Context()))
    for theirs in THEIRS:
        settings = f"step {theirs.step}, {theirs.iterations} iterations"
        row("ants", settings, lambda s, c=theirs: in_one_piece(s, c, Context()))


def row(engine: str, settings: str, measure: Callable[[Sheet], FloatArray]) -> None:
    """Measure and print a line."""
    began = time.process_time()
    means = []
    for mm in SHELLS_MM:
        sheet = shell(mm)
        means.append(measure(sheet)[sheet.cortex].mean())
    for thick_mm in FOLDS_MM:
        sheet = folded(thick_mm)
        means.append(measure(sheet)[sheet.cortex & ~beside_the_cut(sheet)].mean())
    print(line([engine, settings, *means, time.process_time() - began]), flush=True)


if __name__ == "__main__":
    main()
