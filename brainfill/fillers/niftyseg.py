"""`seg_FillLesions` of NiftySeg, where it is installed: non-local patches (Prados et al. 2016)."""

from __future__ import annotations

from dataclasses import dataclass

from brainfill.core.config import option
from brainfill.core.external import program_missing
from brainfill.fillers._base import Filler
from brainfill.fillers._external import external_filler


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of filling by NiftySeg."""

    program: str = option("seg_FillLesions", "name or path of the program")


def missing(config: Config) -> str:
    """Which program is not there; empty when it is."""
    return program_missing(config.program, "NiftySeg")


def build(config: Config) -> Filler:
    """A filler that runs `seg_FillLesions`."""
    return external_filler(config.program, "NiftySeg")
