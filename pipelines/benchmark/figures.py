"""Pictures of fills: the scan, its hole, and what each method put there.

    python pipelines/benchmark/figures.py OUT.png MASK.nii.gz scan=T1.nii.gz filled=T1_filled.nii.gz

One row per plane through the middle of the largest lesion, one column per image, cut to the lesion
and 40 mm around it. With `--truth` the last columns show what is wrong, ten times enlarged.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import matplotlib as mpl
import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

mpl.use("Agg")
from matplotlib import pyplot as plt

MARGIN_MM = 40
PLANES = ("sagittal", "coronal", "axial")
ENLARGED = 10

Array = NDArray[Any]


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("mask", type=Path)
    parser.add_argument("images", nargs="+", metavar="TITLE=IMAGE")
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--planes", nargs="+", choices=PLANES, default=list(PLANES))
    args = parser.parse_args()
    hole = ras(args.mask) > 0
    columns = {title: ras(Path(p)) for title, _, p in (i.partition("=") for i in args.images)}
    truth = None if args.truth is None else ras(args.truth)
    draw(args.out, hole, columns, truth, args.planes)


def draw(
    out: Path, hole: Array, columns: dict[str, Array], truth: Array | None, planes: list[str]
) -> None:
    """Write the picture.

    Args:
        out: .png.
        hole: bool (X, Y, Z), RAS, 1 mm or near it.
        columns: images by title, on the same grid.
        truth: what each is compared with, or None.
        planes: rows.
    """
    shown = dict(columns)
    if truth is not None:
        shown["truth"] = truth
    labels, count = ndimage.label(hole)
    largest = labels == 1 + np.argmax(ndimage.sum_labels(hole, labels, range(1, count + 1)))
    middle = np.rint(ndimage.center_of_mass(largest)).astype(int)
    top = float(np.percentile(next(iter(shown.values()))[~hole], 99.8))
    wrong = (
        {} if truth is None else {f"{t} - truth": (v - truth) * hole for t, v in columns.items()}
    )
    size = (2.4 * (len(shown) + len(wrong)), 2.4 * len(planes))
    figure, axes = plt.subplots(
        len(planes), len(shown) + len(wrong), figsize=size, squeeze=False, layout="constrained"
    )
    for row, plane in zip(axes, planes, strict=True):
        axis = PLANES.index(plane)
        outline = cut(hole, middle, axis)
        for ax, (title, image) in zip(row, (shown | wrong).items(), strict=True):
            here = cut(image, middle, axis)
            if title in wrong:
                ax.imshow(here, cmap="RdBu_r", vmin=-top / ENLARGED, vmax=top / ENLARGED)
            else:
                ax.imshow(here, cmap="gray", vmin=0, vmax=top)
            if title == next(iter(shown)):
                ax.contour(outline, [0.5], colors="tab:red", linewidths=0.6)
            ax.set_axis_off()
            if plane == planes[0]:
                ax.set_title(title, fontsize=9)
    figure.savefig(out, dpi=110)
    plt.close(figure)


def cut(image: Array, middle: Array, axis: int) -> Array:
    """The plane through `middle` across `axis`, around it, as pictures have it: top row first."""
    window = [
        slice(max(int(m) - MARGIN_MM, 0), min(int(m) + MARGIN_MM, n))
        for m, n in zip(middle, image.shape, strict=True)
    ]
    plane: list[slice | int] = list(window)
    plane[axis] = int(middle[axis])
    return np.asarray(image[tuple(plane)].T[::-1])


def ras(path: Path) -> Array:
    """The image turned to RAS."""
    return np.asarray(nib.as_closest_canonical(nib.load(path)).dataobj, dtype=np.float32)


if __name__ == "__main__":
    main()
