"""Patches of the scan itself, border first; see brainfill.interpolation.nonlocal_patches."""

from __future__ import annotations

from collections.abc import Sequence

from brainfill.core.companion import Companion
from brainfill.core.context import Context
from brainfill.core.threads import torch_threads
from brainfill.core.volume import Mask, Volume
from brainfill.fillers._base import Filler, Filling
from brainfill.interpolation.nonlocal_patches import PatchConfig as Config
from brainfill.interpolation.nonlocal_patches import patch_fill

__all__ = ["COMPANIONS", "Config", "build"]

COMPANIONS = True


def build(config: Config, companions: Sequence[Companion] = ()) -> Filler:
    """A filler that predicts hole voxels layer by layer from similar patches nearby."""

    def fill(image: Volume, hole: Mask, ctx: Context) -> Filling:
        with torch_threads(ctx):
            return Filling(patch_fill(image, hole, config, ctx, companions))

    return fill
