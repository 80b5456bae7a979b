"""`mri_synthstrip` of FreeSurfer, where it is installed (Hoopes 2022)."""

from __future__ import annotations

from dataclasses import dataclass

from brainfill.core.config import option
from brainfill.core.external import program_missing
from brainfill.preprocess.strippers._base import Stripper
from brainfill.preprocess.strippers._external import IMAGE, external_stripper

_MASK = "brain.nii.gz"


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of SynthStrip."""

    program: str = option("mri_synthstrip", "name or path of the program")


def missing(config: Config) -> str:
    """Which program is not there; empty when it is."""
    return program_missing(config.program, "FreeSurfer")


def build(config: Config) -> Stripper:
    """A stripper that runs `mri_synthstrip`."""
    return external_stripper(config.program, "FreeSurfer", ("-i", IMAGE, "-m", _MASK), _MASK)
