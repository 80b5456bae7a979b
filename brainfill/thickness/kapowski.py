"""DiReCT by ANTs for one half of a brain; `python -m` makes it a process of its own.

ANTs keeps Python's lock while it works: in one process two halves would wait for each other, and Ctrl-C for both.
"""

from __future__ import annotations

import json
import sys

import numpy as np

from brainfill.core.config import from_dict
from brainfill.core.context import Context
from brainfill.core.errors import DataError
from brainfill.core.grid import FloatArray
from brainfill.preprocess._ants import load_ants, to_ants
from brainfill.thickness.direct import DirectConfig, Sheet, unpacked

_CORTEX, _INNER = 2, 3


def kapowski(sheet: Sheet, config: DirectConfig, ctx: Context) -> FloatArray:
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
    config = from_dict(DirectConfig, settings["config"])
    try:
        found = kapowski(sheet, config, Context(seed=settings["seed"], threads=settings["threads"]))
    except RuntimeError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(DataError.exit_code)
    np.save(sys.stdout.buffer, found)


if __name__ == "__main__":
    main()
