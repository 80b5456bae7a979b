"""Fill the hole of a T1 in another contrast of the same visit, so that both show the same tissue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brainfill.tasks._base import Result
from brainfill.tasks._companions import covered, moved_grid

if TYPE_CHECKING:
    from brainfill.core.context import Context
    from brainfill.core.volume import Mask, Volume
    from brainfill.tasks._companions import Contrast
    from brainfill.tasks.fill import FillConfig

# Of a voxel that lies in the hole: a lesion must not be left in part of a thick slice.
_TOUCHED = 0.1


def run(contrast: Contrast, filled: Volume, hole: Mask, config: FillConfig, ctx: Context) -> Result:
    """Fill another contrast on its own grid, by its own patches and by what the filled T1 shows.

    Args:
        contrast: to be filled.
        filled: the T1, without its lesions.
        hole: voxels of the T1 that were filled.
        config: tells whether the T1 was drawn, for this contrast is drawn then, too.
        ctx: device, seed, progress, warnings.

    Returns:
        volumes "filled" and "hole" on the grid of the contrast; facts for the record.

    Raises:
        DataError: the image does not cover the hole.
    """
    import numpy as np

    from brainfill.core.companion import Companion
    from brainfill.core.errors import DataError
    from brainfill.core.threads import torch_threads
    from brainfill.core.volume import Mask, Volume
    from brainfill.interpolation.nonlocal_patches import PatchConfig, patch_fill_with_doubts
    from brainfill.preprocess.paste import paste_back
    from brainfill.preprocess.steps.resample import resample_to

    image, name = contrast.image, contrast.companion.name
    there = moved_grid(filled.grid, contrast.to_own)
    share = resample_to(hole.data.astype(np.float32), there, image.grid, order=1)
    wanted = Mask(share > _TOUCHED, image.grid)
    if not wanted.data.any():
        msg = f"{name} shows no part of the hole: found 0 of its voxels there, expected some"
        raise DataError(msg, f"leave it out of --also-fill, or give the {name} that covers the T1")
    t1 = Volume(resample_to(filled.data, there, image.grid, order=3), image.grid)
    back = None if contrast.to_own is None else np.linalg.inv(contrast.to_own)
    known = Mask(covered(filled.grid, image.grid, back), image.grid)
    with torch_threads(ctx):
        values, _ = patch_fill_with_doubts(
            image,
            wanted,
            PatchConfig(),
            ctx,
            drawn=config.samples == 1 or (config.samples > 1 and config.aggregate == "first"),
            companions=[Companion("T1w", t1, known)],
        )
    facts = {"FilledVoxels": int(wanted.data.sum()), "FilledVolumeML": wanted.volume_ml()}
    return Result({"filled": paste_back(image, values, wanted), "hole": wanted}, facts=facts)
