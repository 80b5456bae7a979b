"""`recon-all` of FreeSurfer, where it is installed: surfaces, in hours; regions after Desikan and Killiany."""

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
from brainfill.thickness.backends._external import (
    INSTEAD,
    T1,
    check_folder,
    save_t1,
    tool_folder,
)
from brainfill.thickness.freesurfer_tables import (
    read_stats,
    read_tables,
    stats_files,
    tables_in,
)

_PACKAGE = "FreeSurfer (https://surfer.nmr.mgh.harvard.edu)"
_SUBJECT = "subject"
_MEASURES = ("thickness", "thicknessstd", "volume")
USES_LESIONS = False


@dataclass(frozen=True, kw_only=True)
class Config:
    """How FreeSurfer is called."""

    program: str = option("recon-all", "name or path of the program")
    tables: str = option("aparcstats2table", "name or path of the program that writes tables")
    arguments: tuple[str, ...] = option((), "further arguments of recon-all")
    subject: str = option("", "whose row to read from tables with several subjects")


def missing(config: Config) -> str:
    """Which program is not there; empty when both are."""
    return program_missing(config.program, _PACKAGE) or program_missing(config.tables, _PACKAGE)


def state(config: Config) -> dict[str, Any]:
    """What a result depends on beside images and settings: which program is called."""
    return {"Program": shutil.which(config.program)}


def build(config: Config) -> Backend:
    """A backend that runs `recon-all -all` and has its tables written."""

    def measure(scan: Scan, ctx: Context) -> Thickness:
        recon, tables = (
            find_program(p, _PACKAGE, INSTEAD) for p in (config.program, config.tables)
        )
        folder = tool_folder("freesurfer", ctx)
        save_t1(scan, folder)
        ctx.progress("running FreeSurfer", 0, 2)
        here = {"SUBJECTS_DIR": str(folder)}
        asked = ["-s", _SUBJECT, "-i", T1, "-all", "-sd", str(folder)]
        if ctx.threads_taken:
            asked += ["-openmp", str(ctx.threads_taken)]
        done = f"{_SUBJECT}/stats/rh.aparc.stats"
        run_program(
            recon,
            [*asked, *config.arguments],
            folder,
            done,
            INSTEAD,
            log=folder / "recon-all.log",
            variables=here,
        )
        ctx.progress("running FreeSurfer", 1, 2)
        for hemisphere in ("lh", "rh"):
            for measured in _MEASURES:
                table = f"{hemisphere}.aparc.{measured}.csv"
                asked = ["--subjects", _SUBJECT, "--hemi", hemisphere, "--meas", measured]
                asked += ["--parc", "aparc", "-t", table, "-d", "comma"]
                log = folder / f"{table}.log"
                run_program(tables, asked, folder, table, INSTEAD, log=log, variables=here)
        ctx.progress("running FreeSurfer", 2, 2)
        found = read_tables(tables_in(folder), "")
        return replace(found, facts={"ToolFolder": str(folder)})

    return measure


def read(config: Config, folder: Path) -> Backend:
    """A backend that reads tables of aparcstats2table (csv), or the stats of a subject's folder."""

    def measure(scan: Scan, ctx: Context) -> Thickness:  # noqa: ARG001 - the protocol of backends
        check_folder(folder)
        if tables := tables_in(folder):
            return read_tables(tables, config.subject)
        files = stats_files(folder, "aparc")
        if not all(path.is_file() for path in files.values()):
            msg = f"found no results of FreeSurfer in '{folder}': neither csv tables of aparcstats2table nor stats/lh.aparc.stats"
            raise DataError(msg, "give a subject's folder, or one with the tables")
        return read_stats(files)

    return measure
