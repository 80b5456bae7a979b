"""What a filler is given and what it returns.

A module of a filler has `Config` and `build(config)`. One that can use other images of the person says so by
`COMPANIONS = True`, and takes them as `build(config, companions)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from brainfill.core.context import Context
from brainfill.core.grid import FloatArray
from brainfill.core.volume import Mask, Volume


@dataclass(frozen=True, eq=False)
class Filling:
    """Values for a hole.

    Args:
        values: float32 (X, Y, Z) in the unit of the image; read inside the hole only.
        sd: standard deviation of the samples, same shape, or None.
        facts: numbers and names for the record, as JSON can hold them.
    """

    values: FloatArray
    sd: FloatArray | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


class Filler(Protocol):
    """Fills a hole; never reads the image inside it."""

    def __call__(self, image: Volume, hole: Mask, ctx: Context) -> Filling:
        """Values for every voxel of `hole`, on the grid of `image`."""
