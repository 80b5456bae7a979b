"""DiReCT: thickness as the way that the white matter surface goes through the cortex, by registration (Das 2009).

https://doi.org/10.1016/j.neuroimage.2008.12.016. White matter W is moved by the flow of a velocity v until it matches
white and grey matter together, W + G: gradient descent on their squared difference, the gradients smoothed (`flow`).
`kapowski` is the implementation of ANTs, ten times slower.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from brainfill.core.config import check_ranges, option
from brainfill.core.context import Context
from brainfill.core.grid import FloatArray
from brainfill.core.threads import torch_threads
from brainfill.thickness.sheet import Sheet, apart

_MARGIN_MM = 4.0


@dataclass(frozen=True, kw_only=True)
class DirectConfig:
    """Settings of DiReCT.

    With these, shells of 1 to 4 mm and folds of 2.5 and 3.5 mm read within 0.2 mm. Fewer iterations do not reach through
    thick cortex, more read it too thick: 5 mm as 4.4 after 14, 5.4 after 40.
    """

    iterations: int = option(16, "of the gradient descent", low=1, high=500)
    step_vox: float = option(2.0, "of the gradient descent", unit="voxels", low=1e-3, high=10)
    smoothing_vox: float = option(
        1.22, "standard deviation of the Gaussian on each update", unit="voxels", low=0, high=5
    )

    def __post_init__(self) -> None:
        check_ranges(self)


def direct(sheet: Sheet, config: DirectConfig, ctx: Context) -> FloatArray:
    """Thickness of the cortex [mm].

    Args:
        sheet: the cortex, in cubic voxels.
        config: settings.
        ctx: threads, progress.

    Returns:
        float32 (X, Y, Z), 0 outside the cortex and where white matter did not come.

    Raises:
        DataError: there is no cortex, no white matter, or the two do not touch.
    """
    # It loads torch, which takes seconds: settings are read without.
    from brainfill.thickness.flow import way_lengths

    sheet.check()
    box = sheet.box(_MARGIN_MM)
    part = sheet.crop(box)
    settings = (config.iterations, config.step_vox, config.smoothing_vox)
    with torch_threads(ctx):
        lengths_vox = way_lengths(part, *settings, ctx)
    there = lengths_vox * part.grid.spacing()[0]
    if not there.any():
        raise apart()
    thickness = np.zeros(sheet.grid.shape, np.float32)
    thickness[box.slices][part.cortex] = there
    return thickness
