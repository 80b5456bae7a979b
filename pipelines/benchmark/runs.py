"""What the benchmarks share: people with known truth, fills by the command, scores."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from brainfill.metrics.image import fill_metrics

WHITE = 3
# A voxel was touched by a lesion if so much of it is the lesion's.
TOUCHED = 0.02


class Person(NamedTuple):
    """A healthy scan as stored, and its tissues (1 CSF, 2 grey, 3 white matter) on the same grid."""

    image: Any
    truth: NDArray[Any]
    tissues: NDArray[Any]


class Score(NamedTuple):
    """One fill against the truth, and what it cost.

    Args:
        psnr_01: see brainfill.metrics.image, as `mae` and `ssim_brats`.
        mae: mean absolute error.
        ssim_brats: structural similarity.
        texture: `local_sd_ratio` as a multiple of the truth's own.
        stripes: `stripe_index` as a multiple of the truth's own, along the axis where it is largest.
        border_step_pct: intensity step at the border that the truth does not have, of the brightest
            tissue; mean of its size over lesions.
        volume_pct: change of white or grey matter, whichever is larger, in percent of the tissue that was
            in the hole.
        rms_pct: root of the mean squared error in the mask, of white matter.
        touched_rms_pct: the same in the mask and in every voxel that the lesion has a share in.
        seconds: start-up included.
        peak_mb: peak memory; never below that of the benchmark itself, from which the process is split off.
    """

    psnr_01: float
    mae: float
    ssim_brats: float
    texture: float
    stripes: float
    border_step_pct: float
    volume_pct: float
    rms_pct: float
    touched_rms_pct: float
    seconds: float
    peak_mb: float


def load_person(bids: Path, person: str) -> Person:
    """A person of a BIDS folder with tissue maps in derivatives/labels."""
    name = f"sub-{person}_ses-01"
    image = nib.load(bids / f"sub-{person}/ses-01/anat/{name}_T1w.nii.gz")
    labels = bids / f"derivatives/labels/sub-{person}/ses-01/anat/{name}_desc-tissues_dseg.nii.gz"
    return Person(image, np.asarray(image.dataobj), np.asarray(nib.load(labels).dataobj))


def filled(
    t1: Path,
    mask: Path,
    out: Path,
    method: str,
    dilate: str,
    truth: NDArray[Any],
    tissues: NDArray[Any],
    share: NDArray[Any],
) -> Score:
    """Fill by the command, in a process of its own, and score against the truth.

    Args:
        t1: damaged scan.
        mask: its hole.
        out: written.
        method: name, or name:option=value,option=value for other options of `brainfill fill`.
        dilate: how far the mask grows first, "own" for the method's default; scores are those of the mask as it is.
        truth: what was there, on the grid of the scan.
        tissues: 1 CSF, 2 grey, 3 white matter, on the same grid.
        share: how much of each voxel is the lesion's (0 to 1).
    """
    name, _, options = method.partition(":")
    command = [sys.executable, "-m", "brainfill", "fill", str(t1), str(mask), "-o", str(out)]
    command += ["--method", name, "--force", "-q"]
    command += [] if dilate == "own" else ["--dilate", dilate]
    command += [f"--{option}" for option in options.split(",") if option]
    cost = measured(command)
    damaged, hole = array(t1), array(mask) > 0
    damaged[hole] = 0
    fill, truth = array(out), truth.astype(np.float32)
    white = float(np.median(truth[tissues == WHITE]))
    found, ideal = (fill_metrics(image, truth, hole, damaged) for image in (fill, truth))
    return Score(
        *(found[field] for field in Score._fields[:3]),
        found["local_sd_ratio"] / ideal["local_sd_ratio"],
        max(found[f"stripe_axis{i}"] / ideal[f"stripe_axis{i}"] for i in range(3)),
        100 * border_step(fill, truth, hole) / float(np.percentile(damaged, 99.5)),
        volume_change_pct(fill, truth, hole, tissues),
        rms_pct(fill - truth, hole, white),
        rms_pct(fill - truth, hole | (share > TOUCHED), white),
        cost.seconds,
        cost.peak_mb,
    )


class Cost(NamedTuple):
    """What a process took: seconds by the clock, processor seconds, and peak MB."""

    seconds: float
    processor_seconds: float
    peak_mb: float


def measured(command: Sequence[str]) -> Cost:
    """Run a command to its end; the benchmark ends with it if it fails."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - own command
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    if status:
        sys.exit(f"failed: {' '.join(command)}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def rms_pct(error: NDArray[Any], where: NDArray[np.bool_], level: float) -> float:
    """Root of the mean squared error, in percent of a level."""
    return 100 * float(np.sqrt(np.mean(np.square(error[where], dtype=np.float64)))) / level


def border_step(fill: NDArray[Any], truth: NDArray[Any], hole: NDArray[np.bool_]) -> float:
    """Mean over lesions of how much the outermost filled voxels are too bright or too dark.

    What lies outside is the same in both images, so this is the step that the border gained.
    """
    labels, count = ndimage.label(hole, np.ones((3, 3, 3)))
    rim = labels * (hole & ~ndimage.binary_erosion(hole))
    steps = ndimage.mean(fill - truth, rim, np.arange(1, count + 1))
    return float(np.abs(steps).mean())


def volume_change_pct(
    fill: NDArray[Any], truth: NDArray[Any], hole: NDArray[np.bool_], tissues: NDArray[Any]
) -> float:
    """How much white or grey matter the fill gained or lost, in percent of the tissue in the hole.

    Volumes are sums of the probabilities of three Gaussian classes, those of the healthy scan for both: a
    segmentation made anew would shift its classes and so move more than the fill does.
    """
    classes = [truth[tissues == tissue] for tissue in (1, 2, 3)]

    def volumes(image: NDArray[Any]) -> NDArray[Any]:
        # The median, since voxels at borders make classes lopsided.
        likely = [
            len(c) / c.std() * np.exp(-(((image[hole] - np.median(c)) / c.std()) ** 2) / 2)
            for c in classes
        ]
        return np.asarray((likely / np.sum(likely, axis=0)).sum(axis=1)[1:])

    change = np.abs(volumes(fill) - volumes(truth)).max()
    return float(100 * change / (tissues[hole] > 1).sum())


def save(path: Path, data: NDArray[Any], affine: NDArray[Any], header: Any = None) -> Path:  # noqa: ANN401
    """Write an image; the path."""
    nib.save(nib.Nifti1Image(data, affine, header), path)
    return path


def file_name(method: str) -> str:
    """The method as part of a file name."""
    return method.replace(":", "_").replace("/", "_")


def masks(folder: Path) -> list[NDArray[np.bool_]]:
    """All lesion masks of a folder, turned to RAS."""
    paths = sorted(folder.glob("*_mask.nii.gz"))
    return [np.asarray(nib.as_closest_canonical(nib.load(path)).dataobj) > 0 for path in paths]


def array(path: Path) -> NDArray[Any]:
    """The values of an image as float32."""
    return np.asarray(nib.load(path).dataobj, dtype=np.float32)


def line(cells: Sequence[object]) -> str:
    """Cells of a table, tab-separated."""
    return "\t".join(f"{c:.4f}" if isinstance(c, float) else str(c) for c in cells)
