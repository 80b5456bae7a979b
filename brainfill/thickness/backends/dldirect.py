"""DL+DiReCT, where it is installed: tissues and regions by a network, then DiReCT (Rebsamen 2020)."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from brainfill.core.cells import rows_of
from brainfill.core.config import option
from brainfill.core.context import Context
from brainfill.core.documents import read_text
from brainfill.core.errors import DataError
from brainfill.core.external import find_program, program_missing, run_program
from brainfill.core.volume import Scan
from brainfill.preprocess.brain import stripped_brain
from brainfill.thickness._base import Backend, Thickness
from brainfill.thickness.backends._external import INSTEAD, check_folder, save_t1, tool_folder
from brainfill.thickness.backends._maps import read_map
from brainfill.thickness.desikan import Cell, desikan_thickness, split_name

_PACKAGE = "DL+DiReCT (https://github.com/SCAN-NRAD/DL-DiReCT)"
_SUBJECT = "subject"
_THICK, _SD, _MAP = "result-thick.csv", "result-thickstd.csv", "T1w_norm_thickmap.nii.gz"
_VOLUMES = "result-vol.csv"
_ML = 1e-3  # of a mm^3
USES_LESIONS = False


@dataclass(frozen=True, kw_only=True)
class Config:
    """How DL+DiReCT is called."""

    program: str = option("dl+direct", "name or path of the program")
    model: str = option("", "its model, such as v6 for contrast agents; empty is its own choice")
    arguments: tuple[str, ...] = option((), "further arguments of the program")


def missing(config: Config) -> str:
    """Which program is not there; empty when it is."""
    return program_missing(config.program, _PACKAGE)


def state(config: Config) -> dict[str, Any]:
    """What a result depends on beside images and settings: which program is called."""
    return {"Program": shutil.which(config.program)}


def build(config: Config) -> Backend:
    """A backend that runs `dl+direct`, which strips the skull of images that have one."""

    def measure(scan: Scan, ctx: Context) -> Thickness:
        found = find_program(config.program, _PACKAGE, INSTEAD)
        folder = tool_folder("dldirect", ctx)
        asked = ["--subject", _SUBJECT]
        asked += [] if stripped_brain(scan.images["T1w"]) else ["--bet"]
        asked += ["--model", config.model] if config.model else []
        asked += [*config.arguments, str(save_t1(scan, folder)), str(folder)]
        ctx.progress("running DL+DiReCT", 0, 1)
        run_program(found, asked, folder, _THICK, INSTEAD, log=folder / "dldirect.log")
        ctx.progress("running DL+DiReCT", 1, 1)
        result = _read(folder, scan)
        return replace(result, facts={"ToolFolder": str(folder)})

    return measure


def read(config: Config, folder: Path) -> Backend:  # noqa: ARG001 - the protocol of backends
    """A backend that reads an output folder of `dl+direct`."""

    def measure(scan: Scan, ctx: Context) -> Thickness:  # noqa: ARG001 - the protocol of backends
        check_folder(folder)
        if not (folder / _THICK).is_file():
            msg = f"found no results of DL+DiReCT in '{folder}': no {_THICK}"
            raise DataError(msg, "give its output folder")
        return _read(folder, scan)

    return measure


def _read(folder: Path, scan: Scan) -> Thickness:
    sd = _cells(folder / _SD) if (folder / _SD).is_file() else None
    volumes = _cells(folder / _VOLUMES) if (folder / _VOLUMES).is_file() else {}
    found = desikan_thickness(
        _cells(folder / _THICK),
        str(folder / _THICK),
        sd_mm=sd,
        volume_ml={cell: value * _ML for cell, value in volumes.items()},
    )
    path = folder / _MAP
    return replace(found, map=read_map(path, scan.grid)) if path.is_file() else found


def _cells(path: Path) -> dict[Cell, float]:
    """The one row of a table by side and region; other columns are passed over.

    Raises:
        DataError: it has no header and one row of numbers.
    """
    rows = [row for row in rows_of(read_text(path), str(path), ",") if row]
    if len(rows) != 2 or len(rows[0]) != len(rows[1]):
        msg = f"'{path}' should hold a header and one row of as many cells"
        raise DataError(msg, "give the output folder of one subject")
    try:
        named = ((split_name(n), text) for n, text in zip(rows[0], rows[1], strict=True))
        return {cell: float(text) for cell, text in named if cell}
    except ValueError as error:
        msg = f"'{path}' holds something else than numbers: {error}"
        raise DataError(msg, "give the output folder of one subject") from error
