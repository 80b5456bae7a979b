"""A flat or grainy lesion is painted roughly and redrawn by a model of patients' images (S2)."""

from __future__ import annotations

from brainfill.painters._base import Painter
from brainfill.painters._rough import RoughConfig, rough_painter

Config = RoughConfig


def build(config: RoughConfig) -> Painter:
    """A painter that lets the model change the image around the lesion as well, and takes the lesion only."""
    return rough_painter(config, guarded=False)
