"""`python -m brainfill.bids.lesion T1 OUT --mask MASK ...`: the lesion masks of a scan, joined on its grid.

A process of its own, so that the one that looks after all people loads nothing heavy.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brainfill.core.errors import BrainfillError, GeometryError

if TYPE_CHECKING:
    from brainfill.api._common import ReadConfig
    from brainfill.core.grid import BoolArray
    from brainfill.core.volume import Mask, Volume


def join(
    t1: Path,
    masks: Sequence[Path],
    carried: Sequence[tuple[Path, Path]],
    out: Path,
    picture: Path,
    read: ReadConfig,
    warn: Callable[[str], None],
) -> dict[str, Any]:
    """Write the union of masks on the grid of a T1w image.

    Args:
        t1: the image.
        masks: where the person lay.
        carried: masks in another space, each with its transform to the T1w.
        out: file for the union.
        picture: file for a small picture of it, for the page of the group.
        read: which label is the lesion, and how images are read.
        warn: receives one sentence per warning.

    Returns:
        facts: lesion voxels and volume, and whether the image shows a brain only.

    Raises:
        DataError, InputMissingError: an image or a mask cannot be used.
    """
    import numpy as np

    from brainfill.core.volume import Mask, Scan
    from brainfill.io.nifti import read_volume, write_map
    from brainfill.io.sidecar import stem
    from brainfill.lesions.components import label_lesions
    from brainfill.preprocess.brain import stripped_brain
    from brainfill.report.thumbnail import thumbnail

    image = read_volume(t1, nan_to_zero=read.nan_to_zero, warn=warn)
    union = np.zeros(image.grid.shape, bool)
    for path in masks:
        union |= _fitted(path, image, t1, read, warn).data
    for path, transform in carried:
        union |= _brought(path, transform, t1, read, warn)
    lesion = Mask(union, image.grid)
    write_map(image, union, out)
    scan = Scan(stem(t1), {"T1w": image}, lesion)
    picture.write_bytes(thumbnail(scan))
    return {
        "LesionVoxels": int(union.sum()),
        "LesionVolumeML": lesion.volume_ml(),
        "LesionCount": int(label_lesions(lesion).data.max()),
        "SkullStripped": stripped_brain(image) is not None,
    }


def _mask(path: Path, read: ReadConfig, warn: Callable[[str], None]) -> Mask:
    from brainfill.io.nifti import read_mask

    return read_mask(path, label=read.label, nan_to_zero=read.nan_to_zero, warn=warn)


def _fitted(
    path: Path, image: Volume, t1: Path, read: ReadConfig, warn: Callable[[str], None]
) -> Mask:
    from brainfill.preprocess.match import match_mask

    mask = _mask(path, read, warn)
    try:
        return match_mask(mask, image, assume_same_grid=read.assume_same_grid, warn=warn)
    except GeometryError as error:
        msg = f"mask '{path}' and T1 '{t1}' do not fit: {error}"
        raise GeometryError(msg, error.hint) from error


def _brought(
    mask: Path, transform: Path, t1: Path, read: ReadConfig, warn: Callable[[str], None]
) -> BoolArray:
    import numpy as np

    from brainfill import transform as carry
    from brainfill.api._common import as_image

    lesion = as_image(_mask(mask, read, warn))
    return np.asarray(carry(lesion, t1, [transform], interp="nearest").dataobj) > 0


def main() -> int:
    """Parse the command line, join, and print the facts as JSON; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m brainfill.bids.lesion")
    parser.add_argument("t1", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--picture", type=Path, required=True)
    parser.add_argument("--mask", type=Path, action="append", default=[])
    parser.add_argument(
        "--carry", type=Path, nargs=2, action="append", default=[], metavar=("MASK", "XFM")
    )
    parser.add_argument("--label", type=int)
    parser.add_argument("--nan-to-zero", action="store_true")
    parser.add_argument("--assume-same-grid", action="store_true")
    a = parser.parse_args()
    from brainfill.api._common import ReadConfig

    read = ReadConfig(label=a.label, nan_to_zero=a.nan_to_zero, assume_same_grid=a.assume_same_grid)
    carried = [(m, x) for m, x in a.carry]
    warnings: list[str] = []
    try:
        facts = join(a.t1, a.mask, carried, a.out, a.picture, read, warnings.append)
    except BrainfillError as error:
        hint = f"\nhint: {error.hint}" if error.hint else ""
        print(f"error: {error}{hint}", file=sys.stderr)  # noqa: T201 - a command
        return error.exit_code
    print(json.dumps({**facts, "Warnings": warnings}))  # noqa: T201 - a command
    return 0


if __name__ == "__main__":
    sys.exit(main())
