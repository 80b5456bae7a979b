"""What a way to find the brain offers."""

from __future__ import annotations

from typing import Protocol

from brainfill.core.context import Context
from brainfill.core.volume import Mask, Volume


class Stripper(Protocol):
    """Finds the brain in a head.

    A module of this registry has `Config` (a frozen dataclass of its settings), `missing(config)` (what must be
    installed before it can run, or an empty string) and `build(config)`, which gives a Stripper.
    """

    def __call__(self, image: Volume, ctx: Context) -> Mask:
        """The brain (cerebrum, cerebellum, brain stem, ventricles) on the image's grid.

        Raises:
            DataError: the image shows no head.
            UnavailableError: weights or a program are missing.
            ExternalError: a called program failed.
        """
