"""The matrix that lays one image on another by mutual information: found in one thread, so that it is always the same.

Several threads add up the derivatives of the information in whatever order they come, and the optimiser makes other
matrices of other last digits: on brains of 2 mm, elements differed by 0.03 from one run to the next.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from brainfill.core.context import Context
from brainfill.core.errors import DataError, ExternalError
from brainfill.core.external import how_it_ended
from brainfill.core.grid import BoolArray, Grid
from brainfill.core.volume import Volume
from brainfill.preprocess._ants import has_one_thread, load_ants, to_ants

Kind = Literal["Rigid", "Affine"]

_COMMAND = (sys.executable, "-m", "brainfill.preprocess.linear")
_PAIR = "pair.npz"
_PREFIX = "linear"
_MATRIX = "linear0GenericAffine.mat"  # as ANTs calls it


@dataclass(frozen=True, eq=False)
class Pair:
    """Two images that are compared.

    Args:
        fixed: stays.
        moving: is moved.
        counted: (X, Y, Z), voxels of the moving image that have a counterpart; None for all.
    """

    fixed: Volume
    moving: Volume
    counted: BoolArray | None = None

    def images(self, ants: Any) -> list[Any]:  # noqa: ANN401 - ANTsPy has no types
        """Both for ANTs."""
        return [to_ants(ants, v.data, v.grid) for v in (self.fixed, self.moving)]

    def masks(self, ants: Any) -> dict[str, Any]:  # noqa: ANN401 - ANTsPy has no types
        """Where ANTs is to compare, as options of its registration."""
        if self.counted is None:
            return {}
        # ANTs wants masks in pairs, and forgets them in the linear stages unless told.
        return {
            "mask": to_ants(ants, np.ones(self.fixed.grid.shape, np.float32), self.fixed.grid),
            "moving_mask": to_ants(ants, self.counted, self.moving.grid),
            "mask_all_stages": True,
        }


def linear(pair: Pair, kind: Kind, iterations: Sequence[int], folder: Path, ctx: Context) -> Path:
    """Find the matrix; by a process of its own, unless ANTs has one thread in this one.

    Args:
        pair: the images.
        kind: Rigid or Affine.
        iterations: at shrink factors 6, 4, 2, 1.
        folder: takes the file.
        ctx: seed.

    Returns:
        the file, as ANTs writes it.

    Raises:
        RuntimeError: ANTs gives up.
        ExternalError: the process ended early, for want of memory for instance.
    """
    if has_one_thread():
        _find(pair, kind, iterations, folder, ctx)
    else:
        _find_apart(pair, kind, iterations, folder, ctx)
    return folder / _MATRIX


def _find(pair: Pair, kind: Kind, iterations: Sequence[int], folder: Path, ctx: Context) -> None:
    """Find it in this process."""
    ants = load_ants(ctx)
    ants.registration(
        *pair.images(ants),
        type_of_transform=kind,
        outprefix=str(folder / _PREFIX),
        aff_iterations=tuple(iterations),
        **pair.masks(ants),
    )


def _find_apart(
    pair: Pair, kind: Kind, iterations: Sequence[int], folder: Path, ctx: Context
) -> None:
    """Find it in another process, where ANTs has one thread."""
    _save(pair, folder / _PAIR)
    settings = {"kind": kind, "iterations": list(iterations), "folder": str(folder)}
    done = subprocess.run(  # noqa: S603 - our own module, no shell
        [*_COMMAND, json.dumps(settings | {"seed": ctx.seed})],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    (folder / _PAIR).unlink()
    said = done.stderr.decode(errors="replace")
    if done.returncode == DataError.exit_code:
        raise RuntimeError(said)
    if done.returncode:
        msg = f"cannot register: its process {how_it_ended(done.returncode, said)}"
        raise ExternalError(msg, "see whether there is memory enough: 2 GB are usual")


def _save(pair: Pair, path: Path) -> None:
    arrays: dict[str, Any] = {}
    for name, volume in (("fixed", pair.fixed), ("moving", pair.moving)):
        arrays |= {name: volume.data, f"{name}_affine": volume.grid.affine}
    if pair.counted is not None:
        arrays["counted"] = pair.counted
    np.savez(path, **arrays)


def _read(path: Path) -> Pair:
    def volume(arrays: Mapping[str, Any], name: str) -> Volume:
        data = arrays[name]
        return Volume(data, Grid(data.shape, arrays[f"{name}_affine"]))

    with np.load(path, allow_pickle=False) as arrays:
        counted = arrays.get("counted")
        return Pair(volume(arrays, "fixed"), volume(arrays, "moving"), counted)


def main() -> None:
    """Find the matrix of the pair in a folder, and leave it there."""
    settings = json.loads(sys.argv[1])
    folder, ctx = Path(settings["folder"]), Context(seed=settings["seed"], threads=1)
    try:
        _find(_read(folder / _PAIR), settings["kind"], settings["iterations"], folder, ctx)
    except RuntimeError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(DataError.exit_code)


if __name__ == "__main__":
    main()
