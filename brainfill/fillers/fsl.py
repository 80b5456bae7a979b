"""`lesion_filling` of FSL, where it is installed: values drawn from the tissue at each lesion's border."""

from __future__ import annotations

from dataclasses import dataclass

from brainfill.core.config import option
from brainfill.core.external import program_missing
from brainfill.fillers._base import Filler
from brainfill.fillers._external import external_filler


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of filling by FSL."""

    program: str = option("lesion_filling", "name or path of the program")


def missing(config: Config) -> str:
    """Which program is not there; empty when it is."""
    return program_missing(config.program, "FSL")


def build(config: Config) -> Filler:
    """A filler that runs `lesion_filling`."""
    return external_filler(config.program, "FSL")
