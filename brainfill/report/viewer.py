"""What the interactive viewer shows: the scan before and after as small NIfTI files inside the page."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator
from html import escape
from importlib import resources
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from brainfill.core.grid import BoolArray, Grid
from brainfill.core.volume import Mask, Volume
from brainfill.preprocess.steps.resample import resample_to, resampled_grid
from brainfill.report.film import Point
from brainfill.report.markup import part
from brainfill.report.parts import Section

MOST_BYTES = 1_600_000
LIBRARY, LICENCE = "niivue.umd.js.gz", "niivue.LICENSE.txt"
_FINEST_MM, _COARSER = 1.0, 1.1
_MARGIN_MM = 3.0
_WHITE = 254


class Stored(NamedTuple):
    """A volume as the page holds it.

    Args:
        grid: of the voxels.
        scan: gzipped NIfTI, uint8; even values from 0 (black) to 254 (white).
        fill: likewise, the filled image inside the hole and 0 elsewhere.
        lesion: likewise, 1 inside the lesions.
    """

    grid: Grid
    scan: bytes
    fill: bytes
    lesion: bytes


def stored(
    before: Volume,
    after: Volume,
    masks: tuple[Mask, Mask],
    head: BoolArray,
    shown: tuple[float, float],
    most_bytes: int = MOST_BYTES,
) -> Stored:
    """The scan cut to the head, in voxels of at least 1 mm, larger until it fits.

    Args:
        before: the scan.
        after: the filled scan.
        masks: lesions, and the hole.
        head: (X, Y, Z), what is not background.
        shown: intensities of black and white.
        most_bytes: of the scan after compression.
    """
    lesion, hole = masks
    own = before.grid.crop(before.grid.box_around(head | hole.data, _MARGIN_MM))
    for grid in _grids(own):
        scan = _packed(_bytes(before, grid, shown), grid)
        if len(scan) <= most_bytes:
            break
    there = resample_to(hole.data, hole.grid, grid, 1) > 0  # type: ignore[arg-type]
    filled = np.where(there, np.maximum(_bytes(after, grid, shown), 2), 0).astype(np.uint8)
    inside = resample_to(lesion.data, lesion.grid, grid, 1) > 0.5  # type: ignore[arg-type]
    return Stored(grid, scan, _packed(filled, grid), _packed(inside.astype(np.uint8), grid))


def section(volumes: Stored, at_mm: Point) -> Section:
    """The place of the viewer on the page, closed at first.

    Args:
        volumes: what it shows.
        at_mm: where it looks first.
    """
    finest = min(volumes.grid.spacing())
    x, y, z = (f"{v:.1f}" for v in at_mm)
    html = part("viewer.html").replace("$place", f"{x} {y} {z}").replace("$voxel", f"{finest:.2g}")
    return Section("look", "Look around", html)


def data(volumes: Stored) -> str:
    """Library and volumes, out of sight behind the page."""
    library = (resources.files("brainfill.report") / "web" / LIBRARY).read_bytes()
    contents = {
        "packed-niivue": library,
        "packed-scan": volumes.scan,
        "packed-fill": volumes.fill,
        "packed-lesion": volumes.lesion,
    }
    scripts = [
        f'<script type="application/octet-stream" id="{name}">{base64.b64encode(content).decode()}</script>'
        for name, content in contents.items()
    ]
    # Whoever passes the page on passes NiiVue on, and its licence with it.
    scripts.append(
        f'<script type="text/plain" id="niivue-licence">{escape(part(LICENCE))}</script>'
    )
    return "\n".join(scripts)


def _grids(own: Grid) -> Iterator[Grid]:
    """The grid itself unless it is too fine, then coarser and coarser ones."""
    spacing_mm = max(_FINEST_MM, 10 * float(np.cbrt(own.voxel_ml())))
    yield own if min(own.spacing()) >= _FINEST_MM else resampled_grid(own, spacing_mm)
    while True:
        spacing_mm *= _COARSER
        yield resampled_grid(own, spacing_mm)


def _bytes(image: Volume, grid: Grid, shown: tuple[float, float]) -> NDArray[np.uint8]:
    """Brightness in 128 steps, which compress better than 256 and look the same."""
    low, high = shown
    values = resample_to(image.data, image.grid, grid, 1)
    return (2 * np.rint(_WHITE / 2 * np.clip((values - low) / (high - low), 0, 1))).astype(np.uint8)


def _packed(values: NDArray[np.uint8], grid: Grid) -> bytes:
    import nibabel as nib

    content: bytes = nib.Nifti1Image(values, grid.affine).to_bytes()
    return gzip.compress(content, 6, mtime=0)
