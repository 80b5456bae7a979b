"""FastSurfer, where it is installed: surfaces, in about an hour; regions after Desikan, Killiany and Tourville."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from brainfill.core.config import option
from brainfill.core.context import Context
from brainfill.core.errors import DataError
from brainfill.core.external import find_program, program_missing, run_program
from brainfill.core.volume import Scan
from brainfill.thickness._base import Backend, Thickness
from brainfill.thickness.backends._external import INSTEAD, check_folder, save_t1, tool_folder
from brainfill.thickness.freesurfer_tables import read_stats, stats_files

_PACKAGE = "FastSurfer (https://github.com/Deep-MI/FastSurfer)"
_SUBJECT = "subject"
_PARCELLATION = "aparc.DKTatlas.mapped"
USES_LESIONS = False


@dataclass(frozen=True, kw_only=True)
class Config:
    """How FastSurfer is called."""

    program: str = option("run_fastsurfer.sh", "name or path of the program")
    fs_license: str = option("", "FreeSurfer licence file; empty leaves it to FastSurfer to find")
    arguments: tuple[str, ...] = option((), "further arguments of the program")


def missing(config: Config) -> str:
    """Which program is not there; empty when it is."""
    return program_missing(config.program, _PACKAGE)


def state(config: Config) -> dict[str, Any]:
    """What a result depends on beside images and settings: which program is called."""
    return {"Program": shutil.which(config.program)}


def build(config: Config) -> Backend:
    """A backend that runs `run_fastsurfer.sh`."""

    def measure(scan: Scan, ctx: Context) -> Thickness:
        found = find_program(config.program, _PACKAGE, INSTEAD)
        folder = tool_folder("fastsurfer", ctx)
        asked = ["--t1", str(save_t1(scan, folder)), "--sid", _SUBJECT, "--sd", str(folder)]
        asked += ["--fs_license", config.fs_license] if config.fs_license else []
        asked += ["--threads", str(ctx.threads_taken)] if ctx.threads_taken else []
        ctx.progress("running FastSurfer", 0, 1)
        done = f"{_SUBJECT}/stats/rh.{_PARCELLATION}.stats"
        log = folder / "fastsurfer.log"
        run_program(found, [*asked, *config.arguments], folder, done, INSTEAD, log=log)
        ctx.progress("running FastSurfer", 1, 1)
        result = read_stats(stats_files(folder / _SUBJECT, _PARCELLATION))
        return replace(result, facts={"ToolFolder": str(folder)})

    return measure


def read(config: Config, folder: Path) -> Backend:  # noqa: ARG001 - the protocol of backends
    """A backend that reads the stats of a subject's folder."""

    def measure(scan: Scan, ctx: Context) -> Thickness:  # noqa: ARG001 - the protocol of backends
        check_folder(folder)
        files = stats_files(folder, _PARCELLATION)
        if not all(path.is_file() for path in files.values()):
            msg = f"found no results of FastSurfer in '{folder}': no stats/lh.{_PARCELLATION}.stats"
            raise DataError(msg, "give the folder of a finished subject")
        return read_stats(files)

    return measure
