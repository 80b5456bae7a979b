"""As coarse, and the image around the lesion is put back at every step (RePaint)."""

from __future__ import annotations

from brainfill.painters._base import Painter
from brainfill.painters._rough import RoughConfig, rough_painter

Config = RoughConfig


def build(config: RoughConfig) -> Painter:
    """A painter whose model redraws the lesion only, with jumps back up (Lugmayr et al. 2022)."""
    return rough_painter(config, guarded=True)
