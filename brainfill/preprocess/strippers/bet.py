"""`bet` of FSL, where it is installed (Smith 2002): quick, and in need of a look at its result."""

from __future__ import annotations

from dataclasses import dataclass

from brainfill.core.config import check_ranges, option
from brainfill.core.external import program_missing
from brainfill.preprocess.strippers._base import Stripper
from brainfill.preprocess.strippers._external import IMAGE, external_stripper


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of BET."""

    program: str = option("bet", "name or path of the program")
    fraction: float = option(0.5, "smaller values give larger brains", low=0, high=1)

    def __post_init__(self) -> None:
        check_ranges(self)


def missing(config: Config) -> str:
    """Which program is not there; empty when it is."""
    return program_missing(config.program, "FSL")


def build(config: Config) -> Stripper:
    """A stripper that runs `bet`, with its estimate of the centre made robust to necks."""
    arguments = (IMAGE, "out", "-m", "-n", "-R", "-f", f"{config.fraction:g}")
    return external_stripper(config.program, "FSL", arguments, "out_mask.nii.gz")
