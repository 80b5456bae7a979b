"""DiReCT by ANTs, for those who compare with what it measured elsewhere.

ANTs keeps Python's lock while it works: in one process the halves of a brain would wait for each other, and Ctrl-C for
both. So each half is measured by a process of its own, which is this module.
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

from brainfill.core.config import check_ranges, from_dict, option, to_dict
from brainfill.core.context import Context, cores
from brainfill.core.errors import DataError, ExternalError
from brainfill.core.external import how_it_ended
from brainfill.core.grid import BoolArray, Box, FloatArray
from brainfill.preprocess._ants import load_ants, to_ants
from brainfill.thickness.sheet import Sheet, apart, packed, unpacked

_CORTEX, _INNER = 2, 3
# As far as the smoothing of an update reaches.
_MARGIN_MM = 3.0
# A half takes this much of the other with it: where white matter is cut, cortex reads too thin, 4 mm off by 5 %.
_OVERLAP_MM = 8.0
_COMMAND = (sys.executable, "-m", "brainfill.thickness.kapowski")


@dataclass(frozen=True, kw_only=True)
class KapowskiConfig:
    """Settings of `ants.kelly_kapowski`.

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


def kapowski(sheet: Sheet, left: BoolArray, config: KapowskiConfig, ctx: Context) -> FloatArray:
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
    sheet.check()
    halves = [half for side in (left, ~left) for half in _cropped(sheet, side)]
    if not halves:
        raise apart()
    threads = ctx.threads_taken or cores()
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
    near = ndimage.distance_transform_edt(~side, sheet.grid.spacing()) <= _OVERLAP_MM
    part = sheet.within(near)
    own = part.cortex & side
    if not own.any() or not part.inner.any():
        return []
    box = part.box(_MARGIN_MM)
    return [_Half(box, part.crop(box), own[box.slices])]


@contextmanager
def _begun(
    sheet: Sheet, config: KapowskiConfig, seed: int, threads: int
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
        DataError, ExternalError: as `kapowski`.
    """
    found, said = process.communicate()
    if process.returncode == DataError.exit_code:
        raise apart()
    if process.returncode:
        how = how_it_ended(process.returncode, said.decode(errors="replace"))
        msg = f"cannot measure thickness: its process {how}"
        raise ExternalError(msg, "see whether there is memory enough: 2 GB are usual")
    thickness: FloatArray = np.load(io.BytesIO(found), allow_pickle=False)
    return thickness


def in_one_piece(sheet: Sheet, config: KapowskiConfig, ctx: Context) -> FloatArray:
    """Thickness of the cortex [mm].

    Returns:
        float32 (X, Y, Z), 0 where the registration did not reach; what it says outside the cortex means nothing.

    Raises:
        RuntimeError: no cortex lies on white matter.
    """
    ants = load_ants(ctx)
    labels = np.where(sheet.cortex, _CORTEX, np.where(sheet.inner, _INNER, 0))
    found = ants.kelly_kapowski(
        *(to_ants(ants, a, sheet.grid) for a in (labels, sheet.grey, sheet.white)),
        its=config.iterations,
        r=config.step,
        m=config.smoothing_vox,
        n=config.points,
        gm_label=_CORTEX,
        wm_label=_INNER,
    )
    thickness: FloatArray = found.numpy()
    return thickness


def main() -> None:
    """Read a sheet from the standard input, write the thickness as .npy to the standard output."""
    settings = json.loads(sys.argv[1])
    sheet = unpacked(sys.stdin.buffer.read())
    config = from_dict(KapowskiConfig, settings["config"])
    try:
        found = in_one_piece(
            sheet, config, Context(seed=settings["seed"], threads=settings["threads"])
        )
    except RuntimeError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(DataError.exit_code)
    np.save(sys.stdout.buffer, found)


if __name__ == "__main__":
    main()
