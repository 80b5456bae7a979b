"""`lesion_filling` of FSL, where it is installed: values drawn from the tissue at each lesion's border."""

from __future__ import annotations

from dataclasses import dataclass

from brainfill.core.config import option
from brainfill.core.context import Context
from brainfill.core.volume import Mask, Volume
from brainfill.fillers._base import Filler, Filling
from brainfill.fillers._external import FILLED, HOLE, IMAGE, fill_with


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of filling by FSL."""

    program: str = option("lesion_filling", "name or path of the program")


def build(config: Config) -> Filler:
    """A filler that runs `lesion_filling`."""

    def fill(image: Volume, hole: Mask, ctx: Context) -> Filling:
        arguments = ["-i", IMAGE, "-l", HOLE, "-o", FILLED]
        return Filling(fill_with(config.program, arguments, "FSL", image, hole, ctx))

    return fill
