"""`antsCorticalThickness.sh` of ANTs, where it is installed: Atropos and DiReCT, in hours."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from brainfill.core.config import option
from brainfill.core.context import Context
from brainfill.core.errors import DataError, UnavailableError
from brainfill.core.external import find_program, program_missing, run_program
from brainfill.core.volume import Scan
from brainfill.thickness._base import Backend, Thickness
from brainfill.thickness.backends._external import INSTEAD, check_folder, save_t1, tool_folder
from brainfill.thickness.backends._maps import read_map
from brainfill.thickness.placed import map_by_region

_PACKAGE = "ANTs (https://github.com/ANTsX/ANTs)"
_MAP = "CorticalThickness.nii.gz"
# What the script needs of a template folder, by its options; names as in the OASIS template of ANTs.
_TEMPLATE = {
    "-e": "T_template0.nii.gz",
    "-t": "T_template0_BrainCerebellum.nii.gz",
    "-m": "T_template0_BrainCerebellumProbabilityMask.nii.gz",
    "-f": "T_template0_BrainCerebellumExtractionMask.nii.gz",
    "-p": "Priors2/priors%d.nii.gz",
}
USES_LESIONS = True


@dataclass(frozen=True, kw_only=True)
class Config:
    """How the script is called."""

    program: str = option("antsCorticalThickness.sh", "name or path of the program")
    template: str = option(
        "", "folder of the OASIS template of ANTs (T_template0.nii.gz, Priors2, ...)"
    )
    arguments: tuple[str, ...] = option((), 'further arguments of the script, such as -c "WM[7]"')
    skullstrip: str = option("auto", "who finds the brain that regions are laid on")


def missing(config: Config) -> str:
    """Which program or template file is not there; empty when all are."""
    return program_missing(config.program, _PACKAGE) or _template_lacks(config)


def state(config: Config) -> dict[str, Any]:
    """What a result depends on beside images and settings: which program is called."""
    return {"Program": shutil.which(config.program)}


def build(config: Config) -> Backend:
    """A backend that runs `antsCorticalThickness.sh`."""

    def measure(scan: Scan, ctx: Context) -> Thickness:
        found = find_program(config.program, _PACKAGE, INSTEAD)
        if lacks := _template_lacks(config):
            hint = "unpack the OASIS template of ANTs (https://doi.org/10.6084/m9.figshare.915436) and name it: --set template=FOLDER"
            raise UnavailableError(lacks, hint)
        folder = tool_folder("ants", ctx)
        template = Path(config.template).resolve()
        asked = ["-d", "3", "-a", str(save_t1(scan, folder)), "-o", f"{folder}/"]
        for option_, name in _TEMPLATE.items():
            asked += [option_, str(template / name)]
        ctx.progress("running antsCorticalThickness.sh", 0, 1)
        n = ctx.threads_taken
        here = {"ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": str(n)} if n else {}
        log = folder / "antsCorticalThickness.log"
        made = run_program(
            found, [*asked, *config.arguments], folder, _MAP, INSTEAD, log=log, variables=here
        )
        ctx.progress("running antsCorticalThickness.sh", 1, 1)
        result = map_by_region(read_map(made, scan.grid), scan, config.skullstrip, ctx)
        return replace(result, facts={**result.facts, "ToolFolder": str(folder)})

    return measure


def read(config: Config, folder: Path) -> Backend:
    """A backend that reads the map that the script left, whatever its prefix was."""

    def measure(scan: Scan, ctx: Context) -> Thickness:
        check_folder(folder)
        maps = sorted(folder.glob(f"*{_MAP}"))
        if len(maps) != 1:
            names = ", ".join(p.name for p in maps) or "none"
            msg = f"'{folder}' should hold one map named *{_MAP}, found {names}"
            raise DataError(msg, "give the output folder of one subject")
        values = read_map(maps[0], scan.grid)
        return map_by_region(values, scan, config.skullstrip, ctx)

    return measure


def _template_lacks(config: Config) -> str:
    if not config.template:
        return "antsCorticalThickness.sh needs a template, and none is named"
    folder = Path(config.template)
    for name in _TEMPLATE.values():
        if not (folder / name.replace("%d", "1")).is_file():
            return f"template '{folder}' has no {name}"
    return ""
