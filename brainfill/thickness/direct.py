"""DiReCT: thickness as the way from white matter through grey matter, by registration (Das 2009).

https://doi.org/10.1016/j.neuroimage.2008.12.016; the implementation is that of ANTs.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import IO, NamedTuple, cast

import numpy as np
from scipy import ndimage

from brainfill.core.config import check_ranges, option, to_dict
from brainfill.core.context import Context, cores
from brainfill.core.errors import DataError, ExternalError
from brainfill.core.external import how_it_ended
from brainfill.core.grid import BoolArray, Box, FloatArray, Grid

# As far as the smoothing of an update reaches.
_MARGIN_MM = 3.0
_COMMAND = (sys.executable, "-m", "brainfill.thickness.kapowski")
# A half takes this much of the other with it: where white matter is cut, cortex reads too thin, 4 mm off by 5 %.
_OVERLAP_MM = 8.0
_ARRAYS = ("cortex", "inner", "grey", "white")
_APART = (
    "cannot measure thickness: no cortex lies on white matter",
    "look at the image and its segmentation",
)


@dataclass(frozen=True, kw_only=True)
class DirectConfig:
    """Settings of DiReCT.

    With the step of 0.025 that is usual, ANTs stops early and reads 0.85 mm too little on shells of known thickness,
    however many iterations it may take; with 0.12 it reads them within 0.25 mm, in a fifth of the iterations.
    """

    # ANTs gives up when it may take fewer than 6.
    iterations: int = option(8, "of the registration, at most", low=6, high=500)
    step: float = option(0.12, "of the gradient descent", low=1e-4, high=1)
    smoothing_vox: float = option(
        1.5, "variance of the Gaussian on each update", unit="voxels", low=0, high=10
    )
    points: int = option(10, "at which the velocity is integrated", low=2, high=50)

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True, eq=False)
class Sheet:
    """Cortex as a sheet on what it lies around.

    Args:
        grid: of all arrays.
        cortex: voxels of cortical grey matter.
        inner: voxels of white matter and deep structures.
        grey: share of grey matter, float32 (X, Y, Z) in [0, 1], 0 outside the cortex.
        white: share of what `inner` is, likewise.
    """

    grid: Grid
    cortex: BoolArray
    inner: BoolArray
    grey: FloatArray
    white: FloatArray

    def within(self, flags: BoolArray) -> Sheet:
        """The part of it in the flagged voxels; the grid stays."""
        grey, white = (np.where(flags, share, 0) for share in (self.grey, self.white))
        return Sheet(self.grid, self.cortex & flags, self.inner & flags, grey, white)

    def crop(self, box: Box) -> Sheet:
        """The part of it in a box."""
        return Sheet(self.grid.crop(box), *(getattr(self, a)[box.slices] for a in _ARRAYS))


def packed(sheet: Sheet) -> bytes:
    """A sheet as bytes, for `unpacked`."""
    sink = io.BytesIO()
    arrays = {name: getattr(sheet, name) for name in _ARRAYS}
    np.savez(sink, allow_pickle=False, affine=sheet.grid.affine, **arrays)
    return sink.getvalue()


def unpacked(data: bytes) -> Sheet:
    """The sheet that was packed."""
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        arrays = [found[name] for name in _ARRAYS]
        return Sheet(Grid(arrays[0].shape, found["affine"]), *arrays)


def direct(sheet: Sheet, left: BoolArray, config: DirectConfig, ctx: Context) -> FloatArray:
    """Thickness of the cortex [mm], each half of the brain by a process of its own.

    Args:
        sheet: the cortex.
        left: (X, Y, Z), voxels of the left half.
        config: settings.
        ctx: threads, progress.

    Returns:
        float32 (X, Y, Z), 0 outside the cortex and where the registration did not reach.

    Raises:
        DataError: there is no cortex, no white matter, or the two do not touch.
        ExternalError: a process that measures ended early, for want of memory for instance.
    """
    if not sheet.cortex.any() or not sheet.inner.any():
        what = "white matter" if sheet.cortex.any() else "cortex"
        msg = f"cannot measure thickness: the brain shows no {what}"
        raise DataError(msg, "look at the image and its segmentation")
    halves = [half for side in (left, ~left) for half in _cropped(sheet, side)]
    if not halves:
        raise DataError(*_APART)
    threads = 1 if ctx.deterministic else ctx.threads or cores()
    together = min(len(halves), threads)
    thickness = np.zeros(sheet.grid.shape, np.float32)
    for first in range(0, len(halves), together):
        ctx.progress("measuring thickness", first, len(halves))
        with ExitStack() as running:
            now = halves[first : first + together]
            begun = [
                running.enter_context(_begun(half.sheet, config, ctx.seed, threads // together))
                for half in now
            ]
            for half, process in zip(now, begun, strict=True):
                thickness[half.box.slices] += np.where(half.own, _answer(process), 0)
    ctx.progress("measuring thickness", len(halves), len(halves))
    return np.maximum(thickness, 0)


class _Half(NamedTuple):
    """A box, the sheet in it, and the cortex there that it is to say the thickness of."""

    box: Box
    sheet: Sheet
    own: BoolArray


def _cropped(sheet: Sheet, side: BoolArray) -> list[_Half]:
    """The half of a brain, unless there is nothing to measure in it."""
    spacing = sheet.grid.spacing()
    near = ndimage.distance_transform_edt(~side, spacing) <= _OVERLAP_MM
    part = sheet.within(near)
    own = part.cortex & side
    if not own.any() or not part.inner.any():
        return []
    x, y, z = (int(np.ceil(_MARGIN_MM / s)) for s in spacing)
    box = Box.around(part.cortex | part.inner).grow((x, y, z)).within(sheet.grid.shape)
    return [_Half(box, part.crop(box), own[box.slices])]


@contextmanager
def _begun(
    sheet: Sheet, config: DirectConfig, seed: int, threads: int
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that measures one half; whatever goes wrong inside, it ends."""
    settings = json.dumps({"config": to_dict(config), "seed": seed, "threads": threads})
    with subprocess.Popen(  # noqa: S603 - our own module, no shell
        [*_COMMAND, settings],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            with suppress(BrokenPipeError), cast("IO[bytes]", process.stdin) as sink:
                sink.write(packed(sheet))
            process.stdin = None  # all is said
            yield process
        finally:
            process.kill()


def _answer(process: subprocess.Popen[bytes]) -> FloatArray:
    """What the process measured.

    Raises:
        DataError, ExternalError: as `direct`.
    """
    found, said = process.communicate()
    if process.returncode == DataError.exit_code:
        raise DataError(*_APART)
    if process.returncode:
        how = how_it_ended(process.returncode, said.decode(errors="replace"))
        msg = f"cannot measure thickness: its process {how}"
        raise ExternalError(msg, "see whether there is memory enough: 2 GB are usual")
    thickness: FloatArray = np.load(io.BytesIO(found), allow_pickle=False)
    return thickness
