"""`cortical_thickness` of ANTsPyNet, where it is installed: tissues by its network, then DiReCT."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from brainfill.core.config import option
from brainfill.core.context import Context
from brainfill.core.errors import DataError, UnavailableError
from brainfill.core.external import find_program, run_program
from brainfill.core.volume import Scan
from brainfill.thickness._base import Backend, Thickness
from brainfill.thickness.backends._external import (
    INSTEAD,
    T1,
    check_folder,
    save_t1,
    tool_folder,
)
from brainfill.thickness.backends._maps import read_map
from brainfill.thickness.placed import map_by_region

_PACKAGE = "ANTsPyNet (pip install antspynet)"
_MAP = "thickness.nii.gz"
_LOOK = "import importlib.util, sys; sys.exit(importlib.util.find_spec('antspynet') is None)"
# In a process of its own: TensorFlow and its memory stay out of this one, and what it says goes to a log.
_SCRIPT = """
import sys, ants, antspynet
found = antspynet.cortical_thickness(ants.image_read(sys.argv[1]), verbose=True)
ants.image_write(found["thickness_image"], sys.argv[2])
"""
USES_LESIONS = True


@dataclass(frozen=True, kw_only=True)
class Config:
    """Where ANTsPyNet is, and how regions are laid on its map."""

    python: str = option("", "the Python that has ANTsPyNet; empty is the one that runs brainfill")
    skullstrip: str = option("auto", "who finds the brain that regions are laid on")


def missing(config: Config) -> str:
    """Whether the Python or the package is not there; empty when both are."""
    try:
        python = _python(config)
    except UnavailableError as error:
        return str(error)
    looked = subprocess.run([python, "-c", _LOOK], check=False, capture_output=True)  # noqa: S603 - no shell
    return f"'{python}' has no package antspynet" if looked.returncode else ""


def state(config: Config) -> dict[str, Any]:
    """What a result depends on beside images and settings: which program is called."""
    return {"Program": config.python or sys.executable}


def build(config: Config) -> Backend:
    """A backend that runs ANTsPyNet in a process of its own."""

    def measure(scan: Scan, ctx: Context) -> Thickness:
        if lacks := missing(config):
            hint = f"install {_PACKAGE}, name a Python that has it with --set python=PATH, or {INSTEAD}"
            raise UnavailableError(lacks, hint)
        folder = tool_folder("antspynet", ctx)
        save_t1(scan, folder)
        ctx.progress("running ANTsPyNet", 0, 1)
        n = ctx.threads_taken
        here = {"ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": str(n)} if n else {}
        asked = ["-c", _SCRIPT, T1, _MAP]
        log = folder / "antspynet.log"
        made = run_program(_python(config), asked, folder, _MAP, INSTEAD, log=log, variables=here)
        ctx.progress("running ANTsPyNet", 1, 1)
        result = map_by_region(read_map(made, scan.grid), scan, config.skullstrip, ctx)
        return replace(result, facts={**result.facts, "ToolFolder": str(folder)})

    return measure


def read(config: Config, folder: Path) -> Backend:
    """A backend that reads the thickness image, saved as thickness.nii.gz."""

    def measure(scan: Scan, ctx: Context) -> Thickness:
        check_folder(folder)
        if not (folder / _MAP).is_file():
            msg = f"found no result of ANTsPyNet in '{folder}': no {_MAP}"
            raise DataError(msg, f"save its thickness_image there as {_MAP}")
        values = read_map(folder / _MAP, scan.grid)
        return map_by_region(values, scan, config.skullstrip, ctx)

    return measure


def _python(config: Config) -> str:
    return find_program(config.python, "Python", INSTEAD) if config.python else sys.executable
