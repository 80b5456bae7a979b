"""`seg_FillLesions` of NiftySeg, where it is installed: non-local patches (Prados et al. 2016)."""

from __future__ import annotations

from dataclasses import dataclass

from brainfill.core.config import option
from brainfill.core.context import Context
from brainfill.core.volume import Mask, Volume
from brainfill.fillers._base import Filler, Filling
from brainfill.fillers._external import FILLED, HOLE, IMAGE, fill_with


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of filling by NiftySeg."""

    program: str = option("seg_FillLesions", "name or path of the program")


def build(config: Config) -> Filler:
    """A filler that runs `seg_FillLesions`."""

    def fill(image: Volume, hole: Mask, ctx: Context) -> Filling:
        arguments = ["-i", IMAGE, "-l", HOLE, "-o", FILLED]
        return Filling(fill_with(config.program, arguments, "NiftySeg", image, hole, ctx))

    return fill
