"""`seg_FillLesions` of NiftySeg, where it is installed: non-local patches (Prados et al. 2016)."""

from __future__ import annotations

from dataclasses import dataclass

from brainfill.core.config import option
from brainfill.fillers._base import Filler
from brainfill.fillers._external import external_filler


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of filling by NiftySeg."""

    program: str = option("seg_FillLesions", "name or path of the program")


def build(config: Config) -> Filler:
    """A filler that runs `seg_FillLesions`."""
    return external_filler(config.program, "NiftySeg")
